// The first part of the demo: what hotreload makes of a manifest, and what it says about it. It needs nothing but Node.js.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { injectManifests } from '../../src/cli/inject.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { AGENT_IMAGE, VERSION } from '../../src/version.ts'
import { repository } from '../cluster/paths.ts'
import { attempt, run } from '../cluster/run.ts'
import { heading } from './screen.ts'

export const MANIFEST: string = join(import.meta.dirname, 'web.yaml')

export async function showManifest(): Promise<void> {
  const manifest = readFileSync(MANIFEST, 'utf8')
  heading('A manifest: nginx, with one file of a ConfigMap mounted by subPath')
  console.log(manifest)
  heading('What a change of that ConfigMap would do (hotreload explain -f web.yaml)')
  console.log(await run([process.execPath, join(repository, 'src/main.ts'), 'explain', '-f', MANIFEST]))
  heading(
    'What its Pods become, as a diff (hotreload inject --inject-all -f web.yaml); on a cluster the manifest stays as it is',
  )
  const options = { agentImage: AGENT_IMAGE, version: VERSION, defaults: builtInDefaults, injectAll: true }
  const directory = mkdtempSync(join(tmpdir(), 'hotreload-demo-'))
  try {
    const [before, after] = [join(directory, 'before.yaml'), join(directory, 'after.yaml')]
    writeFileSync(before, manifest)
    writeFileSync(after, injectManifests(manifest, 'web.yaml', options).manifests)
    const diff = ['git', 'diff', '--no-index', '--no-color', '--unified=3', before, after]
    const { stdout } = await attempt(diff)
    console.log(stdout.replaceAll(/^(diff|index|---|\+\+\+) .*\n/gm, ''))
  } finally {
    rmSync(directory, { recursive: true })
  }
}
