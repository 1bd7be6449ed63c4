import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { onTestFinished } from 'vitest';
import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';
import type { ProbeTarget } from '../../src/health/probe.ts';
import { SERVER_CERTIFICATE, SERVER_KEY } from './certificates.ts';

/** A server on loopback that ends with the test. */
export interface Running extends ProbeTarget {
  /** `127.0.0.1:port`. */
  readonly id: string;
  /** How many connections it has had. */
  readonly accepted: () => number;
  /** Those that are open on its side. */
  readonly open: () => number;
  /** Errors of its side of the connections: `ECONNRESET` of one that was reset. */
  readonly errors: string[];
  stop(): Promise<void>;
}

export function startTcp(serve: (socket: net.Socket) => void = () => {}): Promise<Running> {
  return start(net.createServer(serve));
}

export function startHttp(serve: http.RequestListener): Promise<Running> {
  return start(http.createServer(serve));
}

/** Its certificate is for `backend.example` and 127.0.0.1. */
export function startHttps(
  serve: http.RequestListener,
  names: (asked: string) => void = () => {},
): Promise<Running> {
  const server = https.createServer({
    key: SERVER_KEY,
    cert: SERVER_CERTIFICATE,
    SNICallback: (name, done) => {
      names(name);
      done(null);
    },
  });
  server.on('request', serve);
  return start(server);
}

/** A port that nobody listens on. */
export async function refusingTarget(): Promise<ProbeTarget & { readonly id: string }> {
  const server = await startTcp();
  await server.stop();
  return { id: server.id, address: server.address, port: server.port };
}

async function start(server: net.Server): Promise<Running> {
  const sockets = new Set<net.Socket>();
  const errors: string[] = [];
  let accepted = 0;
  server.on('connection', (socket: net.Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', (err: NodeJS.ErrnoException) => errors.push(err.code ?? err.message));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  onTestFinished(stop);
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('not a TCP server');
  return {
    address: LOOPBACK,
    port: at.port,
    id: `${LOOPBACK}:${at.port}`,
    accepted: () => accepted,
    open: () => sockets.size,
    errors,
    stop,
  };
}

function loopback(): IpAddress {
  const address = parseIpAddress('127.0.0.1');
  if (address === undefined) throw new Error('cannot read 127.0.0.1');
  return address;
}

const LOOPBACK = loopback();

/** How many TCP sockets this process has open, of whatever side. */
export function openSockets(): number {
  const kinds = process.getActiveResourcesInfo();
  return kinds.filter((kind) => /^(TCP|TLS)/.test(kind) && !/Server/.test(kind)).length;
}
