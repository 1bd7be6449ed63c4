import { type Command, Option } from 'commander';
import { formatObject } from './output.ts';
import { VERSION } from './version-text.ts';

/** `fairlead version`: what this is, and what it runs on. */
export function register(program: Command): void {
  program
    .command('version')
    .description('print the version, and what it runs on')
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(['json', 'yaml']))
    .action(async ({ output }: { readonly output?: 'json' | 'yaml' }) => {
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
        output === undefined
          ? `fairlead ${VERSION} (Node.js ${node}, ${platform})\n`
          : await formatObject(report, output),
      );
    });
}
