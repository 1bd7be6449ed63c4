import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import type { Instant } from '../../src/core/time.ts';

/** The deadline that all fences of one daemon go by, as it stands in the memory that they share. */
export interface DeadlinePage {
  /** Ms of CLOCK_BOOTTIME; undefined when nothing is armed, or the guard has fired. */
  read(): Instant | undefined;
  close(): void;
}

/** As native/base/deadline_page.h has them. */
const NOT_ARMED = 0n;
const FIRED = 0xffff_ffff_ffff_ffffn;

/** Opens the page of a process that runs. It can be read when that has died, too. */
export function openDeadlinePage(pid: number): DeadlinePage {
  const folder = `/proc/${pid}/fd`;
  const name = readdirSync(folder).find((fd) =>
    readlinkSync(`${folder}/${fd}`).startsWith('/memfd:fairlead-deadline'),
  );
  if (name === undefined) throw new Error(`process ${pid} has no deadline page`);
  const fd = openSync(`${folder}/${name}`, 'r');
  const bytes = Buffer.alloc(8);
  return {
    read: () => {
      readSync(fd, bytes, 0, bytes.length, 0);
      const ns = bytes.readBigUInt64LE();
      return ns === NOT_ARMED || ns === FIRED ? undefined : Number(ns) / 1e6;
    },
    close: () => closeSync(fd),
  };
}
