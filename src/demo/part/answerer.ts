import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';

export interface AnswererOptions {
  readonly vip: string;
  readonly probePort: number;
  /** The node's name, which is the answer. */
  readonly name: string;
}

/**
 * Answers probes to the VIP with the node's name, for as long as the node has the address: the
 * socket is bound to it at all times (ip_nonlocal_bind, Documentation/networking/ip-sysctl.rst),
 * and the kernel delivers only while the address is there. The daemon has no part in it, so a node
 * whose daemon is dead or frozen and whose address stayed is seen to serve.
 */
export function runAnswerer({ vip, probePort, name }: AnswererOptions, ready: () => void): void {
  const family = isIPv6(vip) ? 'ipv6' : 'ipv4';
  writeFileSync(`/proc/sys/net/${family}/ip_nonlocal_bind`, '1');
  const socket = createSocket(isIPv6(vip) ? 'udp6' : 'udp4');
  socket.on('message', (message, from) => {
    // Nobody is told of a failed answer: the address may go between the question and the answer.
    socket.send(`${message.toString('latin1')} ${name}`, from.port, from.address, () => {});
  });
  socket.bind(probePort, vip, ready);
}
