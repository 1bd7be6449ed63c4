import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type IpAddress, parseIpAddress } from '../../src/core/address/ip.ts';

/** An address that is written down in a test. */
export function literal(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

async function bind(address: IpAddress, port = 0): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

/** A port that was free a moment ago. */
export async function freePort(address: IpAddress = LOOPBACK): Promise<number> {
  const socket = await bind(address);
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

export const LOOPBACK: IpAddress = literal('127.0.0.1');

export interface Carried {
  readonly to: 'a' | 'b';
  readonly datagram: Buffer;
}

/**
 * A wire between the peers a and b that remembers what it carries, and changes, loses or repeats it
 * as it is told. Each reaches the other at the wire's end for it.
 */
export class Wire {
  readonly carried: Carried[] = [];
  /** What arrives for what was sent; by default the same. */
  bend: (carried: Carried) => readonly Buffer[] = ({ datagram }) => [datagram];
  /** Where a sends to, to reach b; and what b's answers come from. */
  readonly portOfA: number;
  readonly portOfB: number;
  readonly #address: IpAddress;
  readonly #ends: { readonly a: Socket; readonly b: Socket };
  /** Where the transports themselves listen. */
  readonly ports: { readonly a: number; readonly b: number };

  private constructor(
    address: IpAddress,
    ends: { readonly a: Socket; readonly b: Socket },
    ports: { readonly a: number; readonly b: number },
  ) {
    this.#address = address;
    this.#ends = ends;
    this.ports = ports;
    this.portOfA = ends.a.address().port;
    this.portOfB = ends.b.address().port;
    ends.b.on('message', (datagram) => this.#carry({ to: 'b', datagram }));
    ends.a.on('message', (datagram) => this.#carry({ to: 'a', datagram }));
  }

  /** A wire to the transports that listen, or will, at `ports`. */
  static async open(
    ports: { readonly a: number; readonly b: number },
    address: IpAddress = LOOPBACK,
  ): Promise<Wire> {
    return new Wire(address, { a: await bind(address), b: await bind(address) }, ports);
  }

  /** Puts a datagram before `to` that the other seems to have sent. */
  inject({ to, datagram }: Carried): void {
    // The end that is b for a is where b's datagrams come from.
    const from = to === 'a' ? this.#ends.b : this.#ends.a;
    from.send(datagram, this.ports[to], this.#address);
  }

  close(): void {
    this.#ends.a.close();
    this.#ends.b.close();
  }

  #carry(carried: Carried): void {
    this.carried.push(carried);
    for (const datagram of this.bend(carried)) this.inject({ to: carried.to, datagram });
  }
}
