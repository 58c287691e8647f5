// `CORPUS=FOLDER make reach`: the share of references that reload in place, over a folder of manifests. See reach.ts.
import { mapObjects } from '../../src/cli/shared/manifest.ts'
import { readManifests } from '../../src/cli/shared/read-manifests.ts'
import { formatTable } from '../../src/cli/shared/table.ts'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { withoutNulls } from '../../src/workload/json-object.ts'
import { type Counts, outcomes, type ProgramReach, reachOf } from './reach.ts'

/** The rest of a list is long and says little: programs that one manifest has. */
const ROWS = 40

const folder = process.env['CORPUS']
if (!folder) {
  console.error('set CORPUS to a folder of manifests')
  process.exit(2)
}

const objects: ApiObject[] = []
for (const { file, stream } of await readManifests(folder, process.stdin))
  mapObjects(stream, file, (object) => {
    objects.push(withoutNulls(object))
    return object
  })
const { workloads, withAgent, volumes, variables, known, unknown, failures } = reachOf(objects)

const sum = (counts: Counts): number => outcomes.reduce((all, one) => all + counts[one], 0)

function share(counts: Counts): string[] {
  const all = sum(counts)
  const percent = (count: number): string => `${count} (${Math.round((100 * count) / (all || 1))} %)`
  return [String(all), ...outcomes.map((one) => percent(counts[one]))]
}

function programs(title: string, reach: ReadonlyMap<string, ProgramReach>): void {
  const sorted = [...reach].toSorted(([, a], [, b]) => sum(b.counts) - sum(a.counts))
  const rows = sorted
    .slice(0, ROWS)
    .map(([name, { containers, counts }]) => [
      name,
      String(containers),
      String(sum(counts)),
      ...outcomes.map((one) => String(counts[one] || '')),
    ])
  console.log(`${title}: ${reach.size}`)
  console.log(formatTable(['PROGRAM', 'CONTAINERS', 'IN VOLUMES', ...outcomes.map(heading)], rows))
}

const heading = (outcome: string): string => outcome.toUpperCase()

console.log(`${workloads} workloads, ${withAgent} of them get an agent\n`)
console.log(
  formatTable(
    ['REFERENCES', 'ALL', ...outcomes.map(heading)],
    [
      ['in volumes', ...share(volumes)],
      ['by variables', ...share(variables)],
    ],
  ),
)
programs('known programs', known)
programs('unknown programs', unknown)
for (const failure of failures) console.log(failure)
