import { describe, expect, test } from 'vitest'
import { type Alert, defaultTemplate, parseSink, parseTemplate } from '../../src/alerts/sink.ts'

const alert: Alert = {
  reason: 'RolledOut',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  message: 'a "b"\n\\c',
}

describe('a template', () => {
  test('keeps each value inside its string', () => {
    expect(JSON.parse(parseTemplate(defaultTemplate)(alert))).toEqual({
      text: 'RolledOut: Deployment shop/web: a "b"\n\\c',
    })
  })
  test.each([
    ['{"text":', 'not JSON'],
    ['{"text": ${message}}', 'not JSON'],
    ['{"text":"${secret}"}', 'unknown placeholder ${secret}'],
  ])('%s: %s', (text, problem) => {
    expect(() => parseTemplate(text)).toThrow(problem)
    expect(() => parseTemplate(text)).toThrow(/\[HR_BAD_TEMPLATE\]$/)
  })
})

test.each([
  ['https://hooks.example/x', 'https://hooks.example/x'],
  ['http://localhost:8080', 'http://localhost:8080/'],
  ['ftp://example', undefined],
  ['hooks.example', undefined],
  ['', undefined],
])('%j: %s', (text, expected) => expect(parseSink(text, defaultTemplate)?.url.href).toBe(expected))
