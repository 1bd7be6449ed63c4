import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type IpAddress, parseIpAddress } from '../core/address/ip.ts';
import { errorCode, OperationalError } from '../core/errors.ts';

/**
 * The VIPs that this instance binds or may have bound since the machine started. The kernel's tag
 * says "fairlead"; this list says "this instance", so that two instances on one machine leave each
 * other's addresses alone, and one that was killed finds its own again after its configuration
 * changed.
 */
export class OwnedAddresses {
  readonly #file: string;
  #owned: ReadonlySet<IpAddress>;

  /** @param file on a tmpfs: what it names is gone after a reboot, as the addresses are. */
  constructor(file: string) {
    this.#file = file;
    this.#owned = new Set(read(file));
  }

  get addresses(): ReadonlySet<IpAddress> {
    return this.#owned;
  }

  /**
   * Adds addresses, on disk before they are bound.
   *
   * @throws {OperationalError} when the file cannot be written: an address that a later start would
   * not know as its own must not be bound.
   */
  add(addresses: Iterable<IpAddress>): void {
    const owned = new Set([...this.#owned, ...addresses]);
    if (owned.size === this.#owned.size) return;
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o755 });
      const draft = `${this.#file}.new`;
      writeFileSync(draft, `${[...owned].join('\n')}\n`, { mode: 0o644 });
      renameSync(draft, this.#file);
    } catch (cause) {
      throw fileError('write', this.#file, 'Make its folder writable for fairlead', cause);
    }
    this.#owned = owned;
  }
}

function read(file: string): readonly IpAddress[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.flatMap((line) => parseIpAddress(line.trim()) ?? []);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return [];
    throw fileError('read', file, 'Make it readable for fairlead', cause);
  }
}

function fileError(verb: string, file: string, hint: string, cause: unknown): OperationalError {
  const code = errorCode(cause);
  return new OperationalError(`Cannot ${verb} "${file}": ${code}`, {
    code,
    hint: `${hint}; it remembers which addresses this instance bound`,
    cause,
  });
}
