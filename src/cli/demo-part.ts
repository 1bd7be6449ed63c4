import type { Command } from 'commander';

/** `fairlead demo-part`: how the demo runs its client, and what answers it, in other namespaces. */
export function register(program: Command): void {
  program
    .command('demo-part', { hidden: true })
    .argument('<part>')
    .action(async (part: string) => {
      const { playPart } = await import('../demo/part/part.ts');
      await playPart(JSON.parse(part));
    });
}
