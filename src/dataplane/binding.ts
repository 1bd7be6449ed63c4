import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { IpAddress } from '../core/address/ip.ts';
import { AddonLoadError } from './errors.ts';

/**
 * The native surface, typed: plain functions over plain values, each taking a batch. Nothing
 * outside `src/dataplane` sees it. Addresses are text in their canonical form (RFC 5952), times are
 * milliseconds of CLOCK_BOOTTIME, links are kernel indices.
 *
 * A call that cannot begin throws; what fails for one element of a batch is that element's result,
 * so that the others are done.
 */

/** One refused request: `errno` (positive) and the call that failed, for example `RTM_NEWADDR`. */
export interface NativeFailure {
  readonly errno: number;
  readonly syscall: string;
  /** The kernel's own words, where it gave any (netlink's extended acknowledgement). */
  readonly detail?: string;
}

/** Opaque: a netlink socket pair with its own thread, bound to one network namespace for life. */
export type KernelHandle = { readonly __kernel: never };
/** Opaque: the threads of one forwarder. */
export type ForwarderHandle = { readonly __forwarder: never };
/** Opaque: the threads of one gate. */
export type GateHandle = { readonly __gate: never };
/** Opaque: one page of memory that this process and its guard share. */
export type DeadlinePageHandle = { readonly __page: never };

export interface NativeLink {
  readonly index: number;
  readonly name: string;
  /** `xx:xx:xx:xx:xx:xx`, or '' where the link has no 6-byte hardware address. */
  readonly mac: string;
  /** IFF_UP. */
  readonly up: boolean;
  /** IFF_LOWER_UP: a carrier. */
  readonly carrier: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  /** The IPv6 `forwarding` setting of the link: the Router flag of its advertisements. */
  readonly ipv6Forwarding: boolean;
  /** Index of the bridge or bond that it is a port of, or 0. */
  readonly master: number;
}

export interface NativeAddress {
  readonly link: number;
  /** In the canonical text that `src/core/address/ip.ts` writes. */
  readonly address: IpAddress;
  readonly prefixLength: number;
  /**
   * Carries our owner tag: IFA_PROTO 0xfa. Below Linux 5.18 the label `<link>:fl`, or for IPv6 what
   * shows of how we bind: for a time, never preferred, without duplicate address detection.
   */
  readonly tagged: boolean;
  /** Seconds left (IFA_CACHEINFO ifa_valid), or -1 for ever. */
  readonly validSeconds: number;
  readonly tentative: boolean;
  readonly dadFailed: boolean;
}

export interface NativeAddressRequest {
  readonly link: number;
  readonly address: string;
  readonly prefixLength: number;
  /** valid_lft in seconds, or -1 for ever. Ignored by deleteAddresses. */
  readonly validSeconds: number;
  /**
   * Default: true. Without our tag it is an address of the machine's own, as the demo's nodes have.
   */
  readonly tagged?: boolean;
}

/** A change that the kernel reported. Several may have been folded into one. */
export type NativeKernelEvent =
  | { readonly kind: 'link'; readonly link: number; readonly removed: boolean }
  | {
      readonly kind: 'address';
      readonly link: number;
      readonly address: string;
      readonly prefixLength: number;
      readonly removed: boolean;
      /** When the event was read, ms of CLOCK_BOOTTIME. */
      readonly at: number;
    }
  /** Events were lost (ENOBUFS): list again. */
  | { readonly kind: 'overrun' };

export interface NativeAnnouncement {
  readonly link: number;
  /** The sender's hardware address, `xx:xx:xx:xx:xx:xx`. */
  readonly mac: string;
  readonly address: string;
  /** IPv6 only: the Router flag. */
  readonly router: boolean;
}

/** An address that is to be this machine's alone on a link. */
export interface NativeWatchedAddress {
  readonly link: number;
  readonly address: string;
}

/** Claims of a watched address by one machine that is not this one, since the last report. */
export interface NativeClaim {
  readonly link: number;
  readonly address: IpAddress;
  readonly mac: string;
  readonly count: number;
  /** When the last of them was read, ms of CLOCK_BOOTTIME. */
  readonly at: number;
}

export interface NativeClaimReport {
  readonly claims: readonly NativeClaim[];
  /** Frames that nobody could look at, or claims beyond what is kept. */
  readonly lost: number;
}

export interface NativeBackend {
  readonly address: string;
  readonly port: number;
  /** From 0, which takes no new connections, to 256. */
  readonly weight: number;
}

export interface NativeListener {
  /** Unique among the listeners of one forwarder. */
  readonly id: string;
  /** An address of the VIP, or `::` for every address of both families. */
  readonly address: string;
  readonly port: number;
  readonly backends: readonly NativeBackend[];
  /** How a connection chooses among them (native/forward/choice.h). */
  readonly algorithm: 'round-robin' | 'least-connections' | 'source-hash';
  /** Which version of the PROXY protocol backends are spoken to with. */
  readonly proxyProtocol: 'none' | 'v2';
  readonly connectTimeoutMs: number;
  /** 0: never. */
  readonly idleTimeoutMs: number;
  /** At least 1. Beyond it clients wait in the kernel's queue. */
  readonly maxConnections: number;
  /** How long connections of a listener that went away may go on, unless they are reset. */
  readonly drainMs: number;
}

/** What became of one listener. */
export interface NativeListenerOutcome {
  readonly id: string;
  /** Why it is not open; null when it is. */
  readonly failure: NativeFailure | null;
}

export interface NativeBackendCounters extends NativeBackend {
  /** Attempts to connect that are under way. */
  readonly connecting: number;
  readonly open: number;
  /** Connections that reached the backend. */
  readonly total: number;
  /** Attempts to connect that did not. */
  readonly failed: number;
  /** How often it was left alone for a while, since attempts to connect kept failing. */
  readonly ejected: number;
  /** For how much longer it is left alone; 0 when it is not. */
  readonly ejectedForMs: number;
}

/** Counted since the listener was opened; it keeps its numbers when its backends change. */
export interface NativeListenerCounters {
  readonly id: string;
  readonly open: number;
  /** Connections accepted. */
  readonly total: number;
  /** Of these, reset because no backend could be reached. */
  readonly failed: number;
  /** Delivered from clients to backends. */
  readonly bytesIn: number;
  /** Delivered from backends to clients. */
  readonly bytesOut: number;
  /** How many of both were spliced, without a copy. */
  readonly bytesSpliced: number;
  readonly backends: readonly NativeBackendCounters[];
}

/** An address that the gate stops while it is closed. */
export interface NativeGateAddress {
  readonly link: number;
  /** The link's name. */
  readonly name: string;
  readonly address: string;
}

/** What the kernel took of a gate. */
export interface NativeGateForm {
  readonly shape: 'netdev' | 'inet';
  /** `nft flush ruleset` leaves it alone (owner and persist, Linux 6.9). */
  readonly owned: boolean;
  /** T: what was asked, or three ticks of the kernel where that is more. */
  readonly timeoutMs: number;
  /** SO_MARK of the frame that closes it; only of the shape netdev. */
  readonly closeMark?: number;
}

/** What `build/Release/fairlead.node` exports. */
export interface NativeBinding {
  /** CLOCK_BOOTTIME now, in milliseconds with fractions. */
  bootTimeMs(): number;
  /** Gives free memory of the C library back to the machine, where that can (malloc_trim(3)). */
  trimHeap(): void;

  /**
   * `netns` is a path such as /proc/1/ns/net; without it, the namespace of this process. `testing`
   * makes events overrun soon (0: never on purpose), or tags as on kernels before Linux 5.18.
   */
  openKernel(
    options: { readonly netns?: string },
    testing?: { readonly eventBufferBytes: number; readonly labelTag: boolean },
  ): KernelHandle;
  /**
   * Ends the thread; what it has not begun is rejected with ECANCELED, as is all that is asked
   * later. Idempotent. Until then a pending promise keeps the process alive; a watch does not.
   */
  closeKernel(kernel: KernelHandle): void;
  /**
   * Calls back with batches of link and address events, from now until closeKernel. Once a handle.
   */
  watchKernel(kernel: KernelHandle, callback: (events: readonly NativeKernelEvent[]) => void): void;
  listLinks(kernel: KernelHandle): Promise<readonly NativeLink[]>;
  listAddresses(kernel: KernelHandle): Promise<readonly NativeAddress[]>;
  /**
   * Binds or refreshes (NLM_F_REPLACE) addresses with our owner tag. Elements that the thread
   * reaches after `notAfterMs` are refused with ETIME and nothing is sent for them (fencing.md D7).
   */
  addAddresses(
    kernel: KernelHandle,
    requests: readonly NativeAddressRequest[],
    options: { readonly notAfterMs: number },
  ): Promise<readonly (NativeFailure | null)[]>;
  /** An address that is not there counts as deleted. */
  deleteAddresses(
    kernel: KernelHandle,
    requests: readonly NativeAddressRequest[],
  ): Promise<readonly (NativeFailure | null)[]>;
  /**
   * Sends one announcement a VIP: ARP in both forms (request with target MAC 0; reply with target
   * MAC = sender MAC, fencing.md E1), or an unsolicited NA with Override. Refused with ETIME after
   * `notAfterMs`.
   */
  sendAnnouncements(
    kernel: KernelHandle,
    announcements: readonly NativeAnnouncement[],
    options: { readonly notAfterMs: number },
  ): Promise<readonly (NativeFailure | null)[]>;

  /**
   * Asks the segment who has these addresses, and names none as its own: an ARP probe (RFC 5227
   * §2.1.1) or the solicitation of duplicate address detection (RFC 4862 §5.4.2). `router` means
   * nothing here. Refused with ETIME after `notAfterMs`.
   */
  sendProbes(
    kernel: KernelHandle,
    probes: readonly NativeAnnouncement[],
    options: { readonly notAfterMs: number },
  ): Promise<readonly (NativeFailure | null)[]>;

  /**
   * Calls back with foreign claims of the watched addresses, from when the promise is fulfilled
   * until closeKernel. Takes CAP_NET_RAW. Once a handle.
   */
  watchClaims(kernel: KernelHandle, callback: (report: NativeClaimReport) => void): Promise<void>;
  /**
   * The whole list of watched addresses, and the hardware addresses of this machine: a claim from
   * one of those is none.
   */
  setWatchedAddresses(
    kernel: KernelHandle,
    addresses: readonly NativeWatchedAddress[],
    own: readonly { readonly mac: string }[],
  ): void;

  // Networks of namespaces, for the demo and the tests.
  createBridge(kernel: KernelHandle, options: { readonly name: string }): Promise<void>;
  /** The peer is created in the namespace at `peerNetns`. */
  createVeth(
    kernel: KernelHandle,
    options: { readonly name: string; readonly peerName: string; readonly peerNetns: string },
  ): Promise<void>;
  setLink(
    kernel: KernelHandle,
    options: { readonly name: string; readonly up?: boolean; readonly master?: string },
  ): Promise<void>;
  deleteLink(kernel: KernelHandle, options: { readonly name: string }): Promise<void>;

  /** `fd` is a memfd to hand to the guard; it is closed with the handle. */
  createDeadlinePage(): { readonly page: DeadlinePageHandle; readonly fd: number };
  /**
   * The page at `pageFd`, which it takes for its own, as this process has inherited it from its
   * parent, at the other end of the socket `channelFd`. Null when these are not such files.
   */
  adoptDeadlinePage(options: {
    readonly channelFd: number;
    readonly pageFd: number;
  }): { readonly page: DeadlinePageHandle; readonly fd: number } | null;
  /**
   * Stores the fences' deadline in the page (native/base/deadline_page.h); 0 means not armed, and
   * Infinity never passes. False when the deadline before it has passed: this one is not taken, the
   * right that it belongs to is over, and only 0 can be stored next. A deadline counts, for binding
   * and announcing as well, only once this returned true.
   */
  storeDeadline(page: DeadlinePageHandle, deadlineMs: number): boolean;

  /**
   * `page` holds the deadline that the gate is kept open for. `testing` takes for granted that the
   * kernel lacks the egress hook, or tables with an owner. Nothing is done before createGate.
   */
  openGate(
    options: {
      readonly table: string;
      readonly timeoutMs: number;
      readonly page: DeadlinePageHandle;
    },
    testing?: { readonly inetOnly: boolean; readonly ownerless: boolean },
  ): GateHandle;
  /**
   * Makes the tables, closed, in place of those that a dead process left. Once, and before what
   * follows. Like armGate and removeGate it may wait for another process' transaction.
   */
  createGate(gate: GateHandle): Promise<NativeGateForm>;
  /**
   * Makes the list of what is stopped exactly this. Tables that somebody took away or changed are
   * made again, closed: then it is `rebuilt`. `armed[i]` is false where the link is not there.
   */
  armGate(
    gate: GateHandle,
    addresses: readonly NativeGateAddress[],
  ): Promise<{ readonly rebuilt: boolean; readonly armed: readonly boolean[] }>;
  /**
   * Opens it, and keeps it open while the deadline in the page is 2 T away. ETIME: it is not now.
   * ENOENT: the tables are gone. EAGAIN: the kernel did not answer in time.
   */
  acquireGate(gate: GateHandle): Promise<void>;
  /** Resolves when it is closed. */
  shutGate(gate: GateHandle): Promise<void>;
  /** Takes the tables away. */
  removeGate(gate: GateHandle): Promise<void>;
  /** Whether it was acquired, and renewed within T. */
  isGateOpen(gate: GateHandle): boolean;
  /** How often it closed by itself with the deadline far enough away, and was opened again. */
  gateReopened(gate: GateHandle): number;
  /** Calls back when it closed by itself, or armGate may find something to mend. Once a handle. */
  watchGate(gate: GateHandle, callback: () => void): void;
  /** Ends the threads; the tables stay. What is pending is rejected with ECANCELED. Idempotent. */
  releaseGate(gate: GateHandle): void;

  openForwarder(options: {
    readonly threads: number;
    readonly busyPollUs: number;
  }): ForwarderHandle;
  /**
   * Makes the listeners exactly these, whose ids differ. Calls are performed in their order. A
   * listener with the id, address and port of one that is open stays, and its connections with it:
   * new backends and limits are for new connections. When the promise is settled, the sockets of
   * those that went away are closed. Their connections, and those that still drain from earlier
   * calls, are reset (both sides) when `resetRemoved`; else they are drained. The result names what
   * could not be opened, in the order of `listeners`; the others are open.
   */
  setListeners(
    forwarder: ForwarderHandle,
    listeners: readonly NativeListener[],
    options: { readonly resetRemoved: boolean },
  ): Promise<readonly NativeListenerOutcome[]>;
  /**
   * Resets (both sides) every connection that was accepted on one of the addresses, whatever its
   * listener: also by one that listens on every address and stays.
   */
  resetConnections(
    forwarder: ForwarderHandle,
    addresses: readonly { readonly address: string }[],
  ): Promise<void>;
  /** Of the listeners that were open after the latest setListeners, in its order. */
  readCounters(forwarder: ForwarderHandle): readonly NativeListenerCounters[];
  /**
   * Closes listeners, resets connections and joins the threads; pending promises are rejected with
   * ECANCELED. Idempotent.
   */
  closeForwarder(forwarder: ForwarderHandle): void;

  // Frame builders, for byte tests without privileges.
  arpAnnouncementFrame(options: {
    readonly mac: string;
    readonly address: string;
    readonly form: 'request' | 'reply';
  }): Uint8Array;
  unsolicitedNaFrame(options: {
    readonly mac: string;
    readonly address: string;
    readonly router: boolean;
  }): Uint8Array;
  probeFrame(options: { readonly mac: string; readonly address: string }): Uint8Array;
  /** Who claims which address in a frame, from its Ethernet header on; null where nobody does. */
  claimInFrame(frame: Uint8Array): { readonly address: string; readonly mac: string } | null;
}

/**
 * What finds the compiled addon below a package's root: the package node-gyp-build, as we use it.
 */
interface AddonFinder {
  resolve(root: string): string;
}

let loaded: NativeBinding | undefined;

/**
 * Loads the addon that `npm run setup` compiled, or the prebuilt one for this machine.
 *
 * @throws {AddonLoadError} when there is none, or the loader refuses it.
 */
export function loadBinding(): NativeBinding {
  if (loaded !== undefined) return loaded;
  const file = addonFile();
  try {
    const binding: NativeBinding = createRequire(import.meta.url)(file);
    loaded = binding;
    return binding;
  } catch (err) {
    throw new AddonLoadError([`${file}: ${firstLine(err)}`], err);
  }
}

/**
 * Where one of our executables is: beside the addon, so that both are of one build.
 *
 * @throws {AddonLoadError} when it is not there.
 */
export function nativeExecutable(name: 'fairlead-guard' | 'fairlead-netns'): string {
  const file = path.join(path.dirname(addonFile()), name);
  if (!existsSync(file)) throw new AddonLoadError([`${file}: not there`], undefined);
  return file;
}

function addonFile(): string {
  const root = packageRoot(import.meta.dirname);
  const finder: AddonFinder = createRequire(import.meta.url)('node-gyp-build');
  try {
    return finder.resolve(root);
  } catch (err) {
    const platform = `${process.platform}-${process.arch}`;
    throw new AddonLoadError(
      [
        `${path.join(root, 'build', 'Release')}: no addon`,
        `${path.join(root, 'prebuilds', platform)}: no addon for this C library`,
      ],
      err,
    );
  }
}

/**
 * The folder of our package.json: the sources, the bundle and a benchmark lie at different depths
 * below.
 */
function packageRoot(from: string): string {
  const file = path.join(from, 'package.json');
  if (existsSync(file)) {
    const { name }: { readonly name?: string } = JSON.parse(readFileSync(file, 'utf8'));
    if (name === 'fairlead') return from;
  }
  const parent = path.dirname(from);
  if (parent === from)
    throw new AddonLoadError([`${from}: no package.json of fairlead`], undefined);
  return packageRoot(parent);
}

function firstLine(err: unknown): string {
  const text = err instanceof Error ? err.message : String(err);
  return text.split('\n', 1)[0] ?? '';
}
