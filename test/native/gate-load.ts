import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { compile } from '../lab/compile.ts';

/** What gate_renewals.cc measured. */
export interface Renewals {
  readonly renewals: number;
  /** How often the gate had closed by itself. */
  readonly lapses: number;
  /** The same without those where the host of a virtual machine took processor time meanwhile. */
  readonly lapsesUndisturbed: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly maxUndisturbedUs: number;
}

/** Compiles the program, so that measuring does not wait for it. */
export function renewalsProgram(): string {
  const parts = ['native/base', 'native/netlink', 'native/nft', 'native/gate'];
  return compile('test/native/gate_renewals.cc', ['-O1', '-fno-exceptions'], parts);
}

/** Measures renewals while `meanwhile` runs. */
export async function renewals(
  options: { readonly link: string; readonly vips: number; readonly timeoutMs: number },
  meanwhile: () => Promise<unknown>,
): Promise<Renewals> {
  const { link, vips, timeoutMs } = options;
  const child: ChildProcess = spawn(renewalsProgram(), [link, String(vips), String(timeoutMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'close');
  while (!said.includes('open')) {
    if (child.exitCode !== null) throw new Error(`gate_renewals ended with ${child.exitCode}`);
    await sleep(5);
  }
  await meanwhile();
  child.stdin?.end();
  await ended;
  return JSON.parse(said.slice(said.indexOf('{')));
}

/**
 * Loads a ruleset as kube-proxy's in mode nftables: a chain for each Service and for each of its
 * two endpoints, in one transaction. Returns how long that took, in ms.
 */
export async function loadServices(count: number, file: string): Promise<number> {
  writeFileSync(file, servicesRuleset(count));
  const began = performance.now();
  await promisify(execFile)('nft', ['-f', file]);
  return performance.now() - began;
}

function servicesRuleset(count: number): string {
  const lines = [
    'table ip kube-proxy {',
    'chain mark-for-masquerade { meta mark set meta mark or 0x4000; }',
  ];
  const services: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const [high, low] = [i >> 8, i & 255];
    for (const end of [1, 2]) {
      const endpoint = `10.${243 + end}.${high}.${low}`;
      lines.push(`chain endpoint-${i}-${end} {`);
      lines.push(`ip saddr ${endpoint} jump mark-for-masquerade;`);
      lines.push(`meta l4proto tcp dnat to ${endpoint}:8080;`, '}');
    }
    lines.push(`chain service-${i} {`);
    lines.push(
      `ip daddr 10.96.${high}.${low} tcp dport 80 ip saddr != 10.244.0.0/15 jump mark-for-masquerade;`,
    );
    lines.push(
      `numgen random mod 2 vmap { 0 : goto endpoint-${i}-1, 1 : goto endpoint-${i}-2 };`,
      '}',
    );
    services.push(`10.96.${high}.${low} . tcp . 80 : goto service-${i}`);
  }
  lines.push('map service-ips { type ipv4_addr . inet_proto . inet_service : verdict;');
  lines.push(`elements = { ${services.join(',\n')} } }`);
  lines.push('chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }');
  for (const hook of ['prerouting', 'output']) {
    lines.push(`chain nat-${hook} { type nat hook ${hook} priority -100; jump services; }`);
  }
  return `${lines.join('\n')}\n}\n`;
}
