import { createConnection, type Socket } from 'node:net';
import { errorCode } from '../core/errors.ts';
import type {
  ControlRequest,
  ControlResponse,
  ControlResult,
  HandoffResult,
} from '../core/status/control.ts';
import type { Status } from '../core/status/status.ts';
import { CommandError } from './command-error.ts';

/**
 * Far above the status of a node with 10,000 VIPs; a bound for what answers in a daemon's place.
 */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

interface AskOptions {
  readonly socket: string;
  readonly timeoutMs: number;
}

/**
 * Asks the daemon at `options.socket` how it is.
 *
 * @throws {CommandError} `unreachable`, `permission`, `timeout`, or `failed` for a refused
 *   question.
 */
export async function askStatus(options: AskOptions): Promise<Status> {
  const result = await ask({ verb: 'status' }, options);
  return result.kind === 'Status' ? result : notADaemon(options.socket);
}

/**
 * Asks the daemon at `options.socket` to hand its leadership over, to `to` if that is given.
 *
 * @throws {CommandError} as `askStatus`; a handoff that was refused is a result.
 */
export async function askHandoff(
  to: string | undefined,
  options: AskOptions,
): Promise<HandoffResult> {
  const request: ControlRequest = to === undefined ? { verb: 'handoff' } : { verb: 'handoff', to };
  const result = await ask(request, options);
  return result.kind === 'done' || result.kind === 'refused' ? result : notADaemon(options.socket);
}

async function ask(request: ControlRequest, options: AskOptions): Promise<ControlResult> {
  const line = await exchange(`${JSON.stringify(request)}\n`, options);
  const response = parseResponse(line) ?? notADaemon(options.socket);
  if (response.ok) return response.result;
  throw new CommandError('failed', response.error.message, { hint: response.error.hint });
}

function notADaemon(socket: string): never {
  throw new CommandError('unreachable', `Cannot understand what answers at "${socket}"`, {
    hint: 'Check that --socket names the socket of a fairlead daemon of this version',
  });
}

function parseResponse(line: string): ControlResponse | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isControlResponse(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Looks at the outside only: the socket is its owner's alone, so what answers is a daemon of ours.
 */
function isControlResponse(value: unknown): value is ControlResponse {
  if (typeof value !== 'object' || value === null || !('ok' in value)) return false;
  const body: unknown = 'result' in value ? value.result : 'error' in value && value.error;
  return typeof body === 'object' && body !== null;
}

/** Sends one line and resolves with the line that comes back. */
function exchange(line: string, { socket: file, timeoutMs }: AskOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = createConnection(file, () => socket.write(line));
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => {
      settle(() => reject(noAnswer(file, timeoutMs)));
    }, timeoutMs);
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      outcome();
    };
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_RESPONSE_BYTES) return settle(() => reject(hungUp(file)));
      if (!chunk.includes('\n')) return;
      const text = Buffer.concat(chunks).toString('utf8');
      settle(() => resolve(text.slice(0, text.indexOf('\n'))));
    });
    socket.on('end', () => settle(() => reject(hungUp(file))));
    socket.on('error', (err) => settle(() => reject(connectFailure(file, err))));
  });
}

function noAnswer(file: string, timeoutMs: number): CommandError {
  return new CommandError('timeout', `Cannot get an answer at "${file}" within ${timeoutMs} ms`, {
    hint: 'The daemon may be stopped (SIGSTOP) or overloaded: look at its state with ps and its log',
  });
}

function hungUp(file: string): CommandError {
  return new CommandError('unreachable', `Cannot get an answer at "${file}": it hung up`, {
    hint: 'The daemon may have ended: look at its log',
  });
}

/** Why there is no connection, and what to do about it. */
export function connectFailure(file: string, err: unknown): CommandError {
  const code = errorCode(err);
  const message = `Cannot reach the daemon at "${file}": ${code}`;
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = 'Run this as the user that runs the daemon: sudo fairlead …';
    return new CommandError('permission', message, { hint, cause: err });
  }
  const hint =
    code === 'ENOENT' || code === 'ECONNREFUSED'
      ? 'Start it (fairlead run -c FILE), or name its socket with --socket PATH'
      : undefined;
  return new CommandError('unreachable', message, { hint, cause: err });
}
