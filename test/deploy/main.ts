// `make manifests`: writes the kustomize directories from the chart.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../cluster/paths.ts'
import { helmProgram } from '../cluster/programs.ts'
import { renderManifests } from './render.ts'

const helm = await helmProgram((line) => console.error(line))
for (const [path, text] of await renderManifests(helm)) {
  writeFileSync(join(repository, path), text)
  console.log(path)
}
