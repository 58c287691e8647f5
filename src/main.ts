#!/usr/bin/env node
/** Reads argv and the environment, and sets the exit code; no other file reads process.*. Each command's code is loaded when it runs. */
import { Argument, Command, CommanderError, Option } from 'commander'
import { controllerFlags, readControllerFlags } from './cli/serve/controller-flags.ts'
import { readServeOptions, serveFlags, variableOf } from './cli/serve/options.ts'
import { completionScript, shells } from './cli/shared/completion.ts'
import type { Flag } from './cli/shared/flag.ts'
import { type QueryGiven, queryFlags, readQueryOptions } from './cli/shared/query-flags.ts'
import { UserError } from './errors.ts'
import { AGENT_IMAGE, VERSION } from './version.ts'

/**
 * 0: done; 1: a mistake in a manifest, a file or a cluster; 2: a mistake in the command line, or a cluster that can't be read; 141: nobody reads
 * the output any more, as `head` after its lines. A shell shows the same of a program that SIGPIPE ended.
 */
const EXIT = { done: 0, failed: 1, usage: 2, unread: 141 } as const
const usageCodes: ReadonlySet<string> = new Set([
  'HR_BAD_FLAG',
  'HR_BAD_KUBECONFIG',
  'HR_NO_CLUSTER',
  'HR_UNREACHABLE',
  'HR_FORBIDDEN',
  'HR_NO_OBJECT',
  'HR_API',
])

let exitCode: number = EXIT.done

const program = new Command('hotreload')
  .description('Brings an edited ConfigMap or Secret into the running process.')
  .version(VERSION)
  .exitOverride()
  .showSuggestionAfterError()
  // kubectl takes its flags before a command's name, too.
  .enablePositionalOptions()
  .configureOutput({ outputError: (text, write) => write(asOurError(text)) })
  .hook('preAction', (_, action) => {
    const taken = new Set(action.options.map((one) => one.attributeName()))
    const idle = Object.keys(program.opts()).find((flag) => !taken.has(flag))
    if (idle !== undefined)
      throw new UserError('HR_BAD_FLAG', `--${idle}: ${action.name()} does not take it`, 'leave it out')
  })
for (const flag of Object.values(queryFlags)) program.addOption(plain(flag).hideHelp())

const serveCommand = command(
  'serve',
  'run the webhook, which injects Pods, and the controller, which watches ConfigMaps and Secrets',
)
for (const flag of [...Object.values(serveFlags), ...Object.values(controllerFlags)])
  serveCommand.addOption(option(flag))
type Given = Parameters<typeof readServeOptions>[0] & Parameters<typeof readControllerFlags>[0]
serveCommand.action(async (given: Given) => {
  const options = readServeOptions(given)
  const settings = readControllerFlags(given, process.env)
  const { serve } = await import('./cli/serve/serve.ts')
  const [drain, now] = [new AbortController(), new AbortController()]
  process.on('SIGTERM', () => drain.abort())
  process.on('SIGINT', () => now.abort())
  await serve(options, { environment: process.env, drain: drain.signal, now: now.signal }, settings)
})

command('inject', 'print manifests as the webhook would change them; needs no cluster')
  .requiredOption('-f, --filename <file...>', 'a file, a directory, or - for standard input')
  .option('--inject-all', 'treat every workload as opted in', false)
  .addOption(option(serveFlags.agentImage))
  .addOption(policyFile('none'))
  .action(async (given: { filename: string[]; injectAll: boolean; agentImage: string; policy?: string }) => {
    const { inject } = await import('./cli/inject.ts')
    const { readPolicyFile } = await import('./cli/serve/watch-policy-file.ts')
    const { agentImage } = readServeOptions({ agentImage: given.agentImage })
    const defaults = await readPolicyFile(given.policy)
    const options = { agentImage, version: VERSION, defaults, injectAll: given.injectAll }
    exitCode = await inject(given.filename, options, process)
  })

query('explain', 'show what a change of each ConfigMap and Secret would do to a workload, and why')
  .argument('[object...]', 'KIND/NAME or KIND NAME, e.g. deployment/web, configmap/site, secret/db')
  .option(
    '-f, --filename <file...>',
    'manifests: a file, a directory, or - for standard input; needs no cluster',
  )
  .addOption(policyFile("the cluster's own; with -f none"))
  .action(async (targets: string[], given: QueryGiven & { filename?: string[]; policy?: string }) => {
    const { filename: files, policy, ...rest } = given
    const options = queryOptions(rest)
    const { explainCommand } = await import('./cli/explain/explain.ts')
    const { readPolicyFile } = await import('./cli/serve/watch-policy-file.ts')
    const defaults = policy === undefined ? undefined : await readPolicyFile(policy)
    exitCode = await explainCommand({ defaults, files, targets }, options, process)
  })

query('doctor', 'check the installation, and find workloads whose settings have no effect')
  .addOption(policyFile("the cluster's own"))
  .action(async ({ policy, ...given }: QueryGiven & { policy?: string }) => {
    const options = queryOptions(given)
    const { doctorCommand } = await import('./cli/doctor/doctor.ts')
    const { readPolicyFile } = await import('./cli/serve/watch-policy-file.ts')
    const defaults = policy === undefined ? undefined : await readPolicyFile(policy)
    exitCode = await doctorCommand(options, defaults, process)
  })

query('status', 'show what each injected Pod has loaded, according to its agents')
  .argument('[pod...]', 'names of Pods')
  .option('-A, --all-namespaces', 'Pods of all namespaces', false)
  .option('-l, --selector <selector>', 'Pods with these labels, e.g. app=web')
  .option('-w, --watch', 'answer again whenever something has changed', false)
  .action(async (names: string[], { allNamespaces, selector, watch, ...given }: StatusGiven) => {
    const options = queryOptions(given)
    const { statusCommand } = await import('./cli/status/status.ts')
    const pods = names.map((name) => name.replace(/^(pods?|po)\//, ''))
    const chosen = { allNamespaces, pods, watch, ...(selector === undefined ? {} : { selector }) }
    exitCode = await statusCommand({ ...options, ...chosen }, process)
  })
type StatusGiven = QueryGiven & { allNamespaces: boolean; selector?: string; watch: boolean }

const approveCommand = command(
  'approve',
  'publish what the gates of a workload hold back or have reverted, whatever its validator says',
).argument('<workload...>', 'KIND/NAME or KIND NAME, e.g. deployment/web')
for (const name of ['kubeconfig', 'context', 'namespace'] as const)
  approveCommand.addOption(plain(queryFlags[name]))
approveCommand.action(async (targets: string[], given: QueryGiven) => {
  const { approveCommand: approve } = await import('./cli/approve.ts')
  exitCode = await approve(targets, queryOptions(given), process)
})

command('version', 'print the version of this program, and the image of its agent').action(() => {
  process.stdout.write(`hotreload ${VERSION}\nagent ${AGENT_IMAGE}\nNode.js ${process.version}\n`)
})

command('completion', 'print a script that completes commands and flags in a shell')
  .addArgument(new Argument('<shell>', 'the shell').choices(shells))
  .action((shell: string) => {
    process.stdout.write(completionScript(program, shell))
  })

for (const output of [process.stdout, process.stderr])
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(EXIT.unread)
  })
process.exitCode = await run()

function command(name: string, description: string): Command {
  return program.command(name).description(description)
}

/** A read-only command: kubectl's own flags, and output as a table, JSON or YAML. */
function query(name: string, description: string): Command {
  const made = command(name, description)
  for (const flag of Object.values(queryFlags)) made.addOption(plain(flag))
  return made
}

/** The flags after a command win over those before it. */
function queryOptions(given: QueryGiven): ReturnType<typeof readQueryOptions> {
  return readQueryOptions({ ...program.opts<QueryGiven>(), ...given })
}

function plain({ flags, doc, values, ...flag }: Flag): Option {
  const made = new Option(flags, doc)
  // As Reloader's: a list that is given twice is one list.
  if (flags.endsWith('<list>'))
    made.argParser((value: string, before?: string) => [before ?? [], value].flat().join(','))
  // Commander would check them with a message of its own.
  if (values) made.argChoices = [...values]
  return flag.default === undefined ? made : made.default(flag.default)
}

/** A flag that an environment variable may set too. */
function option(flag: Flag): Option {
  return plain(flag).env(variableOf(flag))
}

/** Unlike `serve`, these commands read it once. */
function policyFile(without: string): Option {
  return option({ ...serveFlags.policy, doc: `file of cluster-wide defaults (default: ${without})` })
}

/** Commander's message in the form of ours; what it suggests is the remedy. */
function asOurError(text: string): string {
  const [problem = '', suggestion = ''] = text
    .replace(/^error: /, '')
    .trim()
    .replace(/\.$/, '')
    .split('\n')
  const remedy = suggestion.replace(/^\((.*)\)$/, '$1').toLowerCase() || 'see --help'
  return `hotreload: ${new UserError('HR_BAD_FLAG', problem, remedy).message}\n`
}

async function run(): Promise<number> {
  try {
    await program.parseAsync(process.argv)
    return exitCode
  } catch (error) {
    // Commander has printed its own message, or the requested help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    if (!(error instanceof UserError)) throw error
    process.stderr.write(`hotreload: ${error.message}\n`)
    return usageCodes.has(error.code) ? EXIT.usage : EXIT.failed
  }
}
