import type { Command } from 'commander';
import { formatObject, isForPrograms, type OutputFormat, outputOption } from './output.ts';
import { VERSION } from './version-text.ts';

/** `fairlead version`: what this is, and what it runs on. */
export function register(program: Command): void {
  program
    .command('version')
    .description('print the version, and what it runs on')
    .addOption(outputOption())
    .action(async ({ output }: { readonly output: OutputFormat }) => {
      const node = process.versions.node;
      const platform = `${process.platform}-${process.arch}`;
      const report = {
        apiVersion: 'fairlead.io/v1',
        kind: 'Version',
        version: VERSION,
        node,
        platform,
      };
      process.stdout.write(
        isForPrograms(output)
          ? await formatObject(report, output)
          : `fairlead ${VERSION} (Node.js ${node}, ${platform})\n`,
      );
    });
}
