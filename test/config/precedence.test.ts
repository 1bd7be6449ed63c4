import { expect, test } from 'vitest';
import { OPTIONS } from '../../src/config/options.ts';
import { longFlag } from '../../src/config/overrides.ts';
import { formatOrigin } from '../../src/config/source.ts';
import { ALONE, load, problemsOf, THREE } from './load-text.ts';

/** `key value from`, for the keys that a test is about. */
async function explained(keys: readonly string[], ...sources: Parameters<typeof load>) {
  const { explained: all } = await load(...sources);
  return all
    .filter(({ key }) => keys.includes(key))
    .map(({ key, value, origin }) => `${key} ${value} ${formatOrigin(origin)}`);
}

test('a flag stands above the environment, that above the file, that above the default', async () => {
  const keys = ['vip', 'interface', 'priority', 'profile', 'election.heartbeatMs'];
  const file = `${ALONE}interface: eth0\npriority: 1\n`;
  const environment = { vip_interface: 'eth1', vip_address: '192.0.2.76', FAIRLEAD_PROFILE: '' };
  const flags = { '--vip': '192.0.2.77' };
  expect(await explained(keys, file, { environment, flags })).toEqual([
    'vip 192.0.2.77 flag --vip',
    'interface eth1 environment vip_interface',
    'priority 1 f:4:11',
    'profile default default',
    'election.heartbeatMs 50 default (profile default)',
  ]);
});

test('environment and flags describe the first load balancer, value by value', async () => {
  const file = `${ALONE}loadBalancers:\n- {port: 80, backends: [{address: 192.0.2.9, port: 8080}]}\n- {port: 81, backends: [{address: 192.0.2.9, port: 8080}]}\n`;
  const { config } = await load(file, {
    environment: { lb_port: '90' },
    flags: { '--lbName': 'x' },
  });
  expect(config.loadBalancers.map(({ name, port }) => `${name} ${port}`)).toEqual([
    'x 90',
    'tcp-81 81',
  ]);
});

test('election settings of the environment join those of the file', async () => {
  const { config } = await load(`${THREE}election: {heartbeatMs: 40}`, {
    environment: { FAIRLEAD_ELECTION_ELECTION_TIMEOUT_MS: '400' },
  });
  expect(config.election).toMatchObject({ heartbeatMs: 40, electionTimeoutMs: 400 });
  expect(config.linkDownGraceMs).toBe(200);
});

test('vip and address are one option, so the higher source wins', async () => {
  const environment = { vip_address: '192.0.2.76' };
  const file = 'singleNode: true\naddress: vip.example.com\n';
  expect((await load(file, { environment })).config.vips).toMatchObject([
    { address: '192.0.2.76' },
  ]);
  expect((await load(file)).config.vipName).toEqual({ name: 'vip.example.com', prefixLength: 32 });
  expect(await problemsOf(`${ALONE}address: 192.0.2.76\n`)).toBe(
    'f:3:10: address and vip name different VIPs, and are the same option; keep one of the two; further VIPs go under vips',
  );
  expect((await load(`${ALONE}address: 192.0.2.75\n`)).config.vips).toHaveLength(1);
});

/** Scalars of the top level; `address` has its own test above. */
const scalars = Object.entries(OPTIONS).flatMap(
  ([name, { kind, refused, example = '', ...names }]) =>
    refused || kind.shape.type !== 'scalar' || name === 'address'
      ? []
      : [{ name, example, ...names }],
);

test.each(scalars)('$name means the same in file, environment and flag', async (option) => {
  const { name, environment = '', flag = '' } = option;
  const example = name === 'peerKeyFile' ? '/dev/null' : option.example;
  const base = ['voterOnly', 'peerKeyFile'].includes(name) ? THREE : ALONE;
  const without = base
    .split('\n')
    .filter((line) => !line.startsWith(`${name}:`))
    .join('\n');
  // Some examples are refused in this base; then all three are, for the same reason.
  const outcome = async (...sources: Parameters<typeof load>) => {
    try {
      const { explained: all } = await load(...sources);
      return all.find(({ key }) => key === name)?.value;
    } catch (err) {
      return String(err).replace(/(?:f:\S+|environment \S+|flag \S+): /g, '');
    }
  };
  const inFile = await outcome(`${without}\n${name}: ${example}\n`);
  expect(inFile).toBeDefined();
  if (environment !== '') {
    expect(await outcome(without, { environment: { [environment]: example } })).toEqual(inFile);
  }
  if (flag !== '') {
    expect(await outcome(without, { flags: { [longFlag(flag)]: example } })).toEqual(inFile);
  }
});

test('every option of the top level can be given without a file, or says that it cannot', () => {
  const without = Object.entries(OPTIONS)
    .filter(([, { environment, refused }]) => environment === undefined && !refused)
    .map(([name]) => name);
  expect(without).toEqual(['election', 'loadBalancers']);
});
