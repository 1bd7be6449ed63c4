/** What a machine does to one daemon on a bad day: sets its clocks, slows its disk, fills it. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { DaemonProcess } from '../../src/demo/daemon-process.ts';
import { compile } from './compile.ts';

/** Milliseconds: how far wall clock and CLOCK_BOOTTIME are ahead, and how long a sync takes. */
export interface BadDay {
  readonly wallMs: number;
  readonly bootMs: number;
  readonly fsyncMs: number;
}

const GOOD_DAY: BadDay = { wallMs: 0, bootMs: 0, fsyncMs: 0 };

/**
 * Starts `daemon` so that its day can be spoilt, by calls of what is returned. That is a matter
 * between the daemon and its C library (bad_day.cc): the machine's clocks and disks stay as they
 * are, and the guard, which is static, goes by those.
 */
export function startOnBadDay(daemon: DaemonProcess, first = GOOD_DAY): (day: BadDay) => void {
  const file = path.join(path.dirname(daemon.files.config), 'bad-day');
  const set = (day: BadDay): void => {
    const { wallMs, bootMs, fsyncMs } = day;
    const numbers = [wallMs, bootMs, fsyncMs].map((ms) => BigInt(ms) * 1_000_000n);
    // In one write, and in place: the daemon has it in its memory.
    const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT, 0o600);
    writeSync(fd, new Uint8Array(BigInt64Array.from(numbers).buffer));
    closeSync(fd);
  };
  set(first);
  const library = compile('test/native/bad_day.cc', ['-shared', '-fPIC']);
  const { LD_PRELOAD: _library, BAD_DAY: _file, ...env } = process.env;
  process.env = { ...env, LD_PRELOAD: library, BAD_DAY: file };
  try {
    daemon.start();
  } finally {
    process.env = env;
  }
  return set;
}

/**
 * Moves a daemon's files, its log too, to a disk of their own that holds 64 KiB. To be called
 * before it starts.
 */
export function giveSmallDisk(daemon: DaemonProcess): string {
  const home = path.dirname(daemon.files.config);
  const config = readFileSync(daemon.files.config);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', home]);
  mkdirSync(path.join(home, 'data'));
  writeFileSync(daemon.files.config, config);
  return home;
}

/** Fills the disk that `home` is on until it takes no byte more. Returns what makes room again. */
export function fillDisk(home: string): () => void {
  const file = path.join(home, 'rubbish');
  const fd = openSync(file, 'w');
  try {
    for (;;) writeSync(fd, Buffer.alloc(512, 'x'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    closeSync(fd);
  }
  return () => rmSync(file);
}
