/** Which Kubernetes is built, and by which go.mod. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { HELM_VERSION, KUBERNETES_VERSION, OLDEST_KUBERNETES_VERSION } from './paths.ts'
import { controlPlanePrograms } from './programs.ts'

test.each([
  ['.', 'k8s.io/kubernetes', KUBERNETES_VERSION],
  ['kubernetes-1.30', 'k8s.io/kubernetes', OLDEST_KUBERNETES_VERSION],
  ['helm', 'helm.sh/helm/v3', HELM_VERSION],
])('go.mod in %s requires %s %s', (directory, module, version) => {
  const text = readFileSync(join(import.meta.dirname, directory, 'go.mod'), 'utf8')
  expect(text).toMatch(new RegExp(`^(?:require |\\t)${module} ${version}(?: // indirect)?$`, 'm'))
})

test('a Kubernetes that is not built names those that are', async () => {
  vi.stubEnv('KUBEBUILDER_ASSETS', '')
  vi.stubEnv('KUBERNETES', '1.29')
  await expect(controlPlanePrograms(() => undefined)).rejects.toThrow(
    'KUBERNETES=1.29 is not known; use 1.30 or 1.36',
  )
  vi.unstubAllEnvs()
})
