import { expect, test } from 'vitest';
import { openLog } from '../../src/telemetry/log.ts';

/** A destination whose reader may stop. */
class Reader {
  lines: string[] = [];
  destroyed = false;
  writableLength = 0;

  write(line: string): void {
    const { time: _time, ...record } = JSON.parse(line);
    this.lines.push(JSON.stringify(record));
  }
}

test('a line has level, node, component, fields and message', () => {
  const reader = new Reader();
  const log = openLog({ node: 'a', level: 'info', destination: reader });
  log.child({ component: 'elector' }).info({ term: 4 }, 'started leading');
  expect(reader.lines).toEqual([
    '{"level":30,"node":"a","component":"elector","term":4,"msg":"started leading"}',
  ]);
});

test('the level changes at run time, in every part', () => {
  const reader = new Reader();
  const log = openLog({ node: 'a', level: 'info', destination: reader });
  const part = log.child({ component: 'elector' });
  const inner = part.child({ component: 'inner' });
  part.debug('unheard');
  log.level = 'debug';
  part.debug('heard');
  inner.debug('heard');
  log.level = 'error';
  part.warn('unheard');
  expect(reader.lines).toHaveLength(2);
});

test('an error is told with its code and hint', () => {
  const reader = new Reader();
  const log = openLog({ node: 'a', level: 'info', destination: reader });
  log.warn({ err: Object.assign(new Error('no'), { code: 'EPERM', hint: 'do' }) }, 'failed');
  expect(reader.lines[0]).toContain('"message":"no"');
  expect(reader.lines[0]).toContain('"code":"EPERM","hint":"do"');
});

test('a reader that stops costs lines, which are counted, and no memory', () => {
  const reader = new Reader();
  const log = openLog({ node: 'a', level: 'info', destination: reader });
  reader.writableLength = 2 ** 20 + 1;
  for (let line = 0; line < 10; line++) log.info('unread');
  expect(reader.lines).toEqual([]);
  reader.writableLength = 0;
  log.info('read');
  expect(reader.lines).toEqual([
    '{"level":40,"node":"a","component":"log","dropped":10,"msg":"log lines dropped for want of a reader"}',
    '{"level":30,"node":"a","msg":"read"}',
  ]);
});

test('a destination that is gone is no error', () => {
  const reader = new Reader();
  reader.destroyed = true;
  openLog({ node: 'a', level: 'info', destination: reader }).info('unread');
  expect(reader.lines).toEqual([]);
});
