/** The workflows run scripts of this repository, with pinned actions and no right that a job does not need. actionlint checks their syntax. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { repository } from '../cluster/paths.ts'

interface Step {
  uses?: string
  run?: string
  with?: Record<string, unknown>
}
interface Workflow {
  permissions: object
  jobs: Record<string, { 'timeout-minutes': number; permissions: Record<string, string>; steps: Step[] }>
}

const folder = join(repository, '.github/workflows')
const files = readdirSync(folder)
const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
const makefile = readFileSync(join(repository, 'Makefile'), 'utf8')

test('there are workflows', () =>
  expect(files.toSorted()).toEqual(['ci.yml', 'release.yml', 'scorecard.yml']))

describe.each(files)('%s', (file) => {
  const workflow: Workflow = parse(read(file))
  const jobs = Object.values(workflow.jobs)
  const steps = jobs.flatMap((job) => job.steps)

  test('gives rights and a time to each job by itself', () => {
    expect(workflow.permissions).toEqual({})
    for (const job of jobs)
      expect([typeof job.permissions, typeof job['timeout-minutes']]).toEqual(['object', 'number'])
  })

  test('pins each action by its commit, and names its version', () => {
    const uses = read(file).match(/\buses: .*/g) ?? []
    expect(uses.length).toBeGreaterThan(0)
    expect(
      uses.filter((line) => !/^uses: [\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
    ).toEqual([])
  })

  test('leaves no token in the checkout', () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))
    expect(checkouts.length).toBeGreaterThan(0)
    for (const step of checkouts) expect(step.with).toEqual({ 'persist-credentials': false })
  })

  test('runs scripts and targets that exist', () => {
    const commands = steps.map(({ run = '' }) => run).join('\n')
    const scripts = [...commands.matchAll(/(?:\.ci|(?:deploy\/)?release)\/[\w.-]*[\w]/g)].map(
      ([path]) => path,
    )
    const paths = scripts.filter(
      (path) => !existsSync(join(repository, path)) && !path.startsWith('release/notes'),
    )
    expect(paths.filter((path) => !commands.includes(`out/${path}`))).toEqual([])
    const targets = [...commands.matchAll(/\bmake ([\w-]+)/g)].map(([, target]) => target)
    expect(targets.filter((target) => !makefile.includes(`\n${target}: `))).toEqual([])
  })
})

test('only the job that publishes may write', () => {
  const { jobs }: Workflow = parse(read('release.yml'))
  expect(jobs['build']?.permissions).toEqual({ contents: 'read' })
  expect(jobs['publish']?.permissions).toEqual({
    contents: 'write',
    packages: 'write',
    'id-token': 'write',
    attestations: 'write',
  })
})
