// `make manifests`: writes the chart's files from deploy/monitoring, and the kustomize directories from the chart.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../cluster/paths.ts'
import { helmProgram } from '../cluster/programs.ts'
import { chartFiles, renderManifests } from './render.ts'

const helm = await helmProgram((line) => console.error(line))
const write = (files: Map<string, string>) => {
  for (const [path, text] of files) {
    writeFileSync(join(repository, path), text)
    console.log(path)
  }
}
write(chartFiles())
write(await renderManifests(helm))
