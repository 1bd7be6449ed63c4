/**
 * The Unix socket at which people and tools ask the daemon (core/status/control.ts has the
 * protocol). Only its owner may: the socket has mode 0600 from its first instant. Whoever may ask,
 * may not hurt: the length of a question, the number of clients and how long one may be silent are
 * bounded, and a client is answered one question at a time.
 */
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { errorCode, OperationalError } from '../core/errors.ts';
import {
  type ControlRequest,
  type ControlResponse,
  type ControlResult,
  type HandoffResult,
  MAX_CONTROL_REQUEST_BYTES,
  parseControlRequest,
} from '../core/status/control.ts';
import type { Status } from '../core/status/status.ts';

export interface ControlSocketOptions {
  readonly path: string;
  readonly status: () => Status;
  readonly handoff: (to?: string) => Promise<HandoffResult>;
  /** Told of a question that failed by an exception, which the client sees as `internal`. */
  readonly onError: (err: unknown) => void;
}

export interface ControlSocket {
  /** Ends all clients and removes the socket. Idempotent. */
  close(): Promise<void>;
}

const MAX_CLIENTS = 128;
/** `status -w` asks more often than this, and a handoff is answered in less. */
const SILENCE_LIMIT_MS = 60_000;
/** sun_path less its final NUL (unix(7)). */
const MAX_PATH_BYTES = 107;

/**
 * Opens the socket. The one of a daemon that died is replaced.
 *
 * @throws {OperationalError} `already-running` when a daemon answers there; `bad-path`; or an
 *   errno.
 */
export async function startControlSocket(options: ControlSocketOptions): Promise<ControlSocket> {
  await clearPath(options.path);
  const clients = new Set<Socket>();
  // Half-open: a client may close its sending side and still wait for the answer.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => client.destroy());
    if (clients.size >= MAX_CLIENTS) {
      const sorry = encode(refusal('too-many-clients', `${MAX_CLIENTS} clients are connected`));
      // Not one that may stay until it has closed its own side: close() would wait for it.
      client.end(sorry, () => client.destroy());
      return;
    }
    clients.add(client);
    client.once('close', () => clients.delete(client));
    client.setTimeout(SILENCE_LIMIT_MS, () => client.destroy());
    void serve(client, options);
  });
  await listen(server, options.path);
  return {
    close() {
      for (const client of clients) client.destroy();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

/** Makes the folder, and removes the socket that nobody listens at any more. */
async function clearPath(file: string): Promise<void> {
  if (Buffer.byteLength(file) > MAX_PATH_BYTES) {
    throw new OperationalError(`Cannot listen at "${file}": longer than ${MAX_PATH_BYTES} bytes`, {
      code: 'bad-path',
      hint: 'Choose a shorter controlSocket',
    });
  }
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSocket()) {
      throw new OperationalError(`Cannot listen at "${file}": a file is in its place`, {
        code: 'bad-path',
        hint: 'Choose another controlSocket, or remove the file',
      });
    }
    if (await answers(file)) {
      throw new OperationalError(`Cannot listen at "${file}": a daemon is listening there`, {
        code: 'already-running',
        hint: 'Stop it, or give one of the two another instance and controlSocket',
      });
    }
    // The instance lock is held by now, so no other daemon of ours can have bound it since.
    unlinkSync(file);
  } catch (err) {
    throw asListenError(file, err);
  }
}

function answers(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(file);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // ECONNREFUSED is the dead one. Any other failure is left for bind(2) to say.
    probe.once('error', (err) => resolve(errorCode(err) !== 'ECONNREFUSED'));
  });
}

function listen(server: Server, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (err) => reject(asListenError(file, err)));
    server.once('listening', () => resolve());
    // bind(2) gives the socket its mode, and happens within listen(): a chmod after it would leave
    // an instant in which others can connect.
    const before = process.umask(0o177);
    try {
      server.listen(file);
    } finally {
      process.umask(before);
    }
  });
}

function asListenError(file: string, err: unknown): OperationalError {
  if (err instanceof OperationalError) return err;
  const code = errorCode(err);
  const hint =
    code === 'EACCES' || code === 'EROFS'
      ? `Let this user write to "${path.dirname(file)}", or set controlSocket to a place that it may`
      : undefined;
  return new OperationalError(`Cannot listen at "${file}": ${code}`, { code, hint, cause: err });
}

/** Answers a client until it leaves. Never rejects. */
async function serve(client: Socket, options: ControlSocketOptions): Promise<void> {
  try {
    for await (const line of questions(client)) {
      const response = line === undefined ? TOO_LONG : await answer(line, options);
      await new Promise<void>((resolve) => {
        // Called too when the client goes before it has read.
        client.write(encode(response), () => resolve());
      });
      if (line === undefined) break;
    }
  } catch {
    // The connection broke; there is nobody to tell.
  }
  client.end();
  // What still comes is dropped; without a reader the end of it would never be seen.
  client.resume();
}

/**
 * Whole lines; undefined, last, for one that is too long. What is not ended by a newline is none.
 */
async function* questions(client: Socket): AsyncGenerator<string | undefined> {
  let pending = Buffer.alloc(0);
  for await (const chunk of client.iterator({ destroyOnReturn: false })) {
    pending = Buffer.concat([pending, chunk]);
    let end = pending.indexOf('\n');
    for (; end >= 0 && end < MAX_CONTROL_REQUEST_BYTES; end = pending.indexOf('\n')) {
      yield pending.toString('utf8', 0, end);
      pending = pending.subarray(end + 1);
    }
    if (pending.length >= MAX_CONTROL_REQUEST_BYTES) {
      yield undefined;
      break;
    }
  }
}

async function answer(line: string, options: ControlSocketOptions): Promise<ControlResponse> {
  const request = parseControlRequest(line);
  if (request === undefined) return refusal('bad-request', 'Cannot understand the request');
  try {
    return { ok: true, result: await perform(request, options) };
  } catch (err) {
    options.onError(err);
    return refusal('internal', err instanceof Error ? err.message : 'unknown failure');
  }
}

async function perform(
  request: ControlRequest,
  { status, handoff }: ControlSocketOptions,
): Promise<ControlResult> {
  if (request.verb === 'status') return status();
  if (request.verb === 'handoff') return handoff(request.to);
  return { kind: 'Pong', node: status().node, pid: process.pid };
}

function refusal(code: string, message: string): ControlResponse {
  return { ok: false, error: { code, message } };
}

const TOO_LONG = refusal('bad-request', `A request has at most ${MAX_CONTROL_REQUEST_BYTES} bytes`);

function encode(response: ControlResponse): string {
  return `${JSON.stringify(response)}\n`;
}
