import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { inject, injectManifests, injectObject } from '../../src/cli/inject.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { AGENT_IMAGE, keys, nginx, pod, podSpec, workload } from '../support/builders.ts'

const options = { agentImage: AGENT_IMAGE, version: '0.0.0', defaults: builtInDefaults, injectAll: false }
const all = { ...options, injectAll: true }
const IN = keys({ inject: 'true' })
const agents = (object: ApiObject) =>
  podTemplate(object)?.spec?.initContainers?.filter(({ name }) => name.startsWith('hotreload-agent'))
    .length ?? 0

describe('which objects', () => {
  test.each(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob', 'Rollout'])(
    'a %s that is opted in',
    (kind) => expect(agents(injectObject(workload({ kind, own: IN }), options).object)).toBe(1),
  )

  test('a Pod, whose manifest is rewritten with its mounts', () => {
    const volumeMounts = [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }]
    const object = { ...pod(podSpec({ containers: [nginx({ volumeMounts })] })) }
    const { object: injected } = injectObject(
      { ...object, metadata: { name: 'web', annotations: IN } },
      options,
    )
    expect(podTemplate(injected)?.spec?.containers[0]?.volumeMounts?.[0]?.name).toBe('hotreload-dir-web')
  })

  test.each<[string, ApiObject]>([
    ['a workload without an opt-in', workload()],
    ['a workload that refuses', workload({ own: keys({ inject: 'false' }) })],
    ['a ConfigMap', { kind: 'ConfigMap', metadata: { annotations: IN } }],
    [
      'a kind of somebody else’s',
      { kind: 'Shop', metadata: { annotations: IN }, spec: { template: { spec: {} } } },
    ],
  ])('%s is given back itself, in silence', (_, object) =>
    expect(injectObject(object, options)).toEqual({ object, notes: [], problems: [] }),
  )
})

test('null fields, as templates leave them, count as absent', () => {
  const spec = JSON.parse(
    '{"initContainers":null,"containers":[null,{"name":"idle","image":"x","volumeMounts":null,"env":null}],"volumes":null}',
  )
  const { object, notes, problems } = injectObject(workload({ own: IN, spec }), options)
  expect(podTemplate(object)?.spec).toBe(spec)
  expect(problems).toEqual([])
  expect(notes).toHaveLength(1)
  const mixed = {
    ...podSpec(),
    initContainers: null,
    containers: [...podSpec().containers, ...spec.containers],
  }
  expect(
    agents(injectObject(workload({ own: IN, spec: JSON.parse(JSON.stringify(mixed)) }), options).object),
  ).toBe(1)
})

describe('--inject-all', () => {
  test('treats every workload as opted in', () => {
    expect(agents(injectObject(workload(), all).object)).toBe(1)
    const { name, ...metadata } = { name: 'web' }
    expect(agents(injectObject({ ...pod(), metadata: { name, ...metadata } }, all).object)).toBe(1)
  })

  test.each([
    ['the workload', workload({ own: keys({ inject: 'false' }) })],
    ['its template', workload({ template: keys({ inject: 'false' }) })],
  ])('does not overrule %s that refuses', (_, object) =>
    expect(injectObject(object, all)).toEqual({ object, notes: [], problems: [] }),
  )
})

describe('messages', () => {
  const said = (own: Record<string, string>, change = {}) =>
    injectObject(workload({ own: { ...IN, ...keys(own) }, ...change }), options)

  test('an unknown key in the metadata', () =>
    expect(said({ singal: 'HUP' }).notes).toEqual([
      'unknown annotation hotreload.dev/singal; did you mean hotreload.dev/signal?',
    ]))

  test('all mistakes at once, and the object does not change', () => {
    const { problems, object } = said({ 'chart-checksum': 'thaw', signal: 'HUPP' })
    expect(problems).toHaveLength(2)
    expect(problems.join()).toMatch(/HR_BAD_VALUE.*HR_BAD_SIGNAL/)
    expect(agents(object)).toBe(0)
  })

  test('why the object is not injected', () =>
    expect(said({}, { spec: podSpec({ hostPID: true }) }).notes).toEqual([
      'not injected: spec.hostPID is true, so the Pod has no process namespace of its own to share',
    ]))

  test('two values of one key', () =>
    expect(said({ signal: 'HUP' }, { template: keys({ signal: 'USR1' }) }).problems.join()).toContain(
      'HR_TWO_VALUES',
    ))

  test('begin with the file and the object', () => {
    const object = workload({ own: IN, spec: podSpec({ hostPID: true }) })
    expect(injectManifests(stringify(object), 'shop/web.yaml', options).notes).toEqual([
      expect.stringMatching(/^shop\/web\.yaml: Deployment web: not injected/),
    ])
  })
})

describe('files', () => {
  let directory = ''
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'hotreload-inject-'))
    writeFileSync(join(directory, 'b.yaml'), 'kind: B')
    writeFileSync(join(directory, 'a.yml'), '---\nkind: A\n')
    writeFileSync(join(directory, 'c.json'), '{"kind":"C"}\n')
    writeFileSync(join(directory, 'README.md'), 'not a manifest')
    writeFileSync(
      join(directory, 'wrong.txt'),
      stringify(workload({ own: { ...IN, ...keys({ signal: 'HUPP' }) } })),
    )
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  async function run(files: string[], stdin = '', given = options) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const code = await inject(files, given, { stdin: Readable.from([stdin]), stdout, stderr })
    stdout.end()
    stderr.end()
    return { code, out: await text(stdout), err: await text(stderr) }
  }

  test('a directory’s manifests come by name, with separators between them', async () =>
    expect(await run([directory])).toEqual({
      code: 0,
      out: '---\nkind: A\n---\nkind: B\n---\n{"kind":"C"}\n',
      err: '',
    }))

  test('- is standard input', async () => {
    const { code, out } = await run(['-'], stringify(workload({ own: IN })))
    expect(code).toBe(0)
    expect(out).toContain('hotreload-agent')
  })

  test('with mistakes nothing is written, the exit code is 1, and stderr says why', async () => {
    const { code, out, err } = await run([join(directory, 'b.yaml'), join(directory, 'wrong.txt')])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(
      /wrong\.txt: Deployment web: hotreload\.dev\/signal: "HUPP" is not a signal.*\[HR_BAD_SIGNAL\]\n$/,
    )
  })

  test('the error names a file that does not exist', async () => {
    await expect(run([join(directory, 'none.yaml')])).rejects.toThrow(/none\.yaml can't be read.*HR_NO_FILE/)
    const empty = mkdtempSync(join(tmpdir(), 'hotreload-empty-'))
    await expect(run([empty])).rejects.toThrow('HR_NO_MANIFESTS')
    rmSync(empty, { recursive: true })
  })

  test('manifests without an opt-in get one hint how to opt in', async () => {
    const { code, out, err } = await run(['-'], `${stringify(workload())}---\n${stringify(workload())}`)
    expect(code).toBe(0)
    expect(out).toBe(`${stringify(workload())}---\n${stringify(workload())}`)
    expect(err).toBe(
      'nothing here asks for injection, so nothing is changed: annotate a workload with hotreload.dev/inject: "true", or use --inject-all\n',
    )
    expect((await run(['-'], stringify(workload({ own: keys({ inject: 'false' }) })))).err).toBe('')
  })

  test('with --inject-all, the reason of each is enough', async () => {
    const idle = workload({ spec: { containers: [{ name: 'idle', image: 'x' }] } })
    const { out, err } = await run(['-'], stringify(idle), all)
    expect(out).toBe(stringify(idle))
    expect(err).toBe('stdin: Deployment web: not injected: it uses no ConfigMap and no Secret\n')
  })

  test('all mistakes are named, whichever documents have them', async () => {
    const broken = { ...workload({ own: IN }), spec: { template: { spec: { containers: {} } } } }
    const { code, out, err } = await run(['-'], `kind: "A\n---\n${stringify(broken)}--- B\n`)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err.split('\n').map((line) => line.replace(/.*\[|\]$/g, ''))).toEqual([
      'HR_BAD_YAML',
      'HR_BAD_MANIFEST',
      'HR_BAD_YAML',
      '',
    ])
  })

  test('no text of a manifest moves the cursor', async () => {
    const object = workload({ own: IN, metadata: { name: 'a\u001b[2Jb' }, spec: podSpec({ hostPID: true }) })
    const { err } = await run(['-'], stringify(object))
    expect(err).toMatch(/^stdin: Deployment ab: not injected/)
    const mistaken = workload({
      own: { ...IN, ...keys({ signal: 'HUPP' }) },
      metadata: { name: 'a\u001b[2Jb' },
    })
    expect((await run(['-'], stringify(mistaken))).err).toMatch(/^stdin: Deployment ab: .*HR_BAD_SIGNAL/)
  })

  test.each([
    ['a program', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe])],
    ['UTF-16', Buffer.from(`\u{FEFF}${stringify(workload())}`, 'utf16le')],
  ])('%s is no manifest', async (_, bytes) => {
    const path = join(directory, 'binary')
    writeFileSync(path, bytes)
    await expect(run([path])).rejects.toThrow(/binary: not UTF-8 text.*HR_BAD_YAML/)
  })
})

describe('annotations that YAML reads as something else', () => {
  const yaml = (key: string, value: string, where: 'own' | 'template') =>
    stringify(workload({ [where]: keys({ [key]: 'VALUE' }) })).replace('VALUE', value)

  test.each([
    ['inject', 'true', 'true is not text; quote it: "true"'],
    ['inject', 'yes', 'true is not text; quote it: "true"'],
    ['inject', '1', '1 is not text; quote it, and use true or false'],
    ['canary', '1', '1 is not text; quote it: "1"'],
    ['stagger', '90', '90 is not text; quote it, and use a number and a unit, e.g. 60s or 2m'],
    [
      'resources',
      '{ limits: { cpu: 1m } }',
      `{"limits":{"cpu":"1m"}} is not text; quote it: '{"limits":{"cpu":"1m"}}'`,
    ],
  ])('%s: %s', (key, value, message) => {
    for (const where of ['own', 'template'] as const)
      expect(injectManifests(yaml(key, value, where), 'web.yaml', options).problems).toEqual([
        `web.yaml: Deployment web: hotreload.dev/${key}: ${message} [HR_BAD_VALUE]`,
      ])
  })

  test('null counts as absent', () =>
    expect(injectManifests(yaml('inject', 'null', 'own'), 'web.yaml', options).problems).toEqual([]))

  test('annotations of others are left to kubectl', () => {
    const object = stringify(workload({ own: { ...IN, other: 'OTHER' } })).replace('OTHER', 'true')
    const { manifests, problems } = injectManifests(object, 'web.yaml', options)
    expect(problems).toEqual([])
    expect(manifests).toContain('name: hotreload-agent')
  })
})

test.each(['yes', 'True', ''])('inject: %j is a mistake, as in the cluster', (value) => {
  const { problems } = injectObject(workload({ own: keys({ inject: value }) }), options)
  expect(problems).toEqual([
    `hotreload.dev/inject: ${JSON.stringify(value)} is not one of its values; use true or false [HR_BAD_VALUE]`,
  ])
})
