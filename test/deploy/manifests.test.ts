import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { webhookNames } from '../../src/admission/server.ts'
import { INSTALL_KEY_SECRET } from '../../src/cli/serve/install-key.ts'
import { serveFlags, variableOf } from '../../src/cli/serve/options.ts'
import { CONTROLLER_NAME, INSTALL_NAME } from '../../src/cli/shared/install-names.ts'
import { reloaderKeys } from '../../src/compat/reloader/annotations.ts'
import { writtenKey } from '../../src/policy/annotations.ts'
import { AUTHORITY_SECRET, SERVING_SECRET } from '../../src/tls/own-authority.ts'
import { AGENT_IMAGE, VERSION } from '../../src/version.ts'
import { apiVersionOf, groupOf, workloadKinds } from '../../src/workload/kinds.ts'
import { chartFiles } from './render.ts'

const root = new URL('../..', import.meta.url).pathname

/** Every object of a directory's manifests. Untyped, as YAML is: a missing field fails the test that reads it. */
function objects(directory: string) {
  const files = readdirSync(join(root, directory)).filter((name) => name.endsWith('.yaml'))
  return files.flatMap((name) =>
    parseAllDocuments(readFileSync(join(root, directory, name), 'utf8')).map((one) => one.toJS()),
  )
}

// Kustomize's own files have no metadata.
const base = objects('deploy/base').filter(({ metadata }) => metadata !== undefined)
const one = (kind: string, name = 'hotreload') => {
  const found = base.filter((object) => object.kind === kind && object.metadata.name === name)
  expect(found).toHaveLength(1)
  return found[0]
}
const priority = base.find(({ kind }) => kind === 'PriorityClass')
const rules = (kind: string, name?: string) => one(kind, name).rules

test('every manifest is part of its kustomization', () => {
  for (const directory of ['deploy/base', 'deploy/secrets', 'deploy/secrets/cluster', 'certs']) {
    const {
      resources,
      patches = [],
      configurations = [],
    } = parse(readFileSync(join(root, directory, 'kustomization.yaml'), 'utf8'))
    const named = [
      ...resources,
      ...patches.flatMap(({ path }: { path?: string }) => path ?? []),
      ...configurations,
    ]
    const files = readdirSync(join(root, directory)).filter(
      (name) => name.endsWith('.yaml') && name !== 'kustomization.yaml',
    )
    expect(new Set(named.filter((name: string) => name.endsWith('.yaml')))).toEqual(new Set(files))
  }
})

test('the chart has copies of deploy/monitoring, and no symlinks, which Flux leaves out; `make manifests` writes them', () => {
  const files = chartFiles()
  expect(readdirSync(join(root, 'deploy/chart/files')).map((name) => `deploy/chart/files/${name}`)).toEqual(
    [...files.keys()].toSorted(),
  )
  for (const [path, text] of files) {
    expect(lstatSync(join(root, path)).isFile(), path).toBe(true)
    expect(readFileSync(join(root, path), 'utf8'), path).toBe(text)
  }
})

test('the objects that hotreload fills are those that its policy lets it create', () => {
  const own = objects('deploy/base').filter(
    ({ kind, metadata }) => ['Secret', 'ConfigMap'].includes(kind) && metadata,
  )
  const stores = ['hotreload-baselines-0', 'hotreload-jobs', 'hotreload-set-aside']
  expect(new Set(own.map(({ metadata }) => metadata.name))).toEqual(
    new Set([INSTALL_KEY_SECRET, AUTHORITY_SECRET, SERVING_SECRET, ...stores]),
  )
  expect(own.filter(({ data, stringData }) => data ?? stringData)).toEqual([])
})

describe('the webhook configuration', () => {
  interface Entry {
    name: string
    failurePolicy: string
    timeoutSeconds: number
    sideEffects: string
    matchPolicy: string
    reinvocationPolicy: string
    clientConfig: {
      caBundle?: string
      service: { namespace: string; name: string; path: string; port: number }
    }
    namespaceSelector: { matchExpressions: { key: string; operator: 'In' | 'NotIn'; values: string[] }[] }
    rules: { apiGroups: string[]; apiVersions: string[]; operations: string[]; resources: string[] }[]
    matchConditions: { name: string; expression: string }[]
  }
  const entries: Entry[] = one('MutatingWebhookConfiguration').webhooks

  const matching = (labels: Record<string, string>) =>
    entries
      .filter(({ namespaceSelector }) =>
        namespaceSelector.matchExpressions.every(({ key, operator, values }) => {
          const value = labels[key]
          const within = value !== undefined && values.includes(value)
          return operator === 'In' ? within : !within
        }),
      )
      .map(({ name }) => name.replace('.hotreload.dev', ''))

  test.each([
    ['enabled', ['pods', 'workloads']],
    ['required', ['pods-required', 'workloads-required']],
    ['disabled', ['unlabelled']],
    [undefined, ['unlabelled']],
  ])('a namespace labelled %s is matched by %j', (label, expected) => {
    const labels = {
      'kubernetes.io/metadata.name': 'shop',
      ...(label === undefined ? {} : { 'hotreload.dev/injection': label }),
    }
    expect(matching(labels)).toEqual(expected)
  })

  test.each(['kube-system', 'kube-node-lease', 'hotreload-system'])(
    '%s is never matched, whatever its label',
    (name) => {
      for (const label of ['enabled', 'required', 'other'])
        expect(matching({ 'kubernetes.io/metadata.name': name, 'hotreload.dev/injection': label })).toEqual(
          [],
        )
    },
  )

  test('only the entries for the label `required` may fail', () => {
    const failing = entries.filter(({ failurePolicy }) => failurePolicy === 'Fail').map(({ name }) => name)
    expect(failing).toEqual(['pods-required.hotreload.dev', 'workloads-required.hotreload.dev'])
    expect(new Set(entries.map(({ failurePolicy }) => failurePolicy))).toEqual(new Set(['Fail', 'Ignore']))
  })

  test('no entry has a caBundle key, so that another apply leaves ours as it is', () => {
    for (const { clientConfig } of entries) expect(Object.keys(clientConfig)).toEqual(['service'])
  })

  test('each calls a path of the server, by the Service of this install', () => {
    const service = one('Service')
    for (const { clientConfig } of entries) {
      expect(webhookNames.map((name) => `/mutate/${name}`)).toContain(clientConfig.service.path)
      expect(clientConfig.service).toMatchObject({
        name: service.metadata.name,
        namespace: service.metadata.namespace,
      })
      expect(service.spec.ports.map(({ port }: { port: number }) => port)).toContain(
        clientConfig.service.port,
      )
    }
  })

  test('each has no side effects, a short timeout, and matches other versions of its kinds', () => {
    for (const entry of entries)
      expect(entry).toMatchObject({
        sideEffects: 'None',
        matchPolicy: 'Equivalent',
        timeoutSeconds: 5,
        admissionReviewVersions: ['v1'],
      })
  })

  test('Pods when created', () => {
    const pods = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }
    for (const { name, rules } of entries.filter((entry) => entry.name.startsWith('pods')))
      expect({ name, rules }).toEqual({
        name,
        rules: [{ ...pods, operations: ['CREATE'], scope: 'Namespaced' }],
      })
  })

  test.each(['workloads', 'workloads-required', 'unlabelled'])(
    '%s: every kind of the table, and no other, when created or updated',
    (entry) => {
      const rules = entries.find(({ name }) => name === `${entry}.hotreload.dev`)?.rules ?? []
      const named = rules.flatMap(({ apiGroups, apiVersions, resources }) =>
        apiGroups.flatMap((group) =>
          apiVersions.flatMap((version) =>
            resources.map((resource) => `${apiVersionOf({ group, version })} ${resource}`),
          ),
        ),
      )
      expect(named.toSorted()).toEqual(
        workloadKinds.map(({ apiVersion, plural }) => `${apiVersion} ${plural}`).toSorted(),
      )
      for (const rule of rules)
        expect(rule).toMatchObject({ operations: ['CREATE', 'UPDATE'], scope: 'Namespaced' })
    },
  )

  test('no condition reads an optional field without has()', () => {
    const unchecked = entries.flatMap(({ matchConditions }) =>
      matchConditions.flatMap(({ expression }) => unguarded(expression)),
    )
    // Required by the API wherever its parent is.
    const always = ['object.metadata', 'object.spec', 'oldObject.metadata', 'object.spec.os.name']
    expect(new Set(unchecked)).toEqual(new Set(always))
  })
})

/** Every field that a CEL expression reads, and each of its parents, without a `has()` for it. */
function unguarded(expression: string): string[] {
  const paths = [...expression.matchAll(/(?:object|oldObject)(?:\.\w+)+/g)].map(([path]) =>
    path.replace(/\.exists$/, ''),
  )
  const read = paths.flatMap((path) => {
    const names = path.split('.')
    return names.slice(1).map((_, index) => names.slice(0, index + 2).join('.'))
  })
  return read.filter((path) => !expression.includes(`has(${path})`))
}

describe('what the install may do', () => {
  /** Roles and ClusterRoles of deploy/ and its additions that a ServiceAccount has. */
  const rolesOf = (account: string): string[] =>
    ['deploy/base', 'deploy/evict', 'deploy/secrets', 'deploy/secrets/cluster']
      .flatMap(objects)
      .filter(({ subjects = [] }) => subjects.some(({ name }: { name: string }) => name === account))
      .map(({ roleRef }) => `${roleRef.kind}/${roleRef.name}`)

  test('the webhook, which parses what anybody sends, has no right to workloads, Jobs or Pods', () =>
    expect(rolesOf('hotreload').toSorted()).toEqual([
      'ClusterRole/hotreload',
      'ClusterRole/hotreload-secrets',
      'Role/hotreload-install-key',
      'Role/hotreload-secrets',
      'Role/hotreload-serving',
    ]))

  test('without deploy/secrets it may do nothing but get ConfigMaps, the install key and its certificate', () => {
    const roles = rolesOf('hotreload').filter((role) => !role.endsWith('/hotreload-secrets'))
    const granted = roles.flatMap((role): object[] => {
      const [kind = '', name] = role.split('/')
      return rules(kind, name)
    })
    const secret = (name: string) => ({
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: [name],
      verbs: ['get'],
    })
    expect(granted).toEqual([
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
      secret(INSTALL_KEY_SECRET),
      secret(SERVING_SECRET),
    ])
  })

  test('the controller, which nobody calls, has those to certificates and the webhook configuration', () =>
    expect(rolesOf('hotreload-controller').toSorted()).toEqual([
      'ClusterRole/hotreload',
      'ClusterRole/hotreload-controller',
      'ClusterRole/hotreload-evict',
      'ClusterRole/hotreload-secrets',
      'ClusterRole/hotreload-tls',
      'Role/hotreload-controller',
      'Role/hotreload-install-key',
      'Role/hotreload-secrets',
      'Role/hotreload-tls',
    ]))

  test('each policy for our ServiceAccounts has a binding that finds them by the rights that it limits', () => {
    const policies = base.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
    const ours = policies.filter(({ spec }) => spec.paramKind !== undefined)
    expect(ours.map(({ metadata }): string => metadata.name).toSorted()).toEqual([
      'hotreload-config-maps',
      'hotreload-jobs',
      'hotreload-pods',
      'hotreload-secrets',
      'hotreload-workloads',
    ])
    for (const { metadata, spec } of ours) {
      expect(spec.failurePolicy).toBe('Fail')
      const binding = one('ValidatingAdmissionPolicyBinding', metadata.name).spec
      expect(binding).toMatchObject({ policyName: metadata.name, validationActions: ['Deny'] })
      const { matchLabels } = binding.paramRef.selector
      const [[label, value] = []] = Object.entries(matchLabels)
      const found = base.filter(({ metadata: { labels = {} } }) => labels[label ?? ''] === value)
      expect(found.map(({ kind }) => kind)).toEqual([spec.paramKind.kind])
      expect(found[0].subjects.map(({ name }: { name: string }) => name)).toContain('hotreload-controller')
    }
  })

  test('the policies name what the code writes', () => {
    const text = (name: string) => JSON.stringify(one('ValidatingAdmissionPolicy', name).spec)
    for (const name of [INSTALL_KEY_SECRET, AUTHORITY_SECRET, SERVING_SECRET])
      expect(text('hotreload-secrets')).toContain(`'${name}'`)
    for (const key of [reloaderKeys.pausedAt, reloaderKeys.lastReloadedFrom, writtenKey('checksum')])
      expect(text('hotreload-workloads')).toContain(`'${key}'`)
    const kinds = one('ValidatingAdmissionPolicy', 'hotreload-workloads').spec.matchConstraints.resourceRules
    expect(kinds.flatMap(({ resources }: { resources: string[] }) => resources)).toEqual(
      expect.arrayContaining(workloadKinds.filter(({ kind }) => kind !== 'Job').map(({ plural }) => plural)),
    )
  })

  test('everywhere: get ConfigMaps, and nothing else', () => {
    expect(rules('ClusterRole')).toEqual([{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }])
  })

  test('every kind of the table, and no other: patched where its Pods are replaced; Jobs are created and deleted', () => {
    interface Rule {
      apiGroups: string[]
      resources: string[]
      verbs: string[]
    }
    const roles = ['deploy/base', 'deploy/evict', 'deploy/secrets', 'deploy/secrets/cluster', 'certs']
      .flatMap(objects)
      .filter(({ kind }) => kind === 'ClusterRole')
    const groups = new Set(workloadKinds.map(groupOf))
    const granted = roles
      .flatMap((role): Rule[] => role.rules ?? [])
      .flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) => resources.map((resource) => ({ group, resource, verbs }))),
      )
      .filter(({ group }) => groups.has(group) || group === '*')
      .map(({ group, resource, verbs }): [string, string[]] => [`${resource}.${group}`, verbs])
    const read = ['get', 'list', 'watch']
    const verbsOf = (kind: (typeof workloadKinds)[number]) =>
      kind.runs === 'once' ? [...read, 'create', 'delete'] : [...read, 'patch']
    expect(Object.fromEntries(granted)).toEqual(
      Object.fromEntries(workloadKinds.map((kind) => [`${kind.plural}.${groupOf(kind)}`, verbsOf(kind)])),
    )
    expect(granted).toHaveLength(workloadKinds.length)
  })

  test('its webhook configuration by name', () => {
    expect(rules('ClusterRole', 'hotreload-tls')).toEqual([
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations'],
        resourceNames: [one('MutatingWebhookConfiguration').metadata.name],
        verbs: ['get', 'patch'],
      },
    ])
  })

  test('its own Secrets by name; create, which RBAC can’t limit to names, in its own namespace only', () => {
    const secrets = rules('Role', 'hotreload-controller').filter(({ resources }: { resources: string[] }) =>
      resources.includes('secrets'),
    )
    expect(secrets).toEqual([
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: [INSTALL_KEY_SECRET], verbs: ['patch'] },
    ])
    expect(rules('Role', 'hotreload-tls')).toEqual([
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: [AUTHORITY_SECRET, SERVING_SECRET],
        verbs: ['get', 'patch'],
      },
    ])
  })

  test('other Secrets only where deploy/secrets is applied, and only to read', () => {
    for (const directory of ['deploy/secrets', 'deploy/secrets/cluster']) {
      const granted = objects(directory).flatMap((object) => object.rules ?? [])
      expect(granted).toEqual([{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }])
    }
  })
})

describe.each([INSTALL_NAME, CONTROLLER_NAME])('Deployment %s', (name) => {
  const isWebhook = name === INSTALL_NAME
  const { spec } = one('Deployment', name)
  const pod = spec.template.spec
  const [container] = pod.containers

  test('has two replicas that are spread; one at a time may be evicted', () => {
    expect(spec.replicas).toBe(2)
    expect(
      pod.topologySpreadConstraints.map(({ topologyKey }: { topologyKey: string }) => topologyKey),
    ).toEqual(['kubernetes.io/hostname', 'topology.kubernetes.io/zone'])
    expect(one('PodDisruptionBudget', name).spec).toMatchObject({
      maxUnavailable: 1,
      selector: spec.selector,
    })
    expect(spec.strategy.rollingUpdate.maxUnavailable).toBe(0)
    expect(pod.priorityClassName).toBe(priority.metadata.name)
    expect(priority).toMatchObject({ value: 1, preemptionPolicy: 'Never' })
  })

  test('runs its own part only, with its own ServiceAccount', () => {
    expect(container.args).toEqual(['serve', `--only=${isWebhook ? 'webhook' : 'controller'}`])
    expect(pod.serviceAccountName).toBe(one('ServiceAccount', name).metadata.name)
  })

  test('has its own Service, NetworkPolicy and labels', () => {
    const { labels } = spec.template.metadata
    expect(labels).toMatchObject(spec.selector.matchLabels)
    expect(one('Service', name).spec.selector).toEqual(spec.selector.matchLabels)
    expect(one('NetworkPolicy', name).spec.podSelector).toEqual({ matchLabels: spec.selector.matchLabels })
    // A selector can't be changed, and the Pods of earlier versions must answer until the new ones are Ready.
    expect(spec.selector.matchLabels).toEqual({ 'app.kubernetes.io/name': name })
  })

  test('has time to drain', () => {
    if (isWebhook) expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(95 + 10)
    else expect(pod.terminationGracePeriodSeconds).toBeUndefined()
  })

  test('is restricted, as its namespace requires', () => {
    expect(one('Namespace', 'hotreload-system').metadata.labels['pod-security.kubernetes.io/enforce']).toBe(
      'restricted',
    )
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    for (const { securityContext } of pod.containers)
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
  })

  test('runs this version, with the agent of this version, and sets only variables that exist', () => {
    const { images } = parse(readFileSync(join(root, 'deploy/base/kustomization.yaml'), 'utf8'))
    expect(images.map(({ newTag }: { newTag: string }) => newTag)).toEqual([VERSION, VERSION])
    expect(images.map(({ name }: { name: string }) => `${name}:${VERSION}`)).toContain(AGENT_IMAGE)
    expect(container.image).toBe(`ghcr.io/hotreload/hotreload:${VERSION}`)
    expect(container.env).toEqual(
      isWebhook ? [{ name: 'HOTRELOAD_AGENT_IMAGE', value: AGENT_IMAGE }] : undefined,
    )
    expect(Object.values(serveFlags).map(variableOf)).toContain('HOTRELOAD_AGENT_IMAGE')
  })

  test('gets no HOTRELOAD_PORT from its own Service', () => expect(pod.enableServiceLinks).toBe(false))

  test('is probed on the port that the command serves by default', () => {
    const ports = Object.fromEntries(
      container.ports.map(({ name, containerPort }: { name: string; containerPort: number }) => [
        name,
        String(containerPort),
      ]),
    )
    expect(ports).toEqual({
      ...(isWebhook ? { webhook: serveFlags.port.default } : {}),
      metrics: serveFlags.metricsPort.default,
    })
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'metrics' })
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'metrics' })
  })
})

describe('with cert-manager', () => {
  const overlay = objects('certs')
  const named = (kind: string, name: string) =>
    overlay.find((object) => object.kind === kind && object.metadata?.name === name)

  test('the certificate is for the Service, in the Secret that is mounted where --tls-dir points', () => {
    const certificate = named('Certificate', 'hotreload')
    expect(certificate.spec.dnsNames).toEqual(['hotreload.hotreload-system.svc'])
    const [controller] = named('Deployment', 'hotreload-controller').spec.template.spec.containers
    expect(controller.args).toEqual(['serve', '--only=controller', '--issue-certificates=false'])
    const { containers, volumes } = named('Deployment', 'hotreload').spec.template.spec
    expect(volumes[0].secret.secretName).toBe(certificate.spec.secretName)
    expect(containers[0].args).toEqual([
      'serve',
      '--only=webhook',
      `--tls-dir=${containers[0].volumeMounts[0].mountPath}`,
    ])
    expect(
      named('MutatingWebhookConfiguration', 'hotreload').metadata.annotations[
        'cert-manager.io/inject-ca-from'
      ],
    ).toBe(`${certificate.metadata.namespace}/${certificate.metadata.name}`)
  })

  test('everything of tls-rbac.yaml is removed, and the Secrets of an own certificate', () => {
    const kept = parseAllDocuments(readFileSync(join(root, 'deploy/base/tls-rbac.yaml'), 'utf8')).map(
      (document) => document.toJS(),
    )
    const { patches } = parse(readFileSync(join(root, 'certs/kustomization.yaml'), 'utf8'))
    const removed = patches.flatMap(({ patch }: { patch?: string }) => (patch ? [parse(patch)] : []))
    expect(removed.every((object: { $patch?: string }) => object.$patch === 'delete')).toBe(true)
    const id = ({ kind, metadata }: { kind: string; metadata: { name: string } }) =>
      `${kind}/${metadata.name}`
    const secrets = [AUTHORITY_SECRET, SERVING_SECRET].map((name) => `Secret/${name}`)
    expect(new Set(removed.map(id))).toEqual(new Set([...kept.map(id), ...secrets]))
  })
})
