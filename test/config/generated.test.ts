import { expect, test } from 'vitest';
import type { Options } from '../../src/config/kind.ts';
import { OPTIONS } from '../../src/config/options.ts';
import { overridables } from '../../src/config/overrides.ts';
import { formatSample, SAMPLE_BASE } from '../../src/config/sample.ts';
import { configSchema } from '../../src/config/schema.ts';
import { load } from './load-text.ts';

test('the sample says what it was made from, and loads', async () => {
  const { config } = await load(SAMPLE_BASE);
  expect((await load(formatSample(config))).config).toEqual(config);
});

test('the sample keeps what environment and flags say, also where YAML would misread it', async () => {
  const environment = {
    vip_localpeer: 'no:[fd00::1]:1',
    vip_peers: '12:[fd00::2]:1,#c:[fd00::3]:1',
    FAIRLEAD_VIPS: 'fd00::75,192.0.2.75/24',
    lb_name: 'a: "b"',
  };
  const { config } = await load(SAMPLE_BASE, { environment });
  expect((await load(formatSample(config))).config).toEqual(config);
});

test('every line of the sample that is commented out can be put to use', async () => {
  const { config } = await load(SAMPLE_BASE);
  const sample = formatSample(config);
  // These two speak of a file and a name of another machine.
  const elsewhere = ['peerKeyFile', 'address'];
  for (const [name, { refused }] of Object.entries(OPTIONS)) {
    if (refused || elsewhere.includes(name) || new RegExp(`^${name}:`, 'm').test(sample)) continue;
    const used = sample.replace(`\n# ${name}: `, `\n${name}: `);
    expect(used, name).not.toBe(sample);
    await load(used);
  }
});

test('the JSON Schema knows every option, and no other', () => {
  const { properties } = configSchema();
  const known = Object.entries(OPTIONS).flatMap(([name, { refused, aliases }]) =>
    refused ? [] : [name, ...aliases],
  );
  expect(Object.keys(properties ?? {}).toSorted()).toEqual(known.toSorted());
});

test('names of environment and flags are unique, and every option is described', () => {
  const named = overridables().flatMap(({ environment, flag }) => [environment, flag]);
  const names = named.filter((name) => name !== undefined);
  expect(names).toEqual([...new Set(names)]);
  const check = (options: Options): void => {
    for (const [name, { description, kind, refused }] of Object.entries(options)) {
      expect(description, name).toMatch(/^\S.{5,}\.$/);
      if (kind.shape.type === 'fields' && !refused) check(kind.shape.options);
    }
  };
  check(OPTIONS);
});
