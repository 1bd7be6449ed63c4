import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildProgram, fairlead, MAIN } from './fairlead.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'fairlead-cli-'));
beforeAll(buildProgram);
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
}

const alone = file('alone.yaml', 'singleNode: true\nvip: 192.0.2.75\n');
const bad = file('bad.yaml', 'singleNode: true\nvip: 192.0.2.750\npriority: high\n');

test('without a command, usage goes to stderr and the exit code is 2', async () => {
  const { code, out, err } = await fairlead([]);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain('Usage: fairlead');
});

test('help that was asked for is data', async () => {
  const { code, out, err } = await fairlead(['help']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  for (const command of ['run', 'status', 'handoff', 'check', 'config', 'version']) {
    expect(out).toContain(`  ${command}`);
  }
});

test('an unknown command, and an unknown flag, get a suggestion', async () => {
  const command = await fairlead(['statsu']);
  expect(command).toMatchObject({ code: 2, out: '' });
  expect(command.err).toContain('Did you mean status?');
  const flag = await fairlead(['run', '--interfaces', 'eth0']);
  expect(flag).toMatchObject({ code: 2, out: '' });
  expect(flag.err).toContain('Did you mean --interface?');
});

test('version says what it runs on', async () => {
  const { code, out } = await fairlead(['version', '-o', 'json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    apiVersion: 'fairlead.io/v1',
    kind: 'Version',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    node: process.versions.node,
  });
  expect((await fairlead(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('config validate says valid on stdout, or every problem on stderr with exit code 2', async () => {
  expect(await fairlead(['config', 'validate', '-c', alone])).toEqual({
    code: 0,
    out: `${alone} is valid\n`,
    err: '',
  });
  expect(await fairlead(['config', 'validate', '-c', bad])).toEqual({
    code: 2,
    out: '',
    err: [
      `${bad}:2:6: vip is "192.0.2.750", which is not an IP address; write an address such as 192.0.2.10 or 2001:db8::10`,
      `${bad}:3:11: priority is "high", which is not a whole number from 0 to 255; write a whole number from 0 to 255`,
      `${bad}: 2 problems\n`,
    ].join('\n'),
  });
});

test('config validate -o json is for programs', async () => {
  const { code, out, err } = await fairlead(['config', 'validate', '-c', bad, '-o', 'json']);
  expect({ code, err }).toEqual({ code: 2, err: '' });
  expect(JSON.parse(out)).toMatchObject({
    kind: 'ConfigReport',
    valid: false,
    problems: [
      { from: 'file', file: bad, line: 2, column: 6 },
      { from: 'file', line: 3, column: 11 },
    ],
    warnings: [],
  });
});

test('config validate reads the key file as the daemon will', async () => {
  const key = file('key', 'too short\n');
  const config = file(
    'three.yaml',
    `localPeer: {id: a, address: 192.0.2.1}\nremotePeers: [{id: b, address: 192.0.2.2}, {id: c, address: 192.0.2.3}]\nvip: 192.0.2.75\npeerKeyFile: ${key}\n`,
  );
  const { code, err } = await fairlead(['config', 'validate', '-c', config]);
  expect(code).toBe(2);
  expect(err).toContain(`${config}:4:14: Cannot use the key file "${key}":`);
});

test('config explain shows where every value comes from', async () => {
  const args = ['config', 'explain', '-c', alone, '--profile', 'fast', '-o', 'json'];
  const { code, out } = await fairlead(args, { vip_interface: 'eth7' });
  expect(code).toBe(0);
  const { values } = JSON.parse(out);
  expect(values).toContainEqual({ key: 'vip', value: '192.0.2.75', from: `${alone}:2:6` });
  expect(values).toContainEqual({
    key: 'interface',
    value: 'eth7',
    from: 'environment vip_interface',
  });
  expect(values).toContainEqual({ key: 'profile', value: 'fast', from: 'flag --profile' });
  expect(values).toContainEqual({
    key: 'election.heartbeatMs',
    value: 20,
    from: 'default (profile fast)',
  });
});

test('sample config, by both names, prints a file that is valid', async () => {
  const flags = ['--vip', '192.0.2.99', '--arp=false', '--lbBindToVip', '--lbPort', '443'];
  const [ours, theirs] = await Promise.all([
    fairlead(['config', 'sample', ...flags]),
    fairlead(['sample', 'config', ...flags]),
  ]);
  expect(theirs).toEqual(ours);
  expect(ours.code).toBe(0);
  expect(ours.out).toContain('\nvip: 192.0.2.99\n');
  expect(ours.out).toContain('\ngratuitousARP: false\n');
  const sample = file('sample.yaml', ours.out);
  expect(await fairlead(['config', 'validate', '-c', sample])).toMatchObject({ code: 0 });
});

test('run refuses a bad configuration with exit code 2, before it touches anything', async () => {
  for (const verb of [['run'], ['start'], ['--log', '5', 'start']]) {
    const { code, out, err } = await fairlead([...verb, '-c', bad]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.split('\n')).toHaveLength(3);
  }
});

test('status without a daemon ends with 3', async () => {
  const { code, out, err } = await fairlead(['status', '--socket', '/nowhere/fairlead.sock']);
  expect({ code, out }).toEqual({ code: 3, out: '' });
  expect(err).toContain('Cannot reach the daemon at "/nowhere/fairlead.sock": ENOENT');
});

test('a reader that goes away is no error', async () => {
  const child = spawn(process.execPath, [MAIN, 'config', 'schema'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = await once(child, 'close');
  expect({ code, err }).toEqual({ code: 0, err: '' });
});

test('the shells complete commands, flags and choices', async () => {
  const { code, out: script } = await fairlead(['completion', 'bash']);
  expect(code).toBe(0);
  const complete = (...words: string[]): string[] => {
    const line = ['fairlead', ...words].map((word) => `'${word}'`).join(' ');
    const probe = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length}; _fairlead; echo "\${COMPREPLY[@]}"`;
    return spawnSync('bash', ['-c', probe], { encoding: 'utf8' }).stdout.trim().split(' ');
  };
  expect(complete('conf')).toEqual(['config']);
  expect(complete('config', 'v')).toEqual(['validate']);
  expect(complete('config', 'explain', '-c', 'x', '--prof')).toEqual(['--profile']);
  expect(complete('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
  for (const shell of ['zsh', 'fish']) {
    expect((await fairlead(['completion', shell])).out).toContain('validate');
  }
});

test('an old Node is told what is missing, by a file that it can parse', () => {
  const bin = path.resolve(import.meta.dirname, '../../bin/fairlead.cjs');
  const old = `Object.defineProperty(process.versions, 'node', { value: '12.22.9' }); require(${JSON.stringify(bin)})`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', old], { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr).toContain('needs Node.js 20.19 or later; this is 12.22.9');
});
