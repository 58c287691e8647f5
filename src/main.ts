#!/usr/bin/env node
/** Reads argv and the environment, and sets the exit code; no other file reads process.*. Each command's code is loaded when it runs. */
import { Command, CommanderError, Option } from 'commander'
import { controllerFlags, readControllerFlags } from './cli/serve/controller-flags.ts'
import { readServeOptions, serveFlags, variableOf } from './cli/serve/options.ts'
import type { Flag } from './cli/shared/flag.ts'
import { type QueryGiven, queryFlags, readQueryOptions } from './cli/shared/query-flags.ts'
import { UserError } from './errors.ts'
import { VERSION } from './version.ts'

/** 0: done; 1: a mistake in a manifest, a file or a cluster; 2: a mistake in the command line, or a cluster that can't be read. */
const EXIT = { done: 0, failed: 1, usage: 2 } as const
const usageCodes: ReadonlySet<string> = new Set([
  'HR_BAD_FLAG',
  'HR_BAD_KUBECONFIG',
  'HR_NO_CLUSTER',
  'HR_UNREACHABLE',
  'HR_FORBIDDEN',
  'HR_NO_OBJECT',
])

let exitCode: number = EXIT.done

const program = new Command('hotreload')
  .description('Brings an edited ConfigMap or Secret into the running process.')
  .version(VERSION)
  .exitOverride()
  .showSuggestionAfterError()

const serveCommand = program
  .command('serve')
  .description(
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

program
  .command('inject')
  .description('print manifests as the webhook would change them; needs no cluster')
  .requiredOption('-f, --filename <file...>', 'a file, a directory, or - for standard input')
  .option('--inject-all', 'treat every workload as opted in', false)
  .addOption(option(serveFlags.agentImage))
  .addOption(option(serveFlags.policy))
  .action(async (given: { filename: string[]; injectAll: boolean; agentImage: string; policy?: string }) => {
    const { inject } = await import('./cli/inject.ts')
    const { readPolicyFile } = await import('./cli/serve/watch-policy-file.ts')
    const { agentImage } = readServeOptions({ agentImage: given.agentImage })
    const defaults = await readPolicyFile(given.policy)
    const options = { agentImage, version: VERSION, defaults, injectAll: given.injectAll }
    exitCode = await inject(given.filename, options, process)
  })

/** A read-only command: kubectl's own flags, and output as a table, JSON or YAML. */
function query(name: string, description: string): Command {
  const command = program.command(name).description(description)
  for (const flag of Object.values(queryFlags)) command.addOption(plain(flag))
  return command
}

query('explain', 'show what a change of each ConfigMap and Secret would do to a workload, and why')
  .argument('[workload]', 'KIND/NAME, e.g. deployment/web')
  .option(
    '-f, --filename <file...>',
    'manifests: a file, a directory, or - for standard input; needs no cluster',
  )
  .addOption(option(serveFlags.policy))
  .action(
    async (target: string | undefined, given: QueryGiven & { filename?: string[]; policy?: string }) => {
      const { filename: files, policy, ...rest } = given
      const options = readQueryOptions(rest)
      const { explainCommand } = await import('./cli/explain/explain.ts')
      const { readPolicyFile } = await import('./cli/serve/watch-policy-file.ts')
      exitCode = await explainCommand(
        { defaults: await readPolicyFile(policy), files, target },
        options,
        process,
      )
    },
  )

query('doctor', 'check the installation, and find workloads whose settings have no effect')
  .addOption(option(serveFlags.policy))
  .action(async ({ policy, ...given }: QueryGiven & { policy?: string }) => {
    const options = readQueryOptions(given)
    const { doctorCommand } = await import('./cli/doctor/doctor.ts')
    const { readPolicyFile } = await import('./cli/serve/watch-policy-file.ts')
    exitCode = await doctorCommand(options, await readPolicyFile(policy), process)
  })

query('status', 'show what each injected Pod has loaded, according to its agents')
  .option('-A, --all-namespaces', 'Pods of all namespaces', false)
  .action(async ({ allNamespaces, ...given }: QueryGiven & { allNamespaces: boolean }) => {
    const options = readQueryOptions(given)
    const { statusCommand } = await import('./cli/status/status.ts')
    exitCode = await statusCommand({ ...options, allNamespaces }, process)
  })

process.exitCode = await run()

function plain({ flags, doc, ...flag }: Flag): Option {
  const made = new Option(flags, doc)
  // As Reloader's: a list that is given twice is one list.
  if (flags.endsWith('<list>'))
    made.argParser((value: string, before?: string) => [before ?? [], value].flat().join(','))
  return flag.default === undefined ? made : made.default(flag.default)
}

/** A flag that an environment variable may set too. */
function option(flag: Flag): Option {
  return plain(flag).env(variableOf(flag))
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
