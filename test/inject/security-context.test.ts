import type { V1PodSecurityContext, V1SecurityContext } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { installerRights, rightsBeside, rightsOf } from '../../src/inject/security-context.ts'
import { nginx, podSpec } from '../support/builders.ts'

const beside = (securityContext: V1SecurityContext | undefined, ofPod?: V1PodSecurityContext) =>
  rightsBeside(
    nginx(securityContext ? { securityContext } : {}),
    podSpec(ofPod ? { securityContext: ofPod } : {}),
    ['KILL'],
  )

test('beside a container without a securityContext, only the wanted capability is added, because it may run as root', () =>
  expect(beside(undefined)).toEqual({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'], add: ['KILL'] },
    readOnlyRootFilesystem: true,
    seccompProfile: { type: 'RuntimeDefault' },
  }))

test('user, group and confinement are the app’s, its capabilities and privileges are not', () =>
  expect(
    beside({
      runAsUser: 1000,
      runAsGroup: 2000,
      runAsNonRoot: true,
      privileged: true,
      allowPrivilegeEscalation: true,
      capabilities: { add: ['NET_ADMIN'] },
      seLinuxOptions: { level: 's0:c1' },
      appArmorProfile: { type: 'RuntimeDefault' },
      seccompProfile: { type: 'Localhost', localhostProfile: 'p.json' },
    }),
  ).toEqual({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsUser: 1000,
    runAsGroup: 2000,
    runAsNonRoot: true,
    seLinuxOptions: { level: 's0:c1' },
    appArmorProfile: { type: 'RuntimeDefault' },
    seccompProfile: { type: 'Localhost', localhostProfile: 'p.json' },
  }))

test('a container inherits the Pod’s securityContext, so that it is not repeated', () => {
  const rights = beside(undefined, { runAsUser: 1000, seccompProfile: { type: 'Unconfined' } })
  expect(rights).not.toHaveProperty('runAsUser')
  expect(rights).not.toHaveProperty('seccompProfile')
})

describe('a capability is added only if the app may run as root and has it', () => {
  test.each<[what: string, securityContext: V1SecurityContext, ofPod: V1PodSecurityContext, added: boolean]>([
    ['root', { runAsUser: 0 }, {}, true],
    ['another user', { runAsUser: 1000 }, {}, false],
    ['the Pod’s other user', {}, { runAsUser: 1000 }, false],
    ['runAsNonRoot', {}, { runAsNonRoot: true }, false],
    ['drop: [ALL]', { capabilities: { drop: ['ALL'] } }, {}, false],
    ['drop: [KILL]', { capabilities: { drop: ['KILL'] } }, {}, false],
    ['drop: [CAP_KILL]', { capabilities: { drop: ['CAP_KILL'] } }, {}, false],
    ['drop: [all]', { capabilities: { drop: ['all'] } }, {}, false],
    ['drop: [kill]', { capabilities: { drop: ['kill'] } }, {}, false],
    ['drop: [KILL], add: [KILL]', { capabilities: { drop: ['KILL'], add: ['KILL'] } }, {}, false],
    ['drop: [ALL], add: [ALL]', { capabilities: { drop: ['ALL'], add: ['ALL'] } }, {}, false],
    ['drop: [ALL], add: [cap_kill]', { capabilities: { drop: ['ALL'], add: ['cap_kill'] } }, {}, true],
    ['drop: [NET_RAW]', { capabilities: { drop: ['NET_RAW'] } }, {}, true],
    ['drop: [ALL], add: [KILL]', { capabilities: { drop: ['ALL'], add: ['KILL'] } }, {}, true],
    ['privileged', { privileged: true, capabilities: { drop: ['KILL'] } }, {}, true],
  ])('%s', (_, securityContext, ofPod, added) =>
    expect(beside(securityContext, ofPod).capabilities?.add).toEqual(added ? ['KILL'] : undefined),
  )
})

test('an agent that runs the app’s programs has the app’s capabilities without SYS_ADMIN', () => {
  const capabilities = { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CAP_SYS_ADMIN', 'sys_admin'] }
  const target = nginx({ securityContext: { capabilities } })
  expect(rightsOf(target, podSpec()).capabilities).toEqual({ drop: ['ALL'], add: ['NET_BIND_SERVICE'] })
})

describe('the installer', () => {
  test('runs as its image’s numeric user, with the fields that the restricted standard requires', () =>
    expect(installerRights(podSpec())).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    }))

  test('runs as root if the Pod does', () =>
    expect(installerRights(podSpec({ securityContext: { runAsUser: 0 } }))).not.toHaveProperty(
      'runAsNonRoot',
    ))
})
