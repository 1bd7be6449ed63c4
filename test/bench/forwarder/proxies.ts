import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SERVER, TO_CLIENT, VIP } from './stand.ts';
import { BUSY_POLLING } from './workload.ts';

/** One program that stands between client and server, in one setting. */
export interface Proxy {
  readonly name: string;
  /** Writes its configuration below `folder`, and returns the command that runs it. */
  command(folder: string): readonly string[];
  /** Whether it binds the VIP by itself. */
  readonly bindsVip?: true;
}

/** What the client asks, and where the server is. */
export const FRONT_PORT = 9000;
export const SERVER_PORT = 9001;

const FRONT = `${VIP}:${FRONT_PORT}`;
const BACK = `${SERVER}:${SERVER_PORT}`;

/** As an operator would start it, guard and gate included. */
function fairlead(name: string, busyPollUs: number): Proxy {
  const command = (folder: string): readonly string[] => {
    const text = `localPeer: {id: bench, address: 198.18.0.1, port: 10000}
vips: [{address: ${VIP}, interface: ${TO_CLIENT}}]
singleNode: true
threads: 1
busyPollUs: ${busyPollUs}
dataDir: ${folder}
controlSocket: ${path.join(folder, 'fairlead.sock')}
loadBalancers:
- name: bench
  port: ${FRONT_PORT}
  bindToVip: true
  backends: [{address: ${SERVER}, port: ${SERVER_PORT}}]
`;
    const file = write(folder, 'fairlead.yaml', text);
    return [process.execPath, path.resolve('bin', 'fairlead.cjs'), 'run', '-c', file];
  };
  return { name, bindsVip: true, command };
}

function haproxy(name: string, splicing: readonly string[]): Proxy {
  return {
    name,
    command: (folder) => {
      const options = splicing.map((option) => `  option ${option}\n`).join('');
      const text = `global
  nbthread 1
  maxconn 7900
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
${options}frontend front
  bind ${FRONT}
  default_backend back
backend back
  server one ${BACK}
`;
      return ['haproxy', '-db', '-q', '-f', write(folder, 'haproxy.cfg', text)];
    },
  };
}

const nginx: Proxy = {
  name: 'nginx',
  command: (folder) => {
    const text = `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections 19990; }
stream {
  server {
    listen ${FRONT} backlog=65535;
    proxy_pass ${BACK};
    proxy_half_close on;
  }
}
`;
    return ['nginx', '-e', 'stderr', '-p', folder, '-c', write(folder, 'nginx.conf', text)];
  },
};

const go: Proxy = {
  name: 'go',
  command: () => ['env', 'GOMAXPROCS=1', goCopy(), FRONT, BACK],
};

export const OURS: Proxy = fairlead('fairlead', 0);
/** With the option that spares a connection that is alone the time of a wake-up. */
export const OURS_BUSY: Proxy = fairlead(BUSY_POLLING, 50);
export const PEERS: readonly Proxy[] = [
  haproxy('haproxy', ['splice-auto']),
  haproxy('haproxy, forced splice', ['splice-request', 'splice-response']),
  nginx,
  go,
];

function write(folder: string, name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** A proxy of Go's io.Copy, built in place. */
function goCopy(): string {
  const source = path.resolve('test', 'bench', 'forwarder', 'copy');
  const target = path.resolve('build', 'test', 'copy');
  if (!existsSync(target)) {
    mkdirSync(path.dirname(target), { recursive: true });
    execFileSync('go', ['build', '-o', target, '.'], { cwd: source, stdio: 'inherit' });
  }
  return target;
}

/** Which of the programs that the benchmark runs are not here, and the package that has each. */
export function missingPrograms(): readonly string[] {
  const packages = { haproxy: 'haproxy', nginx: 'libnginx-mod-stream', go: 'golang' };
  const folders = (process.env['PATH'] ?? '').split(':');
  return Object.entries(packages)
    .filter(([program]) => !folders.some((folder) => existsSync(path.join(folder, program))))
    .map(([program, name]) => `${program} (package ${name})`);
}
