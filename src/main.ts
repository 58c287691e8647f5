#!/usr/bin/env node
/** argv and environment in, exit code out; nothing else reads process.*. Each command's code is loaded when it runs. */
import { Command, CommanderError, Option } from 'commander'
import { controllerFlags, readControllerFlags } from './cli/controller-flags.ts'
import { readServeOptions, serveFlags, variableOf } from './cli/serve-options.ts'
import { UserError } from './errors.ts'
import { VERSION } from './version.ts'

/** 0: done; 1: a mistake in a manifest, a file or a cluster; 2: a mistake in the command line. */
const EXIT = { done: 0, failed: 1, usage: 2 } as const

let exitCode: number = EXIT.done

const program = new Command('hotreload')
  .description('Brings an edited ConfigMap or Secret into the running process.')
  .version(VERSION)
  .exitOverride()
  .showSuggestionAfterError()

const serveCommand = program
  .command('serve')
  .description('the webhook that injects Pods, and the controller that follows ConfigMaps and Secrets')
for (const flag of [...Object.values(serveFlags), ...Object.values(controllerFlags)])
  serveCommand.addOption(option(flag))
type Given = Parameters<typeof readServeOptions>[0] & Parameters<typeof readControllerFlags>[0]
serveCommand.action(async (given: Given) => {
  const options = readServeOptions(given)
  const settings = readControllerFlags(given, process.env)
  const { serve } = await import('./cli/serve.ts')
  const [drain, now] = [new AbortController(), new AbortController()]
  process.on('SIGTERM', () => drain.abort())
  process.on('SIGINT', () => now.abort())
  await serve(options, { environment: process.env, drain: drain.signal, now: now.signal }, settings)
})

program
  .command('inject')
  .description('writes manifests as the webhook would have the cluster store them; needs no cluster')
  .requiredOption('-f, --filename <file...>', 'a file, a directory, or - for standard input')
  .option('--inject-all', 'treat every workload as opted in', false)
  .addOption(option(serveFlags.agentImage))
  .addOption(option(serveFlags.policy))
  .action(async (given: { filename: string[]; injectAll: boolean; agentImage: string; policy?: string }) => {
    const { inject } = await import('./cli/inject.ts')
    const { readPolicyFile } = await import('./cli/policy-file.ts')
    const { agentImage } = readServeOptions({ agentImage: given.agentImage })
    const defaults = await readPolicyFile(given.policy)
    const options = { agentImage, version: VERSION, defaults, injectAll: given.injectAll }
    exitCode = await inject(given.filename, options, process)
  })

process.exitCode = await run()

function option({ flags, doc, ...flag }: { flags: string; doc: string; default?: string }): Option {
  const made = new Option(flags, doc).env(variableOf({ flags, doc }))
  return flag.default === undefined ? made : made.default(flag.default)
}

async function run(): Promise<number> {
  try {
    await program.parseAsync(process.argv)
    return exitCode
  } catch (error) {
    // Commander has printed its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    if (!(error instanceof UserError)) throw error
    process.stderr.write(`hotreload: ${error.message}\n`)
    return error.code === 'HR_BAD_FLAG' ? EXIT.usage : EXIT.failed
  }
}
