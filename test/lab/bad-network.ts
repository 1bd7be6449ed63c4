/** What a network does to frames on a bad day: loses them, delays them, carries them one way. */
import { untilReady } from '../../src/demo/namespace.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { compile } from './compile.ts';
import { run } from './lab.ts';

/** The bridge's end of a node's cable. */
function portOf(node: string): string {
  return `${node}.0`;
}

async function setRules(stage: Stage, rules: readonly string[]): Promise<void> {
  const chain = ['type filter hook forward priority 0;', ...rules].join('\n');
  const table = `table bridge bad_day {\nchain forward {\n${chain}\n}\n}\n`;
  const script = `nft -f - <<'END'\ntable bridge bad_day\ndelete table bridge bad_day\n${table}END`;
  await run(stage.network.middle, 'sh', '-c', script);
}

/**
 * Has the bridge lose so many of a hundred frames between nodes, whatever they carry. What the
 * client sends and gets is not touched: it is a referee.
 */
export async function loseFrames(stage: Stage, percent: number): Promise<void> {
  const ports = stage.network.nodes.map(({ name }) => `"${portOf(name)}"`).join(', ');
  const between = `iifname { ${ports} } oifname { ${ports} }`;
  await setRules(stage, [`${between} numgen random mod 100 < ${percent} drop`]);
}

/** Has the bridge carry nothing from one node to another; the other way all is well. */
export async function cutOneWay(
  stage: Stage,
  ways: readonly { readonly from: string; readonly to: string }[],
): Promise<void> {
  await setRules(
    stage,
    ways.map(({ from, to }) => `iifname "${portOf(from)}" oifname "${portOf(to)}" drop`),
  );
}

/** Ends what `loseFrames` and `cutOneWay` do. */
export async function mendBridge(stage: Stage): Promise<void> {
  await run(stage.network.middle, 'nft', 'delete', 'table', 'bridge', 'bad_day');
}

/**
 * Lays `node`'s cable through one that holds each IPv4 frame up for 0 to `mostMs`, whichever way it
 * goes. Resolves with what ends that.
 */
export async function delayFrames(
  stage: Stage,
  node: string,
  mostMs: number,
): Promise<() => Promise<void>> {
  const { middle } = stage.network;
  const [port, near, far] = [portOf(node), `${node}.in`, `${node}.out`];
  const ip = async (...words: readonly string[]) => void (await run(middle, 'ip', ...words));
  await ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far);
  for (const link of [near, far]) await ip('link', 'set', link, 'up');
  const command = [compile('test/native/bad_wire.cc'), port, near, String(mostMs)];
  const child = middle.spawn(command, ['ignore', 'pipe', 'inherit']);
  stage.atClose(() => void child.kill('SIGKILL'));
  await untilReady(child, 'lay a bad wire');
  await ip('link', 'set', port, 'nomaster');
  await ip('link', 'set', far, 'master', 'br0');
  return async () => {
    await ip('link', 'del', near);
    child.kill('SIGKILL');
    await ip('link', 'set', port, 'master', 'br0');
  };
}
