// Failover as stories: test/scenario/*.txt, in blocks of commands, a line of dashes, and what comes
// of them. UPDATE=1 writes down what comes of them now; read the difference before you commit it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Group } from './group.ts';

const FOLDER = import.meta.dirname;

/** Plays a story, and returns it with what happened in place of what was expected. */
function play(story: string): string {
  let group: Group | undefined;
  return story
    .trimEnd()
    .split('\n\n')
    .map((block) => {
      const lines = block.split('\n');
      const rule = lines.indexOf('----');
      if (rule === -1) return block;
      const commands = lines.slice(0, rule);
      for (const line of commands.filter((text) => !text.startsWith('#'))) {
        group = command(group, line.trim().split(/\s+/));
      }
      return [...commands, '----', group?.report() ?? ''].join('\n');
    })
    .join('\n\n')
    .concat('\n');
}

function command(group: Group | undefined, [verb = '', ...words]: readonly string[]): Group {
  const [first = '', second] = words;
  if (verb === 'nodes') {
    const ids = words.map((word) => word.replace('(witness)', ''));
    const witnesses = words.flatMap((word) =>
      word.endsWith('(witness)') ? [word.slice(0, 1)] : [],
    );
    const made = new Group(ids, witnesses);
    for (const id of ids) made.start(id);
    return made;
  }
  if (group === undefined) throw new Error('a story begins with its nodes');
  switch (verb) {
    case 'advance':
      group.advance(Number(/^(\d+)ms$/.exec(first)?.[1]));
      break;
    case 'start':
      group.start(first);
      break;
    case 'crash':
      group.crash(first);
      break;
    case 'freeze':
      group.freeze(first);
      break;
    case 'thaw':
      group.thaw(first);
      break;
    case 'cut':
      group.cut(first);
      break;
    case 'join':
      group.join(first);
      break;
    case 'handoff':
      group.handoff(first, second);
      break;
    case 'leave':
      group.leave(first);
      break;
    case 'carrier':
      group.carrier(first, second === 'on');
      break;
    default:
      throw new Error(`no such command: ${verb}`);
  }
  return group;
}

const stories = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

test.each(stories)('%s', (name) => {
  const file = path.join(FOLDER, name);
  const story = readFileSync(file, 'utf8');
  const played = play(story);
  if (process.env['UPDATE'] === '1') writeFileSync(file, played);
  else expect(played).toBe(story);
  expect(played, 'no story serves the VIP twice').not.toMatch(/served twice (?!0 ms)/);
});
