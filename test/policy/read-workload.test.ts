import { describe, expect, test } from 'vitest'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { readPod, readWorkload, warningsOf } from '../../src/policy/read-workload.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { keys, nginx, podSpec, workload } from '../support/builders.ts'

const IN = keys({ inject: 'true' })
const read = (object: ApiObject) => readWorkload(object, builtInDefaults)
const messages = ({ problems }: { problems: Error[] }) => problems.map(({ message }) => message)

describe('a workload', () => {
  test('is read with its metadata mirrored into its template', () => {
    const { template, plan, isOptedIn, skip } = read(
      workload({ own: { ...IN, ...keys({ signal: 'USR1' }) } }),
    )
    expect(template.metadata?.annotations).toMatchObject(keys({ inject: 'true', signal: 'USR1' }))
    expect(plan.containers[0]?.reload).toMatchObject({ signal: 'SIGUSR1' })
    expect({ isOptedIn, skip }).toEqual({ isOptedIn: true })
  })

  test('is read as it is stored, if the caller says so', () => {
    const object = workload({
      own: { ...IN, ...keys({ signal: 'USR1' }) },
      template: keys({ signal: 'HUP' }),
    })
    const annotations = podTemplate(object)?.metadata?.annotations ?? {}
    const { template, plan, problems } = readWorkload(object, builtInDefaults, { annotations, conflicts: [] })
    expect(template).toBe(podTemplate(object))
    expect(plan.containers[0]?.reload).toMatchObject({ signal: 'SIGHUP' })
    expect(problems).toEqual([])
  })

  test('that is not opted in has the mistakes of its annotations, and none that its containers cause', () => {
    const wrong = keys({ signal: 'HUPP', container: 'wep' })
    const outside = messages(read(workload({ own: wrong })))
    expect(outside.join()).toMatch(/HR_BAD_SIGNAL/)
    expect(outside).toHaveLength(1)
    expect(messages(read(workload({ own: { ...IN, ...wrong } }))).join()).toMatch(
      /HR_BAD_SIGNAL.*HR_UNKNOWN_NAME/,
    )
  })

  test('has each key that its metadata and its template disagree on as a problem', () =>
    expect(
      messages(
        read(workload({ own: { ...IN, ...keys({ signal: 'HUP' }) }, template: keys({ signal: 'USR1' }) })),
      ),
    ).toEqual([expect.stringContaining('HR_TWO_VALUES')]))
})

describe('a Pod', () => {
  const pod = (annotations: Record<string, string>, spec = podSpec()) =>
    readPod({ metadata: { annotations }, spec }, builtInDefaults)

  test.each([
    ['without an opt-in', {}, podSpec(), 'notRequested'],
    ['that refuses', keys({ inject: 'false' }), podSpec(), 'notRequested'],
    [
      'with an agent',
      IN,
      podSpec({ initContainers: [nginx({ name: 'hotreload-agent' })] }),
      'alreadyInjected',
    ],
    ['with hostPID', IN, podSpec({ hostPID: true }), 'hostPID'],
    ['with a mistake', { ...IN, ...keys({ signal: 'HUPP' }) }, podSpec(), 'invalid'],
    ['without a ConfigMap', IN, podSpec({ volumes: [] }), 'nothingToWatch'],
  ])('%s is skipped', (_, annotations, spec, skip) => expect(pod(annotations, spec)).toMatchObject({ skip }))

  test('with a ConfigMap in a known program gets a plan', () =>
    expect(pod(IN).plan?.containers[0]?.agent).toBe(true))

  test('has its warnings in order: mistakes, unknown annotations, what the plan can not do', () => {
    const spec = podSpec({ containers: [nginx({ image: 'example.org/api:1' })] })
    const { warnings } = pod({ ...IN, ...keys({ subpath: 'no', singal: 'HUP' }) }, spec)
    expect(warnings).toEqual([
      expect.stringContaining('HR_BAD_VALUE'),
      expect.stringContaining('unknown annotation'),
      expect.stringContaining('no way to reload its program is known'),
    ])
    expect(warnings).toEqual(
      warningsOf(read(workload({ own: { ...IN, ...keys({ subpath: 'no', singal: 'HUP' }) }, spec }))),
    )
  })
})
