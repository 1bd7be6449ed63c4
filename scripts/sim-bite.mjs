// Shows that the simulator bites: switches off one rule of the election at a time, in the source
// that it builds and nowhere else, and wants two rights or two servers within 1,000 seeds.
// `npm run sim:bite [-- RULE...]`. A rule whose text is gone from the source fails the run.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const RAFT = 'src/core/election/raft';
const SEEDS_MAX = 1000;

/** What each rule is, and the text that keeps it: each text stands in its file exactly once. */
const RULES = {
  A1: {
    says: 'a process that starts abstains',
    patches: [[`${RAFT}/raft.ts`, 'now + config.abstainMs', 'now']],
  },
  A2: {
    says: 'an acknowledgement is a promise too',
    patches: [[`${RAFT}/follower.ts`, 'until: now + heartbeat.holdMs', 'until: now']],
  },
  'A3-hold': {
    says: 'nobody promises for longer than its own election timeout',
    patches: [
      [`${RAFT}/follower.ts`, 'if (heartbeat.holdMs > config.electionTimeoutMs) {', 'if (false) {'],
      [`${RAFT}/follower.ts`, 'request.holdMs <= config.electionTimeoutMs &&\n    state', 'state'],
      [`${RAFT}/follower.ts`, 'request.holdMs <= config.electionTimeoutMs;', 'true;'],
    ],
  },
  'A3-clock': {
    says: "the right ends before the fastest voter's promise",
    patches: [[`${RAFT}/right.ts`, 'holdMs / CLOCK_RATIO_MAX', 'holdMs']],
  },
  'A3-term': {
    says: 'a leader that sees a higher term gives up its right in the same step',
    patches: [[`${RAFT}/turn.ts`, 'if (served)', "if (served && reason !== 'higher-term')"]],
  },
  A4: {
    says: 'a resignation is good for one leader, one term and one election',
    patches: [
      [
        `${RAFT}/raft.ts`,
        'if (message.term < state.term)',
        "if (message.term < state.term && message.kind !== 'resignation')",
      ],
      [`${RAFT}/follower.ts`, 'followed !== from.id', 'false'],
      [
        `${RAFT}/turn.ts`,
        'return release?.term === term - 1 ? release : undefined;',
        'return release;',
      ],
      [`${RAFT}/promise.ts`, 'release.leader === promise.leader &&', 'true ||'],
    ],
  },
  'A4-first': {
    says: 'a leader that transfers gives up its right first',
    patches: [[`${RAFT}/leader.ts`, 'stepDown(turn, reason);', '']],
  },
  A5: {
    says: 'another list of voters is refused, at the start and in messages',
    patches: [
      ['test/sim/cluster.ts', 'file.voters.join() !== site.voters.join()', 'false'],
      [`${RAFT}/raft.ts`, 'message.list !== config.list', 'false'],
    ],
  },
  A6: {
    says: 'an id belongs to one live process',
    patches: [
      [`${RAFT}/channel.ts`, 'now - session.heardAt < liveMs', 'false'],
      [`${RAFT}/promise.ts`, ' && promise.instance === claimant.instance', ''],
      [`${RAFT}/raft.ts`, 'hearTwin(turn);\n', '\n'],
    ],
  },
  A7: {
    says: 'what was recorded is refused',
    patches: [
      [
        `${RAFT}/channel.ts`,
        "if (header.instance === session.instance) return refuse(session, 'own');",
        `return { kind: 'accepted', instance: header.instance, renewed: false, reply: undefined,
          session: { ...session, peerInstance: header.instance, peerNonce: header.nonce } };`,
      ],
    ],
  },
  'A8-margin': {
    says: 'the fences are told an earlier end than the right has',
    patches: [[`${RAFT}/right.ts`, 'return endsAt - marginMs;', 'return endsAt;']],
  },
  'send-time': {
    says: 'a right is counted from the sending, not from the answer',
    patches: [[`${RAFT}/leader.ts`, 'rightEnd(sentAt,', 'rightEnd(now,']],
  },
  'effects-wait': {
    says: 'what follows give-up-right waits for the kernel (the driver)',
    patches: [['test/sim/voter.ts', 'this.#withdrawing = true;', '']],
  },
};

const root = path.resolve(import.meta.dirname, '..');

/** Replaces the rule's text while its file is built; throws when it is not there once. */
function switchOff(patches) {
  return {
    name: 'switch-off',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        const own = patches.filter(([name]) => path.join(root, name) === file);
        if (own.length === 0) return undefined;
        let contents = readFileSync(file, 'utf8');
        for (const [name, text, instead] of own) {
          const parts = contents.split(text);
          if (parts.length !== 2) {
            throw new Error(
              `Cannot switch off "${text}": ${name} has it ${parts.length - 1} times`,
            );
          }
          contents = parts.join(instead);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
}

async function bite(name, { patches }) {
  const outfile = path.join(root, 'build', 'run', `sim-without-${name}.mjs`);
  await build({
    absWorkingDir: root,
    entryPoints: ['test/sim/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'warning',
    plugins: [switchOff(patches)],
  });
  const args = [outfile, '--seeds', String(SEEDS_MAX), '--first-break'];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e8 });
  return JSON.parse(run.stdout);
}

const wanted = process.argv.slice(2);
let missed = 0;
for (const [name, rule] of Object.entries(RULES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { seed, broken } = await bite(name, rule);
  if (seed === null) missed += 1;
  const found =
    seed === null
      ? `NOT FOUND in ${SEEDS_MAX} seeds`
      : `seed ${String(seed).padStart(4)} ${broken}`;
  console.log(`${name.padEnd(12)} ${found.padEnd(26)} without: ${rule.says}`);
}
const count = wanted.length === 0 ? Object.keys(RULES).length : wanted.length;
console.log(`${count - missed} passed, ${missed} failed`);
process.exitCode = missed === 0 ? 0 : 1;
