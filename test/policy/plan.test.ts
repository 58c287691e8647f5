import { expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

test('processes are shared for a signal, not for a URL or a rollout', () => {
  expect(decisionFor(podSpec()).plan.shareProcessNamespace).toBe(true)
  expect(decisionFor(podSpec(), { url: 'http://127.0.0.1:1/' }).plan.shareProcessNamespace).toBe(false)
  expect(decisionFor(podSpec(), { reload: 'rollout' }).plan.shareProcessNamespace).toBe(false)
})

test('processes are shared for a container that restarts because of its variables', () => {
  const envFrom = [{ configMapRef: { name: 'env' } }]
  const spec = podSpec({ containers: [nginx({ envFrom })] })
  const url = { url: 'http://127.0.0.1:1/' }
  expect(decisionFor(spec, { ...url, env: 'restart' }).plan.shareProcessNamespace).toBe(true)
  expect(decisionFor(spec, url).plan.shareProcessNamespace).toBe(false)
})
