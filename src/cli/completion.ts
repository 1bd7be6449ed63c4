import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from './completion-script.ts';

/** `fairlead completion`: a script for the shell, made from the command tree. */
export function register(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes commands and flags')
    .addArgument(new Argument('<shell>', 'the shell that it is for').choices(SHELLS))
    .addHelpText(
      'after',
      `
In bash:  source <(fairlead completion bash)
In zsh:   source <(fairlead completion zsh)
In fish:  fairlead completion fish | source`,
    )
    .action(async (shell: Shell) => {
      // The whole tree: this process holds only the command that was asked for.
      const { buildProgram } = await import('./program.ts');
      process.stdout.write(completionScript(shell, await buildProgram()));
    });
}
