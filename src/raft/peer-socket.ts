/**
 * The one UDP socket that a node has for its peers: bound to its own peer address, kept open
 * whatever the network does, and never a reason to throw.
 */
import { createSocket, type Socket } from 'node:dgram';
import { type IpAddress, ipFamily } from '../core/address/ip.ts';
import { errorCode } from '../core/errors.ts';

export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

export interface PeerSocketOptions extends Endpoint {
  readonly received: (datagram: Buffer, from: { address: string; port: number }) => void;
  /** The socket has its address now, for the first time or again. */
  readonly bound: () => void;
  /** Told of every attempt that failed; the next one comes by itself. */
  readonly bindFailed: (code: string, retryInMs: number) => void;
  readonly sendFailed: (code: string) => void;
}

const FIRST_RETRY_MS = 100;
/** An address that comes late, as from DHCP at boot, is in use this soon. */
const MAX_RETRY_MS = 2000;
/** A heartbeat that waited behind so many others is no news any more. */
const MAX_QUEUED_SENDS = 64;
/** libuv reads 32 datagrams a turn, and the default receive buffer holds fewer than 300 of ours. */
const MAX_DRAIN_TURNS = 32;

export class PeerSocket {
  readonly #options: PeerSocketOptions;
  #socket: Socket | undefined;
  #bound = false;
  #closed = false;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;
  #datagramsRead = 0;

  constructor(options: PeerSocketOptions) {
    this.#options = options;
  }

  /** Binds the socket, now or when the address appears. To be called once. */
  open(): void {
    const { address, port } = this.#options;
    const family = ipFamily(address);
    const socket = createSocket({
      type: family === 'ipv4' ? 'udp4' : 'udp6',
      ipv6Only: family === 'ipv6',
      // Every address is a literal. dns.lookup() would send each datagram a turn later.
      lookup: (literal, _options, found) => found(null, literal, family === 'ipv4' ? 4 : 6),
    });
    this.#socket = socket;
    socket.on('message', (datagram, from) => {
      this.#datagramsRead += 1;
      this.#options.received(datagram, from);
    });
    socket.on('error', (err) => this.#reopen(socket, errorCode(err)));
    socket.bind({ address, port }, () => {
      this.#bound = true;
      this.#retryMs = FIRST_RETRY_MS;
      this.#options.bound();
    });
  }

  /** Sends a datagram, or counts why not. The kernel has it, or never will, when this returns. */
  send(datagram: Uint8Array, to: { readonly address: string; readonly port: number }): void {
    const socket = this.#socket;
    if (socket === undefined || !this.#bound) return this.#options.sendFailed('not-bound');
    if (socket.getSendQueueCount() >= MAX_QUEUED_SENDS)
      return this.#options.sendFailed('queue-full');
    try {
      socket.send(datagram, to.port, to.address, (err) => {
        if (err !== null) this.#options.sendFailed(errorCode(err));
      });
    } catch (err) {
      // Port 0 of a forged source, or a socket that is being closed.
      this.#options.sendFailed(errorCode(err));
    }
  }

  /**
   * Calls `done` once everything that had arrived by now has been given to `received`. After a
   * pause timers run before sockets are read, so a silence must not be judged before this
   * (fencing.md A11).
   */
  drain(done: () => void): void {
    let turns = 0;
    let read = -1;
    const look = (): void => {
      turns += 1;
      // Whatever the loop was doing when this began, the second turn has polled the socket.
      if ((turns > 1 && this.#datagramsRead === read) || turns > MAX_DRAIN_TURNS) return done();
      read = this.#datagramsRead;
      setImmediate(look);
    };
    setImmediate(look);
  }

  /** Closes the socket. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#bound = false;
    clearTimeout(this.#retry);
    this.#socket?.removeAllListeners();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #reopen(failed: Socket, code: string): void {
    if (this.#closed || failed !== this.#socket) return;
    this.#bound = false;
    this.#socket = undefined;
    failed.removeAllListeners();
    failed.close();
    this.#options.bindFailed(code, this.#retryMs);
    this.#retry = setTimeout(() => this.open(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }
}
