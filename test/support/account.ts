/** What a ServiceAccount's token can do: a kubeconfig of its own. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cluster, kubectl } from './kubectl.ts'

/** @returns the path of a kubeconfig that holds a new token of this account */
export async function accountKubeconfig(name: string, namespace: string): Promise<string> {
  const token = (await kubectl(['create', 'token', name, '--namespace', namespace])).trim()
  const file = join(await mkdtemp(join(tmpdir(), 'hotreload-')), 'kubeconfig')
  await writeFile(file, await readFile(cluster().kubeconfig, 'utf8'))
  await kubectl(['config', '--kubeconfig', file, 'set-credentials', name, `--token=${token}`])
  await kubectl(['config', '--kubeconfig', file, 'set-context', '--current', `--user=${name}`])
  return file
}
