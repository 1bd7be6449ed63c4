import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';

/** A frame that came in on lo, as a packet socket of Python saw it. */
export interface SeenFrame {
  /** When the kernel took it in, milliseconds of wall time. */
  readonly at: number;
  readonly mark: number;
  readonly hex: string;
}

const LISTEN = `
import json, socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
s.bind(("lo", 0x88b5))
SO_TIMESTAMPNS, SO_MARK, SO_RCVMARK = 35, 36, 75
s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
s.setsockopt(socket.SOL_SOCKET, SO_RCVMARK, 1)
print("listening", flush=True)
while True:
    frame, said, _, _ = s.recvmsg(2048, 256)
    said = {kind: value for _, kind, value in said}
    seconds, ns = struct.unpack("qq", said[SO_TIMESTAMPNS])
    mark = struct.unpack("I", said.get(SO_MARK, bytes(4)))[0]
    print(json.dumps({"at": seconds * 1e3 + ns / 1e6, "mark": mark, "hex": frame.hex()}), flush=True)
`;

/** What Python sees on lo, and `ip -ts monitor address`: neither is ours. */
export class GateReferee {
  readonly frames: SeenFrame[] = [];
  readonly #removals: { readonly at: number; readonly address: string }[] = [];
  readonly #news = new EventEmitter();
  readonly #children: ChildProcess[] = [];

  static async start(): Promise<GateReferee> {
    const referee = new GateReferee();
    const frames = referee.#spawn('python3', '-c', LISTEN);
    await once(frames, 'line');
    frames.on('line', (line) => {
      const seen: SeenFrame = JSON.parse(line);
      referee.frames.push(seen);
      referee.#news.emit('news');
    });
    referee.#spawn('ip', '-ts', '-o', 'monitor', 'address').on('line', (line) => {
      const match = /^\[(\S+?)\] Deleted .* inet6? ([0-9a-f.:]+)\//.exec(line);
      if (match === null) return;
      const [, at = '', address = ''] = match;
      referee.#removals.push({ at: wallTimeOf(at), address });
      referee.#news.emit('news');
    });
    return referee;
  }

  async framesReach(count: number): Promise<readonly SeenFrame[]> {
    while (this.frames.length < count) await once(this.#news, 'news');
    return this.frames;
  }

  /** When ip(8) had read that the address was removed, milliseconds of wall time. */
  async removalOf(address: string): Promise<number> {
    for (;;) {
      const removal = this.#removals.find((item) => item.address === address);
      if (removal !== undefined) return removal.at;
      await once(this.#news, 'news');
    }
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #spawn(command: string, ...args: readonly string[]): Interface {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    if (child.stdout === null) throw new Error('stdout is a pipe');
    return createInterface({ input: child.stdout });
  }
}

/** `2026-01-31T12:34:56.123456`, in this machine's zone. */
function wallTimeOf(text: string): number {
  const [seconds = '', micros = '0'] = text.split('.');
  return new Date(seconds).getTime() + Number(micros) / 1000;
}
