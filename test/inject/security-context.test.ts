import type { V1PodSecurityContext, V1SecurityContext } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { installerRights, rightsBeside } from '../../src/inject/security-context.ts'
import { nginx, podSpec } from '../support/builders.ts'

const beside = (securityContext: V1SecurityContext | undefined, ofPod?: V1PodSecurityContext) =>
  rightsBeside(
    nginx(securityContext ? { securityContext } : {}),
    podSpec(ofPod ? { securityContext: ofPod } : {}),
    ['KILL'],
  )

test('of a container that says nothing: no capability but the one wanted, since it may be root', () =>
  expect(beside(undefined)).toEqual({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'], add: ['KILL'] },
    readOnlyRootFilesystem: true,
    seccompProfile: { type: 'RuntimeDefault' },
  }))

test('user, group and confinement are the target’s, its capabilities and privileges are not', () =>
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

test('what the Pod says is inherited, so it is not said again', () => {
  const rights = beside(undefined, { runAsUser: 1000, seccompProfile: { type: 'Unconfined' } })
  expect(rights).not.toHaveProperty('runAsUser')
  expect(rights).not.toHaveProperty('seccompProfile')
})

describe('a capability is added only where the target may be root and has it', () => {
  test.each<[what: string, securityContext: V1SecurityContext, ofPod: V1PodSecurityContext, added: boolean]>([
    ['root', { runAsUser: 0 }, {}, true],
    ['another user', { runAsUser: 1000 }, {}, false],
    ['the Pod’s other user', {}, { runAsUser: 1000 }, false],
    ['runAsNonRoot', {}, { runAsNonRoot: true }, false],
    ['drop: [ALL]', { capabilities: { drop: ['ALL'] } }, {}, false],
    ['drop: [KILL]', { capabilities: { drop: ['KILL'] } }, {}, false],
    ['drop: [CAP_KILL]', { capabilities: { drop: ['CAP_KILL'] } }, {}, false],
    ['drop: [NET_RAW]', { capabilities: { drop: ['NET_RAW'] } }, {}, true],
    ['drop: [ALL], add: [KILL]', { capabilities: { drop: ['ALL'], add: ['KILL'] } }, {}, true],
    ['privileged', { privileged: true, capabilities: { drop: ['KILL'] } }, {}, true],
  ])('%s', (_, securityContext, ofPod, added) =>
    expect(beside(securityContext, ofPod).capabilities?.add).toEqual(added ? ['KILL'] : undefined),
  )
})

describe('the installer', () => {
  test('runs as its image’s numeric user, and says so where the restricted standard asks each container', () =>
    expect(installerRights(podSpec())).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    }))

  test('runs as root where the Pod says root', () =>
    expect(installerRights(podSpec({ securityContext: { runAsUser: 0 } }))).not.toHaveProperty(
      'runAsNonRoot',
    ))
})
