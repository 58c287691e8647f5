// The command line itself, as a program: what kubectl's users type, errors, completion. No cluster.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AGENT_IMAGE, VERSION } from '../src/version.ts'
import { attempt } from './cluster/run.ts'
import { fakeApi } from './support/api.ts'

const MAIN = join(import.meta.dirname, '../src/main.ts')
const hotreload = (...argv: string[]) =>
  attempt([process.execPath, MAIN, ...argv], { env: { ...process.env, KUBECONFIG: '/nowhere/config' } })

let directory = ''
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hotreload-main-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('errors have one form, and exit code 2', () => {
  test.each([
    [['stats'], "unknown command 'stats'; did you mean status? [HR_BAD_FLAG]"],
    [['status', '--xyz'], "unknown option '--xyz'; see --help [HR_BAD_FLAG]"],
    [['inject'], "required option '-f, --filename <file...>' not specified; see --help [HR_BAD_FLAG]"],
    [['-n', 'shop', 'inject', '-f', '-'], '--namespace: inject does not take it; leave it out [HR_BAD_FLAG]'],
    [['status', '-o', 'wide'], '--output: "wide" is not a format; use table, json, yaml [HR_BAD_FLAG]'],
    [['explain'], 'explain: needs -f FILE or KIND/NAME; give one of them [HR_BAD_FLAG]'],
  ])('%j', async (argv, message) =>
    expect(await hotreload(...argv)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `hotreload: ${message}\n`,
    }),
  )
})

test('an API server that answers with an error is no mistake of a manifest: exit code 2', async () => {
  const api = await fakeApi()
  const { server } = await api.connection.credentials()
  const kubeconfig = join(directory, 'broken')
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'a',
      clusters: [{ name: 'a', cluster: { server: server.href, 'insecure-skip-tls-verify': true } }],
      contexts: [{ name: 'a', context: { cluster: 'a' } }],
    }),
  )
  api.statuses.set('/api/v1/namespaces/default/pods?limit=250', 500)
  expect(await hotreload('status', '--kubeconfig', kubeconfig)).toMatchObject({
    code: 2,
    stderr: 'hotreload: list pods in namespace default: 500 forced 500; try again [HR_API]\n',
  })
  await api.close()
})

test('a reader that goes away ends the command without a word', async () => {
  const child = spawn(process.execPath, [MAIN, 'inject', '-f', '-'])
  let said = ''
  child.stderr.on('data', (text) => (said += String(text)))
  child.stdout.destroy()
  await once(child.stdout, 'close')
  child.stdin.end('kind: A\n')
  expect(await once(child, 'close')).toEqual([141, null])
  expect(said).toBe('')
})

test('a reader of the errors alone that goes away does the same', async () => {
  const child = spawn(process.execPath, [MAIN, 'inject', '-f', '-'])
  child.stderr.destroy()
  await once(child.stderr, 'close')
  child.stdout.resume()
  child.stdin.end('kind: "open\n')
  expect(await once(child, 'close')).toEqual([141, null])
})

test('flags may stand before the command, and those after it win', async () => {
  const file = join(directory, 'web.yaml')
  const spec = 'spec: {template: {spec: {containers: []}}}\n'
  writeFileSync(file, `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n${spec}`)
  const before = await hotreload('-n', 'shop', '-o', 'json', 'explain', '-f', file)
  expect(JSON.parse(before.stdout)).toMatchObject({ items: [{ object: { namespace: 'shop' } }] })
  const after = await hotreload('-n', 'shop', 'explain', '-f', file, '-n', 'mall')
  expect(after.stdout).toMatch(/^Deployment web in namespace mall/)
})

test.each([
  ['inject', /--policy <file> +file of cluster-wide defaults \(default: none\)/],
  ['explain', /--policy <file> +file of cluster-wide defaults \(default: the cluster's own; with -f none\)/],
  [
    'doctor',
    /--namespace <namespace> +the namespace \(default: the context's; doctor checks the workloads of all\)/,
  ],
])('%s --help says what holds without a flag', async (command, line) =>
  expect((await hotreload(command, '--help')).stdout.replaceAll(/\s+/g, ' ')).toMatch(line),
)

test('version names this program and its agent', async () =>
  expect((await hotreload('version')).stdout).toBe(
    `hotreload ${VERSION}\nagent ${AGENT_IMAGE}\nNode.js ${process.version}\n`,
  ))

describe('completion', () => {
  /** What bash proposes for the last of `words`. */
  async function proposed(...words: string[]): Promise<string[]> {
    const { stdout: script } = await hotreload('completion', 'bash')
    const quoted = words.map((word) => `'${word}'`).join(' ')
    const ask = `COMP_WORDS=(hotreload ${quoted}) COMP_CWORD=${words.length}; _hotreload; printf '%s\\n' "\${COMPREPLY[@]}"`
    const out = execFileSync('bash', ['-c', `${script}\n${ask}`], { encoding: 'utf8', cwd: directory })
    return out.trim().split('\n').toSorted()
  }

  test.each<[string[], string[]]>([
    [['st'], ['status']],
    [['-n', 'shop', 'ex'], ['explain']],
    [['status', '--all'], ['--all-namespaces']],
    [
      ['explain', '-o', ''],
      ['json', 'table', 'yaml'],
    ],
    [
      ['completion', ''],
      ['--help', 'bash', 'fish', 'zsh'],
    ],
    [['status', '-n', ''], ['']],
  ])('of %j', async (words, expected) => expect(await proposed(...words)).toEqual(expected))

  test('of a file', async () => {
    writeFileSync(join(directory, 'manifest.yaml'), '')
    expect(await proposed('inject', '-f', 'man')).toEqual(['manifest.yaml'])
  })

  test('for zsh is the same, by its bashcompinit', async () =>
    expect((await hotreload('completion', 'zsh')).stdout).toMatch(
      /^autoload -U \+X bashcompinit && bashcompinit\n_hotreload\(\) \{\n/,
    ))

  test('for fish has each command, each flag and its values', async () => {
    const { stdout } = await hotreload('completion', 'fish')
    expect(stdout).toContain("complete -c hotreload -n __fish_use_subcommand -f -a status -d 'show what")
    expect(stdout).toMatch(
      /^complete -c hotreload -n '__fish_seen_subcommand_from explain' -s o -l output -x -a 'table json yaml' -d '.*'$/m,
    )
    expect(stdout).toMatch(/^complete .*' -s f -l filename -r -F -d /m)
    expect(stdout).toContain("kubeconfig\\'s context")
  })
})
