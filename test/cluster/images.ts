// Brings images to the node: it builds an image if an input has changed, and imports it if the node has another build.
import { copyFileSync, readFileSync } from 'node:fs'
import { dirname, join, parse } from 'node:path'
import { AGENT_IMAGE, VERSION } from '../../src/version.ts'
import { type AppImage, type AppImageName, type AppProgram, appImages, containerfile } from './app-images.ts'
import { debianImage, withContext } from './base-images.ts'
import type { Cluster } from './cluster.ts'
import { foreignProgram, foreignVersion } from './foreign-programs.ts'
import { archive, build, keyFrom } from './image-builder.ts'
import { withLock } from './lock.ts'
import { buildProjectImage, type ProjectImageName } from './project-images.ts'
import { run } from './run.ts'

export type ImageName = AppImageName | ProjectImageName
type Say = (line: string) => void

const projectImages: Readonly<Record<ProjectImageName, string>> = {
  hotreload: `ghcr.io/hotreload/hotreload:${VERSION}`,
  'hotreload-agent': AGENT_IMAGE,
  'hotreload-agent-root': `${AGENT_IMAGE}-root`,
}

const isProjects = (name: ImageName): name is ProjectImageName => Object.hasOwn(projectImages, name)

/** The image's name for a Pod (with imagePullPolicy Never or IfNotPresent). The project's images have their real names. */
export function imageReference(name: ImageName): string {
  if (isProjects(name)) return projectImages[name]
  const { tag = '1' }: AppImage = appImages[name]
  return `localhost/${name}:${tag}`
}

/** The names of all images. */
export const imageNames: readonly ImageName[] = [...names(appImages), ...names(projectImages)]

/**
 * Builds images if needed and brings them to the cluster's node. On a cluster that isn't ours it passes each archive to the command in
 * LOAD_IMAGE (for kind: `kind load image-archive`).
 * @throws if a build fails, or LOAD_IMAGE is missing for such a cluster
 */
export async function bringImages(cluster: Cluster, wanted: readonly ImageName[], say: Say): Promise<void> {
  for (const name of wanted) {
    const image = imageReference(name)
    const key = await buildImage(name, image, say)
    const path = await archive(image, key)
    const { ctr } = cluster
    if (!ctr) await loadElsewhere(path)
    // Test files run beside each other: of two imports at once, ctr fails in one with "already exists".
    else await withLock(join(dirname(path), 'import.lock'), () => importImage(ctr, image, key, path, say))
  }
}

async function importImage(
  ctr: readonly string[],
  image: string,
  key: string,
  path: string,
  say: Say,
): Promise<void> {
  if (await hasImage(ctr, image, key)) return
  say(`importing ${image}`)
  await run([...ctr, 'images', 'import', path])
  await run([...ctr, 'images', 'label', image, `${LABEL}=${key}`])
}

const LABEL = 'hotreload.dev/key'

async function hasImage(ctr: readonly string[], image: string, key: string): Promise<boolean> {
  const filter = `name==${image},labels."${LABEL}"==${key}`
  const listed = await run([...ctr, 'images', 'list', '--quiet', filter])
  return listed.trim() !== ''
}

async function loadElsewhere(path: string): Promise<void> {
  const command = process.env['LOAD_IMAGE']?.split(' ')
  if (!command) {
    throw new Error(
      `set LOAD_IMAGE to a command that takes an image archive to the nodes of KUBECONFIG, e.g. "kind load image-archive"`,
    )
  }
  await run([...command, path])
}

async function buildImage(name: ImageName, image: string, say: Say): Promise<string> {
  if (isProjects(name)) return buildProjectImage(name, image, say)
  const recipe: AppImage = appImages[name]
  const text = containerfile(recipe)
  const sources = (recipe.programs ?? []).map((program) => sourceOf(program))
  const base = recipe.packages ? await debianImage(say) : ''
  const version = recipe.foreign ? [foreignVersion(recipe.foreign)] : []
  const key = keyFrom(base, text, ...version, ...sources.map((path) => readFileSync(path)))
  await withContext(async (context) => {
    if (recipe.foreign) copyFileSync(await foreignProgram(recipe.foreign, say), join(context, recipe.foreign))
    for (const path of sources) await compile(path, context)
    await build({ image, key, context, containerfile: text }, say)
  })
  return key
}

const sourceOf = (program: AppProgram): string =>
  join(import.meta.dirname, 'apps', program === 'ticker' ? 'ticker.go' : `${program}.c`)

/** Compiles a static program of apps/ into a directory. */
async function compile(source: string, directory: string): Promise<void> {
  const output = join(directory, parse(source).name)
  if (source.endsWith('.c'))
    await run(['gcc', '-static', '-Os', '-s', '-Wall', '-Wextra', '-o', output, source])
  else {
    copyFileSync(source, `${output}.go`)
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' }
    await run(['go', 'build', '-trimpath', '-ldflags=-s -w', '-o', output, `${output}.go`], { env })
  }
}

/** The keys of a table, typed. */
function names<T extends string>(table: Readonly<Record<T, unknown>>): T[] {
  const keys: T[] = []
  for (const key in table) keys.push(key)
  return keys
}
