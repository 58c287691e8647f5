/** Scripts that complete our commands and flags in a shell, from commander's tree of them. Pure. */
import type { Command, Option } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const

/** @param shell one of `shells` */
export function completionScript(program: Command, shell: string): string {
  if (shell === 'fish') return fish(program)
  // zsh runs bash's functions with its bashcompinit.
  const intro = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''
  return intro + bash(program)
}

const shown = ({ options }: Command): Option[] => options.filter(({ hidden }) => !hidden)
const namesOf = ({ short, long }: Option): string[] => [short, long].filter((name) => name !== undefined)
const valuesOf = (command: Command): string[] =>
  command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices)

/** Whether its value is a path. */
const takesFile = ({ flags }: Option): boolean => /<(file|dir)\b/.test(flags)

function bash(program: Command): string {
  const all = [program, ...program.commands].flatMap(shown)
  const chosen = all.filter(({ argChoices }) => argChoices !== undefined)
  const pattern = (options: readonly Option[]) => [...new Set(options.flatMap(namesOf))].join('|')
  const values = new Map(chosen.map((one) => [pattern([one]), one.argChoices ?? []]))
  const others = all.filter((one) => one.required && !takesFile(one) && !chosen.includes(one))
  const words = (command: Command) =>
    [...shown(command).map((one) => one.long ?? ''), '--help', ...valuesOf(command)].join(' ')
  const names = program.commands.map((one) => one.name())
  return `_hotreload() {
  local word command= words current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  case $previous in
${[...values].map(([flags, choices]) => `    ${flags}) COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$current")); return ;;\n`).join('')}\
    ${pattern(all.filter(takesFile))}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${pattern(others)}) return ;;
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in ${names.join('|')}) command=$word; break ;; esac
  done
  case $command in
${program.commands.map((one) => `    ${one.name()}) words='${words(one)}' ;;\n`).join('')}\
    *) words='${[...names, 'help', words(program)].join(' ')}' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _hotreload hotreload kubectl-hotreload
`
}

function fish(program: Command): string {
  const quoted = (text: string) => `'${text.replaceAll(/[\\']/g, '\\$&')}'`
  const lines = program.commands.flatMap((command) => {
    const inside = `complete -c hotreload -n ${quoted(`__fish_seen_subcommand_from ${command.name()}`)}`
    return [
      `complete -c hotreload -n __fish_use_subcommand -f -a ${command.name()} -d ${quoted(command.description())}`,
      ...valuesOf(command).map((value) => `${inside} -f -a ${value}`),
      ...shown(command).map((option) => {
        const names = `${option.short ? ` -s ${option.short.slice(1)}` : ''} -l ${option.long?.slice(2)}`
        const value = option.argChoices
          ? ` -x -a ${quoted(option.argChoices.join(' '))}`
          : takesFile(option)
            ? ' -r -F'
            : option.required
              ? ' -x'
              : ' -f'
        return `${inside}${names}${value} -d ${quoted(option.description)}`
      }),
    ]
  })
  return `${lines.join('\n')}\n`
}
