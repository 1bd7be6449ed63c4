/**
 * The keys that peers authenticate each other with, one a line: `<id> <key>`.
 *
 * The first line signs, every line verifies. So a key is changed without a lost heartbeat in three
 * rounds over the peers, each a SIGHUP: add the new key as second line; make it the first; remove
 * the old one. Each datagram names its key by id, so a second key costs no second MAC.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errorCode, OperationalError } from '../core/errors.ts';

export interface PeerKey {
  /** 1–255, the same on every peer; 0 marks the key of a group that has none. */
  readonly id: number;
  readonly secret: Uint8Array;
}

/** One or two keys; the first one signs. */
export type Keyring = readonly [PeerKey, ...PeerKey[]];

/** NIST SP 800-107 §5.3.4: below the hash's length, a MAC is no stronger than its key. */
const MIN_KEY_BYTES = 32;
/** The block of SHA-256; HMAC hashes a longer key down (RFC 2104 §2). */
const MAX_KEY_BYTES = 64;
/** A rotation needs the old and the new one; a third would be a rotation that nobody finished. */
const MAX_KEYS = 2;
const MAX_FILE_BYTES = 4096;

const MAKE_ONE =
  'Write one with: (umask 077; echo "1 $(openssl rand -base64 32)" > FILE), and copy it to every peer';

/**
 * Stands in for a key file in a group that has none: known to everybody, it keeps out damaged and
 * foreign datagrams, and nobody who means harm.
 */
export const UNAUTHENTICATED: Keyring = [{ id: 0, secret: new Uint8Array(MIN_KEY_BYTES) }];

/**
 * Reads the key file.
 *
 * @returns the keys, and a warning when others on this machine can read or write them.
 * @throws {OperationalError} an errno name, or `bad-key-file` with every mistake by its line. No
 * message quotes a key.
 */
export function loadKeyFile(path: string): { readonly keys: Keyring; readonly warning?: string } {
  const { text, mode } = readSmallFile(path);
  const { keys, problems } = parseKeys(text);
  const [first, ...others] = keys;
  if (first === undefined || problems.length > 0) {
    throw new OperationalError(`Cannot use the key file "${path}": ${problems.join('; ')}`, {
      code: 'bad-key-file',
      hint: MAKE_ONE.replace('FILE', path),
    });
  }
  // Reading by the group is somebody's decision (a systemd credential, a Secret with fsGroup).
  if ((mode & 0o027) === 0) return { keys: [first, ...others] };
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  const warning = `The key file "${path}" has mode ${octal}, which lets others in: chmod 600 it`;
  return { keys: [first, ...others], warning };
}

function readSmallFile(path: string): { readonly text: string; readonly mode: number } {
  let fd: number | undefined;
  try {
    // Without O_NONBLOCK, opening a FIFO waits for a writer (fifo(7)).
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    const length = stat.isFile() ? readSync(fd, bytes, 0, bytes.length, 0) : bytes.length;
    if (length > MAX_FILE_BYTES) {
      throw new OperationalError(`Cannot use the key file "${path}": not a small regular file`, {
        code: 'bad-key-file',
        hint: MAKE_ONE.replace('FILE', path),
      });
    }
    return { text: bytes.toString('utf8', 0, length), mode: stat.mode };
  } catch (err) {
    if (err instanceof OperationalError) throw err;
    const code = errorCode(err);
    throw new OperationalError(`Cannot read the key file "${path}": ${code}`, {
      code,
      hint: code === 'ENOENT' ? MAKE_ONE.replace('FILE', path) : undefined,
      cause: err,
    });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Parses the text of a key file; every mistake is named with its line, and no key is quoted. */
export function parseKeys(text: string): {
  readonly keys: readonly PeerKey[];
  readonly problems: readonly string[];
} {
  const keys: PeerKey[] = [];
  const problems: string[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const key = parseKeyLine(line);
    if (typeof key === 'string') problems.push(`line ${index + 1}: ${key}`);
    else if (keys.some(({ id }) => id === key.id))
      problems.push(`line ${index + 1}: id used twice`);
    else keys.push(key);
  }
  if (keys.length > MAX_KEYS) problems.push(`${keys.length} keys, at most ${MAX_KEYS} are valid`);
  if (keys.length === 0 && problems.length === 0) problems.push('no key in it');
  return { keys, problems };
}

/** A key, or what is wrong with the line. */
function parseKeyLine(line: string): PeerKey | string {
  const [idText = '', keyText, extra] = line.split(/[ \t]+/);
  if (keyText === undefined || (extra !== undefined && !extra.startsWith('#'))) {
    return 'not "<id> <key>"';
  }
  const id = /^[1-9][0-9]{0,2}$/.test(idText) ? Number(idText) : Number.NaN;
  if (!(id <= 255)) return 'the id is not a number from 1 to 255';
  const secret = decodeKey(keyText);
  if (secret === undefined) return 'the key is neither hex nor base64';
  if (secret.length < MIN_KEY_BYTES || secret.length > MAX_KEY_BYTES) {
    return `the key has ${secret.length} bytes, not ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES}`;
  }
  return { id, secret };
}

/** Hex where every character is a hex digit: of random base64, 1 key in 10^20 looks like that. */
function decodeKey(text: string): Uint8Array | undefined {
  if (/^[0-9a-fA-F]+$/.test(text)) {
    return text.length % 2 === 0 ? Buffer.from(text, 'hex') : undefined;
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // Buffer.from drops what it cannot read; a key that lost a character is not the key.
  return bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '')
    ? bytes
    : undefined;
}
