/** The chart as an archive, as `helm package` lays it out, which itself writes the time of the day. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { withContext } from '../../test/cluster/base-images.ts'
import { repository } from '../../test/cluster/paths.ts'
import { writeArchive } from './archive.ts'

/** `epoch`: seconds, the time of every entry. */
export const writeChart = (archive: string, epoch: number): Promise<void> =>
  withContext(async (directory) => {
    cpSync(join(repository, 'deploy/chart'), join(directory, 'hotreload'), { recursive: true })
    await writeArchive(archive, directory, ['hotreload'], epoch)
  })
