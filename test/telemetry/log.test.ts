import { expect, test } from 'vitest';
import { OperationalError } from '../../src/core/errors.ts';
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
    '{"level":"info","node":"a","component":"elector","term":4,"msg":"started leading"}',
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

test('what the outside refused is told with its code and hint, a mistake of ours with its stack', () => {
  const reader = new Reader();
  const log = openLog({ node: 'a', level: 'info', destination: reader });
  const cause = new Error('why');
  const err = new OperationalError('no', { code: 'EPERM', hint: 'do', cause });
  log.warn({ err }, 'failed');
  expect(reader.lines[0]).toContain('"message":"no: why"');
  expect(reader.lines[0]).toContain('"code":"EPERM","hint":"do"');
  expect(reader.lines[0]).not.toContain('stack');
  log.warn({ err: new TypeError('oops') }, 'failed');
  expect(reader.lines[1]).toMatch(/"type":"TypeError","message":"oops".*"stack":"TypeError: oops/);
});

test('the time is one that can be read, and compared with other logs', () => {
  let line = '';
  const destination = {
    destroyed: false,
    writableLength: 0,
    write: (text: string) => (line = text),
  };
  openLog({ node: 'a', level: 'info', destination }).info('now');
  expect(line).toMatch(/"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/);
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
    '{"level":"warn","node":"a","component":"log","dropped":10,"msg":"log lines dropped for want of a reader"}',
    '{"level":"info","node":"a","msg":"read"}',
  ]);
});

test('a destination that is gone is no error', () => {
  const reader = new Reader();
  reader.destroyed = true;
  openLog({ node: 'a', level: 'info', destination: reader }).info('unread');
  expect(reader.lines).toEqual([]);
});
