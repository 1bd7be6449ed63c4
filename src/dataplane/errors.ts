import { getSystemErrorName } from 'node:util';
import { OperationalError } from '../core/errors.ts';

/** A call that the kernel refused, as the addon tells of it. */
export interface RefusedCall {
  /** Positive. */
  readonly errno: number;
  readonly syscall: string;
  readonly detail?: string;
}

/**
 * What the kernel or the addon answers and libuv, which util.getSystemErrorName asks, has no name
 * for.
 */
const UNKNOWN_TO_LIBUV: ReadonlyMap<number, string> = new Map([[62, 'ETIME']]); // asm-generic/errno.h

/** The name of a positive errno. */
export function errnoName(errno: number): string {
  return UNKNOWN_TO_LIBUV.get(errno) ?? getSystemErrorName(-errno);
}

/** The kernel refused a request, or could not be asked. `code` is the errno's name. */
export class KernelError extends OperationalError {
  override readonly name = 'KernelError';
  readonly errno: number;
  readonly syscall: string;

  /** @param action - What was tried, as in `bind 192.0.2.10/32 to "eth0"`. */
  constructor(action: string, failure: RefusedCall, cause?: unknown) {
    const code = errnoName(failure.errno);
    const detail = failure.detail === undefined ? '' : ` (${failure.detail})`;
    super(`Cannot ${action}: ${failure.syscall} failed with ${code}${detail}`, {
      code,
      hint: hintFor(code),
      cause,
    });
    this.errno = failure.errno;
    this.syscall = failure.syscall;
  }
}

/**
 * What the addon threw, in words. Anything but a refused call is a bug of ours, and stays as it is.
 */
export function kernelErrorOf(action: string, thrown: unknown): unknown {
  return isRefusedCall(thrown) ? new KernelError(action, thrown, thrown) : thrown;
}

function isRefusedCall(thrown: unknown): thrown is RefusedCall {
  return (
    thrown instanceof Error &&
    'errno' in thrown &&
    typeof thrown.errno === 'number' &&
    'syscall' in thrown &&
    typeof thrown.syscall === 'string'
  );
}

function hintFor(code: string): string | undefined {
  switch (code) {
    case 'EPERM':
      return 'Run as root, or grant CAP_NET_ADMIN and CAP_NET_RAW';
    case 'ENODEV':
    case 'ENXIO':
      return 'Check that the interface exists: ip link';
    case 'ENETDOWN':
      return 'Set the interface up: ip link set INTERFACE up';
    case 'EADDRINUSE':
      return 'Find out what else listens there: ss -ltnp';
    case 'EMFILE':
    case 'ENFILE':
      return 'Raise the limit of open files (LimitNOFILE in systemd, ulimit -n)';
    default:
      return undefined;
  }
}

/** The addon cannot be loaded: it was not compiled here, or for another machine or C library. */
export class AddonLoadError extends OperationalError {
  override readonly name = 'AddonLoadError';
  /** What was tried, in order: a path, and why not. */
  readonly tried: readonly string[];

  constructor(tried: readonly string[], cause: unknown) {
    super(`Cannot load the native addon: ${tried.join('; ')}`, {
      code: 'addon-not-loaded',
      hint: 'Run npm run setup in the checkout; it compiles the addon for this machine',
      cause,
    });
    this.tried = tried;
  }
}
