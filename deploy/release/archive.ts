/** Archives that are the same for the same content: entries in order, one time, no owner. */
import { run } from '../../test/cluster/run.ts'

/** Writes files of a directory as a tar, compressed where the name ends in gz. `epoch`: seconds, the time of every entry. */
export async function writeArchive(
  archive: string,
  directory: string,
  files: readonly string[],
  epoch: number,
): Promise<void> {
  const same = [
    '--sort=name',
    `--mtime=@${epoch}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u=rwX,go=rX',
  ]
  const compress = archive.endsWith('gz') ? ['--use-compress-program=gzip --no-name -9'] : []
  await run(['tar', '--create', '--file', archive, ...same, ...compress, '--directory', directory, ...files])
}
