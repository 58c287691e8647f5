// Manifests for tests and benchmarks of reloads.
export const configMap = (name: string, data: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})

export interface DeploymentOptions {
  name?: string
  annotations?: Readonly<Record<string, string>>
  replicas?: number
  /** Fields of the Pod's spec beside containers and volumes. */
  spec?: object
}

export interface Workload {
  apiVersion: string
  kind: string
  metadata: object
  spec: {
    replicas?: number
    template: { metadata: object; spec: { containers: object[]; [field: string]: unknown } }
    [field: string]: unknown
  }
}

/** An opted-in Deployment with one container of the same name. */
export function deployment(
  container: object,
  volumes: readonly object[],
  options: DeploymentOptions = {},
): Workload {
  const { name = 'web', annotations = {}, replicas = 1, spec = {} } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations: { 'hotreload.dev/inject': 'true', ...annotations } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name, imagePullPolicy: 'Never', ...container }],
          volumes,
          ...spec,
        },
      },
    },
  }
}

export const configMapVolume = (name: string, from = name): object => ({ name, configMap: { name: from } })
