import { spawnSync } from 'node:child_process';
import { chownSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { playFault, playOpening } from '../../src/demo/play.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { guardOf } from './blows.ts';
import { onStage, PROGRAM } from './lab.ts';
import { needsLab } from './namespaces.ts';

/** `nobody`: a user that may nothing (Debian's, and the kernel's overflow id). */
const USER = 65_534;
const NEEDED = '-all,+net_admin,+net_raw';
/** CAP_NET_ADMIN and CAP_NET_RAW, as bits (linux/capability.h). */
const NEEDED_BITS = (1n << 12n) | (1n << 13n);
const GUARD_BITS = 1n << 12n;

// Without noroot, who is root in its namespace would get all capabilities back at exec.
const SET_CAPABILITIES = [
  'setpriv',
  '--securebits=+noroot,+noroot_locked',
  `--bounding-set=${NEEDED}`,
  `--inh-caps=${NEEDED}`,
  `--ambient-caps=${NEEDED}`,
  '--no-new-privs',
] as const;
const CHANGE_USER = [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'] as const;

/**
 * Where these namespaces have one user only, as an ordinary person's have, or nobody else may read
 * this checkout, the user stays; nobody out there sees more in it than in any other.
 */
function canChangeUser(): boolean {
  const [node, main] = PROGRAM;
  const [setpriv, ...options] = SET_CAPABILITIES;
  const trial = [...options, ...CHANGE_USER, node, '--check', main];
  return spawnSync(setpriv, trial, { stdio: 'ignore' }).status === 0;
}

/** Gives the nodes' files to the user that the daemons run as. */
function giveFiles(stage: Stage, user: number): void {
  for (const { files } of stage.daemons) {
    const home = path.dirname(files.config);
    const group = path.dirname(home);
    for (const name of ['.', ...readdirSync(group, { recursive: true, encoding: 'utf8' })]) {
      chownSync(path.join(group, name), user, user);
    }
  }
}

function capabilitiesOf(pid: number): bigint {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return BigInt(`0x${/^CapPrm:\s*(\S+)/m.exec(status)?.[1] ?? ''}`);
}

function userOf(pid: number): number {
  return Number(/^Uid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

needsLab('CAP_NET_ADMIN and CAP_NET_RAW are all that daemon and guard need', async () => {
  const changesUser = canChangeUser();
  const program = [...SET_CAPABILITIES, ...(changesUser ? CHANGE_USER : []), ...PROGRAM] as const;
  await onStage({ nodes: 3, program, settings: { balancers: [] } }, async (stage) => {
    if (changesUser) giveFiles(stage, USER);
    expect(await playOpening(stage, () => {})).toBe(true);
    for (const { pid } of stage.daemons) {
      expect(capabilitiesOf(pid)).toBe(NEEDED_BITS);
      expect(capabilitiesOf(guardOf(pid))).toBe(GUARD_BITS);
      if (changesUser) expect(userOf(guardOf(pid))).toBe(USER);
    }
    for (const fault of ['handoff', 'kill', 'freeze'] as const) {
      const outcome = await playFault(stage, fault, () => {});
      expect(outcome.broken).toEqual([]);
      expect(outcome.twoHoldersMs).toBe(0);
    }
  });
});
