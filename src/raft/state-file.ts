/**
 * What a voter remembers across its restarts: term and vote, the election timeout that it last ran
 * with, and the list of voters.
 *
 * No safety of an election stands on term and vote (fencing.md A3: acknowledgements and abstention
 * carry it), so nobody waits for this file: `save` returns at once and the newest state is written
 * when the disk gets to it. For the same reason a file that is torn, unreadable or gone stops
 * nobody: it is as if it had never been written. Two things in it do matter, and are kept with
 * care:
 *
 * - the election timeout, since a process that starts must outlast the promises of the one before
 *   it;
 * - the voters, since two lists may have majorities that share nobody (fencing.md A5).
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';
import { errorCode, OperationalError } from '../core/errors.ts';

/** What the election asks to be remembered. */
export interface SavedVote {
  readonly term: number;
  readonly vote: string | null;
}

export interface StateFileOptions {
  readonly path: string;
  /**
   * All voters, this one included, in any order, in the form that the messages' hash is made of.
   */
  readonly voters: readonly string[];
  readonly electionTimeoutMs: number;
}

/**
 * How long a process abstains whose predecessor left nothing to read. It may have promised for the
 * election timeout of another profile, and this is that of the longest, `slow`; a group that ran
 * with a longer one and forgets it while it is being shortened is outside the promise.
 */
export const UNKNOWN_ELECTION_TIMEOUT_MS = 2000;

/** A full disk has room again some day; until then the next start would remember too little. */
const RETRY_MS = 2000;

const FORMAT = 1;
const MAX_FILE_BYTES = 64 * 1024;

/**
 * The state directory knows another list of voters: this node must not take part (fencing.md A5).
 */
export class PeerListChangedError extends OperationalError {
  override readonly name = 'PeerListChangedError';

  constructor(file: string, before: readonly string[], now: readonly string[]) {
    super(
      `Cannot start with another peer list: "${file}" remembers the voters ${before.join(', ')}, ` +
        `the configuration names ${now.join(', ')}`,
      {
        code: 'peer-list-changed',
        hint:
          'Go back to the former peers; or, to change them, stop fairlead on every node of both ' +
          `lists, remove "${file}" on each, and start them with the new list. One by one is not ` +
          'safe: two lists can each have a majority, and with it a leader',
      },
    );
  }
}

interface FileContent extends SavedVote {
  readonly electionTimeoutMs: number;
  readonly voters: readonly string[];
}

/** One voter's file, from its start to its end. */
export class StateFile {
  /** What the process before this one saved; term 0 and no vote when there is nothing to read. */
  readonly recalled: SavedVote;
  /** The promises of the process before this one are over so long after the start of this one. */
  readonly abstainMs: number;
  readonly #path: string;
  readonly #voters: readonly string[];
  #timeoutMs: number;
  readonly #configuredTimeoutMs: number;
  #newest: SavedVote;
  #dirty = false;
  #writing: Promise<void> | undefined;
  #problem: string | undefined;
  #retry: NodeJS.Timeout | undefined;

  /**
   * Reads the file, and has it written again with what holds from now on.
   *
   * @throws {PeerListChangedError} when the file names other voters. Nothing else throws.
   */
  constructor(options: StateFileOptions) {
    this.#path = options.path;
    this.#voters = [...options.voters].sort();
    this.#configuredTimeoutMs = options.electionTimeoutMs;
    const found = recall(options.path);
    if (typeof found === 'string') {
      this.#problem = found;
    } else if (found !== undefined && !sameVoters(found.voters, this.#voters)) {
      throw new PeerListChangedError(options.path, found.voters, this.#voters);
    }
    const content = typeof found === 'string' ? undefined : found;
    this.recalled = { term: content?.term ?? 0, vote: content?.vote ?? null };
    this.abstainMs = Math.max(
      options.electionTimeoutMs,
      content?.electionTimeoutMs ?? UNKNOWN_ELECTION_TIMEOUT_MS,
    );
    // Not the configured one yet: were this process to end within the former promises, the next one
    // would read the shorter timeout and abstain for too short a time.
    this.#timeoutMs = this.abstainMs;
    this.#newest = this.recalled;
    this.#markDirty();
  }

  /** Why the last reading or writing failed; undefined when all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Remembers a vote, soon. Bounded: of several calls during one writing, the last is written. */
  save(vote: SavedVote): void {
    this.#newest = vote;
    this.#markDirty();
  }

  /**
   * Call it when the abstention is over: the former process's timeout need not be known any more.
   */
  abstentionEnded(): void {
    if (this.#timeoutMs === this.#configuredTimeoutMs) return;
    this.#timeoutMs = this.#configuredTimeoutMs;
    this.#markDirty();
  }

  /**
   * Resolves when everything saved so far is on the disk, or could not be written. A disk that
   * hangs holds it up: whoever must go on bounds it with a timer.
   */
  async flush(): Promise<void> {
    await this.#writing;
  }

  #markDirty(): void {
    this.#dirty = true;
    this.#writing ??= this.#writeUntilClean();
  }

  async #writeUntilClean(): Promise<void> {
    // Whoever saves has an answer to send first, which does not wait for the disk.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#dirty) {
      this.#dirty = false;
      const content = {
        ...this.#newest,
        electionTimeoutMs: this.#timeoutMs,
        voters: this.#voters,
      };
      try {
        await replaceFile(this.#path, encodeStateFile(content));
        this.#problem = undefined;
      } catch (err) {
        this.#problem = `Cannot write "${this.#path}": ${errorCode(err)}`;
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.#markDirty(), RETRY_MS).unref();
      }
    }
    // In the same turn as the test above: a save in between would wait for the next one for ever.
    this.#writing = undefined;
  }
}

function sameVoters(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((voter, index) => voter === other[index]);
}

/** The content; undefined when there is no file; or, as text, why it cannot be used. */
function recall(file: string): FileContent | string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) return `Cannot use "${file}": not a regular file`;
    const bytes = Buffer.alloc(MAX_FILE_BYTES);
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    const content = decodeStateFile(bytes.subarray(0, length));
    return content ?? `Cannot use "${file}": damaged, as after a power cut; starting without it`;
  } catch (err) {
    const code = errorCode(err);
    return code === 'ENOENT' ? undefined : `Cannot read "${file}": ${code}`;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Two lines: the content as JSON, and the SHA-256 of that line, which a torn file does not have.
 */
export function encodeStateFile(content: FileContent): Buffer {
  const line = JSON.stringify({ format: FORMAT, ...content });
  return Buffer.from(`${line}\n${checksum(line)}\n`);
}

/** Undefined for anything but an undamaged file of this format. Never throws. */
export function decodeStateFile(bytes: Uint8Array): FileContent | undefined {
  const [line, sum, rest, ...others] = Buffer.from(bytes).toString('utf8').split('\n');
  if (line === undefined || rest !== '' || others.length > 0) return undefined;
  if (sum !== checksum(line)) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isFileContent(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function checksum(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

function isFileContent(value: unknown): value is FileContent {
  if (typeof value !== 'object' || value === null) return false;
  const content: Partial<Record<keyof FileContent | 'format', unknown>> = value;
  return (
    content.format === FORMAT &&
    Number.isSafeInteger(content.term) &&
    (content.vote === null || typeof content.vote === 'string') &&
    Number.isFinite(content.electionTimeoutMs) &&
    Array.isArray(content.voters) &&
    content.voters.every((voter) => typeof voter === 'string')
  );
}

/** Puts `bytes` in the file's place, whole or not at all (rename(2)), and on the disk. */
async function replaceFile(file: string, bytes: Uint8Array): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o755 });
  const fresh = `${file}.new`;
  await writeThrough(fresh, 'w', (handle) => handle.writeFile(bytes));
  await rename(fresh, file);
  // The new name itself is on the disk only with the directory (fsync(2)).
  await writeThrough(path.dirname(file), 'r');
}

async function writeThrough(
  target: string,
  flags: 'r' | 'w',
  write?: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const handle = await open(target, flags, 0o600);
  try {
    await write?.(handle);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
