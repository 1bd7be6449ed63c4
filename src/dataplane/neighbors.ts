import type { IpAddress } from '../core/address/ip.ts';
import type { Instant } from '../core/time.ts';
import type { KernelHandle, NativeBinding } from './binding.ts';
import { KernelError, kernelErrorOf } from './errors.ts';

/** A VIP to announce, and what the frames say. */
export interface AnnouncementRequest {
  readonly linkIndex: number;
  /** The link's name, for messages. */
  readonly link: string;
  /** The link's hardware address, `xx:xx:xx:xx:xx:xx`. */
  readonly mac: string;
  readonly address: IpAddress;
  /** IPv6 only: whether the link forwards (RFC 4861 §4.4, the Router flag). */
  readonly router: boolean;
}

/**
 * Tells the neighbours on each link where the VIP is now: an ARP announcement in both forms (RFC
 * 5227 §2.3), or an unsolicited Neighbor Advertisement (RFC 4861 §7.2.6).
 *
 * @throws {KernelError} for the first that was refused; the message counts the others, and what was
 *   not refused was sent.
 */
export async function announce(
  binding: NativeBinding,
  kernel: KernelHandle,
  requests: readonly AnnouncementRequest[],
  notAfter: Instant,
): Promise<void> {
  const native = requests.map(({ linkIndex, mac, address, router }) => ({
    link: linkIndex,
    mac,
    address,
    router,
  }));
  const asked = binding.sendAnnouncements(kernel, native, { notAfterMs: notAfter });
  const failures = await asked.catch((err: unknown) => {
    throw kernelErrorOf(`announce ${requests.length} addresses`, err);
  });
  const first = failures.findIndex((failure) => failure !== null);
  const failure = failures[first];
  const request = requests[first];
  if (!failure || !request) return;
  const others = failures.filter((item) => item !== null).length - 1;
  const rest = others === 0 ? '' : ` and ${others} more`;
  throw new KernelError(`announce ${request.address} on "${request.link}"${rest}`, failure);
}
