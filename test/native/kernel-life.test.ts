import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'vitest';
import { Kernel } from '../../src/dataplane/kernel.ts';
import { needsNamespaces } from '../lab/namespaces.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The beginning of a program in plain JavaScript that has the addon as `binding`. */
const WITH_BINDING = `
  const binding = require(${JSON.stringify(path.join(root, 'node_modules/node-gyp-build'))})(${JSON.stringify(root)});
  const many = Array.from({ length: 10_000 }, (_, i) => ({
    link: 1, address: '10.10.' + (i >> 8) + '.' + (i & 255), prefixLength: 32, validSeconds: 2 }));
`;

function runProgram(script: string): { status: number | null; printed: string; ms: number } {
  const begin = performance.now();
  const run = spawnSync(process.execPath, ['-e', WITH_BINDING + script], {
    encoding: 'utf8',
    timeout: 15_000,
  });
  return { status: run.status, printed: run.stdout + run.stderr, ms: performance.now() - begin };
}

needsNamespaces(
  'close() rejects what waits, and all that comes later, with ECANCELED',
  async () => {
    const kernel = new Kernel();
    const asked = Array.from({ length: 50 }, () => kernel.links());
    kernel.close();
    kernel.close();
    asked.push(kernel.links());
    const settled = await Promise.allSettled(asked);
    const codes = settled.map((result) =>
      result.status === 'fulfilled' ? 'done' : String(result.reason.code),
    );
    expect(codes.at(-1)).toBe('ECANCELED');
    expect(codes.filter((code) => code !== 'done' && code !== 'ECANCELED')).toEqual([]);
  },
);

needsNamespaces('a caller that does not wait is refused beyond a bound', async () => {
  const kernel = new Kernel();
  const settled = await Promise.allSettled(Array.from({ length: 2000 }, () => kernel.links()));
  expect(settled.filter((result) => result.status === 'fulfilled')).toHaveLength(1024);
  expect(await kernel.links()).not.toEqual([]);
  kernel.close();
});

needsNamespaces('a process ends although it watches, but not before its promises', () => {
  const { status, printed } = runProgram(`
    const kernel = binding.openKernel({});
    binding.watchKernel(kernel, () => {});
    binding.listLinks(kernel).then((links) => console.log(links[0].name));
  `);
  expect([status, printed]).toEqual([0, 'lo\n']);
});

needsNamespaces('a process that exits in the middle of a request does not crash', () => {
  const { status, printed } = runProgram(`
    const kernel = binding.openKernel({});
    binding.watchKernel(kernel, () => {});
    binding.addAddresses(kernel, many, { notAfterMs: Infinity });
    setTimeout(() => process.exit(7), 50);
  `);
  expect([status, printed]).toEqual([7, '']);
});

needsNamespaces('an exception in the watch is an uncaught one', () => {
  const { status, printed } = runProgram(`
    const kernel = binding.openKernel({});
    binding.watchKernel(kernel, () => { throw new Error('from the watch'); });
    process.on('uncaughtException', (err) => { console.log(err.message); process.exit(9); });
    binding.addAddresses(kernel, many.slice(0, 1), { notAfterMs: Infinity });
    setTimeout(() => {}, 5000);
  `);
  expect([status, printed]).toEqual([9, 'from the watch\n']);
});

needsNamespaces('handles that nobody holds are closed by the collector', () => {
  const { status, printed } = runProgram(`
    require('node:v8').setFlagsFromString('--expose-gc');
    const collect = require('node:vm').runInNewContext('gc');
    const threads = () => require('node:fs').readdirSync('/proc/self/task').length;
    const before = threads();
    for (let i = 0; i < 20; i++) binding.watchKernel(binding.openKernel({}), () => {});
    const most = threads();
    const tick = setInterval(() => {
      collect();
      if (threads() > before) return;
      console.log(most - before);
      clearInterval(tick);
    }, 20);
  `);
  expect([status, printed]).toEqual([0, '40\n']);
});

needsNamespaces(
  'the addon lives in a worker, and ends with it in the middle of a request',
  async () => {
    for (let round = 0; round < 3; round += 1) {
      const worker = new Worker(
        `${WITH_BINDING}
       const { parentPort } = require('node:worker_threads');
       const kernel = binding.openKernel({});
       binding.watchKernel(kernel, () => {});
       binding.listLinks(kernel).then((links) => {
         binding.addAddresses(kernel, many, { notAfterMs: Infinity });
         parentPort.postMessage(links[0].name);
       });`,
        { eval: true },
      );
      const name = await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      expect(name).toBe('lo');
      await worker.terminate();
    }
  },
);

needsNamespaces('what is no handle, or no request, is a TypeError', () => {
  // The types forbid all of this; JavaScript does not.
  const { printed } = runProgram(`
    const { page } = binding.createDeadlinePage();
    const kernel = binding.openKernel({});
    const good = { link: 1, address: '192.0.2.1', prefixLength: 32, validSeconds: -1 };
    const add = (request) => binding.addAddresses(kernel, [request], { notAfterMs: 0 });
    for (const call of [
      () => binding.listLinks({}),
      () => binding.listLinks(page),
      () => binding.storeDeadline(kernel, 1),
      () => binding.storeDeadline(page, NaN),
      () => add({ ...good, address: '192.0.2.256' }),
      () => add({ ...good, prefixLength: 33 }),
      () => add({ ...good, validSeconds: 1.5 }),
      () => add({ ...good, link: 0 }),
      () => add(null),
      () => binding.addAddresses(kernel, [good], {}),
    ]) {
      try { call(); console.log('nothing thrown'); } catch (err) { console.log(String(err)); }
    }
    binding.closeKernel(kernel);
  `);
  expect(printed).toMatchInlineSnapshot(`
    "TypeError: expected the handle of openKernel
    TypeError: expected the handle of openKernel
    TypeError: expected the handle of createDeadlinePage
    TypeError: deadlineMs is not an instant
    TypeError: element 0: address is not an IP address
    TypeError: element 0: prefixLength is not an integer in range
    TypeError: element 0: validSeconds is not an integer in range
    TypeError: element 0: link is not an integer in range
    TypeError: element 0: expected an object
    TypeError: notAfterMs is not a number
    "
  `);
});
