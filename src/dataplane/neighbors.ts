import type { IpAddress } from '../core/address/ip.ts';
import type { Instant } from '../core/time.ts';
import { inBatches } from './batches.ts';
import type { KernelHandle, NativeAnnouncement, NativeBinding, NativeFailure } from './binding.ts';
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
  const asked = inBatches(requests, (batch) =>
    binding.sendAnnouncements(kernel, batch.map(toNative), { notAfterMs: notAfter }),
  );
  await outcome('announce', requests, asked);
}

/**
 * Asks the neighbours on each link who has the VIP, without claiming it: an ARP probe (RFC 5227
 * §2.1.1), or the solicitation of duplicate address detection (RFC 4862 §5.4.2).
 *
 * @throws {KernelError} as `announce`.
 */
export async function probe(
  binding: NativeBinding,
  kernel: KernelHandle,
  requests: readonly AnnouncementRequest[],
  notAfter: Instant,
): Promise<void> {
  const asked = inBatches(requests, (batch) =>
    binding.sendProbes(kernel, batch.map(toNative), { notAfterMs: notAfter }),
  );
  await outcome('probe', requests, asked);
}

async function outcome(
  verb: string,
  requests: readonly AnnouncementRequest[],
  asked: Promise<readonly (NativeFailure | null)[]>,
): Promise<void> {
  const failures = await asked.catch((err: unknown) => {
    throw kernelErrorOf(`${verb} ${requests.length} addresses`, err);
  });
  const first = failures.findIndex((failure) => failure !== null);
  const failure = failures[first];
  const request = requests[first];
  if (!failure || !request) return;
  const others = failures.filter((item) => item !== null).length - 1;
  const rest = others === 0 ? '' : ` and ${others} more`;
  throw new KernelError(`${verb} ${request.address} on "${request.link}"${rest}`, failure);
}

function toNative(request: AnnouncementRequest): NativeAnnouncement {
  const { linkIndex, mac, address, router } = request;
  return { link: linkIndex, mac, address, router };
}
