import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { watchPolicyFile } from '../../../src/cli/serve/watch-policy-file.ts'
import { builtInDefaults } from '../../../src/policy/defaults.ts'

let file: string
beforeAll(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'hotreload-policy-')), 'policy.yaml')
})
afterAll(() => rm(file, { force: true }))

/** In one step, as the kubelet does: a reader in between would see an empty file, which is a policy too. */
async function replace(text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

test('without a file the built-in defaults hold', async () => {
  const policy = await watchPolicyFile(undefined, () => undefined)
  expect(policy.current()).toBe(builtInDefaults)
  policy.stop()
})

test('a file is read again when it changes; a mistake is reported once, and the last good file stays', async () => {
  const reports: (string | undefined)[] = []
  await replace('defaults: {subpath: copy}\n')
  const policy = await watchPolicyFile(file, (problem) => reports.push(problem?.code), 5)
  expect(policy.current().annotations).toEqual({ 'hotreload.dev/subpath': 'copy' })

  await replace('defaults: {subpath: keep}\n')
  await expect.poll(() => policy.current().annotations).toEqual({ 'hotreload.dev/subpath': 'keep' })
  expect(reports).toEqual([undefined])

  await replace('defaults: {subpath: sideways}\n')
  await expect.poll(() => reports.length).toBe(2)
  expect(reports[1]).toMatch(/^HR_/)
  await replace('defaults: {subpath: symlink}\n')
  await expect.poll(() => policy.current().annotations).toEqual({ 'hotreload.dev/subpath': 'symlink' })
  expect(reports).toHaveLength(3)
  policy.stop()
})

test('a file that is away is reported once, and is in use again when it is back', async () => {
  const reports: (string | undefined)[] = []
  await replace('defaults: {subpath: copy}\n')
  const policy = await watchPolicyFile(file, (problem) => reports.push(problem?.problem), 5)
  await rm(file)
  await expect.poll(() => reports.length).toBe(1)
  expect(reports[0]).toContain("can't be read (ENOENT)")
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(reports).toHaveLength(1)
  await replace('defaults: {subpath: copy}\n')
  await expect.poll(() => reports).toHaveLength(2)
  expect(reports[1]).toBeUndefined()
  policy.stop()
})
