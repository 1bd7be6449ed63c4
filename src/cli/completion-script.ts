import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** One command of the tree: its words, and what may follow them. */
interface Place {
  /** `config validate`; '' for the program itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly Option[];
  readonly choices: readonly string[];
}

/** The script, for `source` or the shell's folder of completions. */
export function completionScript(shell: Shell, program: Command): string {
  const places = placesOf(program, '');
  if (shell === 'fish') return fishScript(places);
  return shell === 'bash' ? bashScript(places) : zshScript(places);
}

function placesOf(command: Command, path: string): readonly Place[] {
  const help = command.createHelp();
  const visible = help.visibleCommands(command);
  const own: Place = {
    path,
    commands: visible.map((each) => ({ name: each.name(), description: each.description() })),
    options: help.visibleOptions(command),
    choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
  };
  const below = visible.filter((each) => each.name() !== 'help');
  return [own, ...below.flatMap((each) => placesOf(each, `${path} ${each.name()}`.trim()))];
}

function wordsOf({ commands, options, choices }: Place): readonly string[] {
  const flags = options.flatMap(({ short, long }) => [short, long]);
  return [
    ...commands.map(({ name }) => name),
    ...choices,
    ...flags.filter((flag) => flag !== undefined),
  ];
}

/** A case per place gives the words; words that begin with a dash are no commands. */
function shellCases(places: readonly Place[]): string {
  return places
    .map((place) => `    '${place.path}') candidates='${wordsOf(place).join(' ')}' ;;`)
    .join('\n');
}

/** The longest beginning of the line that is a command: flags and their values are skipped. */
function shellWalk(places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return `    case "\${place:+$place }$word" in
      ${paths.join('|')}) place="\${place:+$place }$word" ;;
    esac`;
}

/** Files where no word fits, since flags such as -c take one. */
function bashScript(places: readonly Place[]): string {
  return `# bash completion of fairlead
_fairlead() {
  local word place='' candidates='' current="\${COMP_WORDS[COMP_CWORD]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
${shellWalk(places)}
  done
  case "$place" in
${shellCases(places)}
  esac
  COMPREPLY=($(compgen -W "$candidates" -- "$current"))
}
complete -o default -F _fairlead fairlead
`;
}

function zshScript(places: readonly Place[]): string {
  return `#compdef fairlead
_fairlead() {
  local word place='' candidates=''
  for word in "\${(@)words[2,CURRENT-1]}"; do
${shellWalk(places)}
  done
  case "$place" in
${shellCases(places)}
  esac
  compadd -- \${=candidates} || _files
}
compdef _fairlead fairlead
`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap((place) => {
    const condition = fishCondition(place, places);
    const commands = place.commands.map(
      ({ name, description }) =>
        `complete -c fairlead -n '${condition}' -f -a ${name} -d '${fishText(description)}'`,
    );
    const choices = place.choices.map(
      (choice) => `complete -c fairlead -n '${condition}' -f -a ${choice}`,
    );
    const options = place.options.map((option) => {
      const names = [
        ...(option.short === undefined ? [] : [`-s ${option.short.slice(1)}`]),
        ...(option.long === undefined ? [] : [`-l ${option.long.slice(2)}`]),
      ];
      const value = option.required ? ' -r' : '';
      return `complete -c fairlead -n '${condition}' ${names.join(' ')}${value} -d '${fishText(option.description)}'`;
    });
    return [...commands, ...choices, ...options];
  });
  return `# fish completion of fairlead\n${lines.join('\n')}\n`;
}

/** The place's words have been typed, and no command below it. */
function fishCondition({ path, commands }: Place, places: readonly Place[]): string {
  const seen = path.split(' ').filter((word) => word !== '');
  const isTop = places[0]?.path === path;
  const typed = seen.map((word) => `__fish_seen_subcommand_from ${word}`);
  const names = commands.map(({ name }) => name);
  const below = names.length === 0 ? [] : [`not __fish_seen_subcommand_from ${names.join(' ')}`];
  return [...(isTop ? [] : typed), ...below].join('; and ');
}

function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
