import { expect, test } from 'vitest';
import { resolveNames } from '../../src/config/vips.ts';
import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';
import { load } from './load-text.ts';

const NAMED = 'singleNode: true\naddress: vip.example.com\ninterface: eth0\nvipCidr: 24\n';

/** Resolves as a name server would that knows the one name. */
async function resolved(text: string, answer: readonly string[]): Promise<unknown> {
  const { config } = await load(text);
  const addresses = answer.flatMap((each): IpAddress[] => {
    const address = parseIpAddress(each);
    return address === undefined ? [] : [address];
  });
  try {
    return (await resolveNames(config, async () => addresses)).vips;
  } catch (err) {
    return String(err);
  }
}

test("a name's addresses become VIPs, one a family", async () => {
  expect(await resolved(NAMED, ['2001:db8::75', '192.0.2.75'])).toEqual([
    { address: '2001:db8::75', prefixLength: 128, interface: 'eth0' },
    { address: '192.0.2.75', prefixLength: 24, interface: 'eth0' },
  ]);
});

test('an address that is a VIP already is not added again', async () => {
  expect(await resolved(`${NAMED}vips: [192.0.2.75]\n`, ['192.0.2.75'])).toEqual([
    { address: '192.0.2.75', prefixLength: 32, interface: 'eth0' },
  ]);
});

test('a name with several addresses is refused: nodes would choose differently', async () => {
  expect(await resolved(NAMED, ['192.0.2.75', '192.0.2.76'])).toContain(
    'Cannot resolve the VIP\'s name "vip.example.com": it has several addresses: 192.0.2.75, 192.0.2.76',
  );
  expect(await resolved(NAMED, [])).toContain('it has no address');
});

test('a failure of the name service is told with its cause', async () => {
  const { config } = await load(NAMED);
  const failing = resolveNames(config, () => Promise.reject(new Error('queryA ETIMEOUT')));
  await expect(failing).rejects.toMatchObject({
    code: 'name-not-resolved',
    message: 'Cannot resolve the VIP\'s name "vip.example.com": queryA ETIMEOUT',
  });
});

test('vips takes addresses in short and in full, with an interface each', async () => {
  const { config } = await load(`
singleNode: true
interface: eth0
vips:
- 192.0.2.75
- 192.0.2.76/24
- "2001:db8::75"
- {address: 192.0.2.77, interface: "ens*"}
- {address: "2001:db8::76", prefixLength: 64, interface: 192.0.2.0/24}
`);
  expect(config.vips).toMatchInlineSnapshot(`
    [
      {
        "address": "192.0.2.75",
        "interface": "eth0",
        "prefixLength": 32,
      },
      {
        "address": "192.0.2.76",
        "interface": "eth0",
        "prefixLength": 24,
      },
      {
        "address": "2001:db8::75",
        "interface": "eth0",
        "prefixLength": 128,
      },
      {
        "address": "192.0.2.77",
        "interface": "ens*",
        "prefixLength": 32,
      },
      {
        "address": "2001:db8::76",
        "interface": "192.0.2.0/24",
        "prefixLength": 64,
      },
    ]
  `);
});

test('a Config is frozen to its leaves', async () => {
  const { config } = await load('singleNode: true\nvip: 192.0.2.75\n');
  expect([config, config.vips, config.vips[0], config.election].every(Object.isFrozen)).toBe(true);
});
