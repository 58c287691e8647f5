import { expect, test } from 'vitest'
import { parseSelector } from '../../../src/compat/request/label-selector.ts'

const is = (key: string, operator: string, ...values: string[]) => ({ key, operator, values })

test.each([
  ['', []],
  ['team:a', [is('team', 'in', 'a')]],
  ['team:*', [is('team', 'exists')]],
  ['team=*', [is('team', 'exists')]],
  ['example.com/team==a', [is('example.com/team', 'in', 'a')]],
  ['team!=a', [is('team', 'notIn', 'a')]],
  ['team, ! old', [is('team', 'exists'), is('old', 'absent')]],
  ['env in (a,b)', [is('env', 'in', 'a', 'b')]],
  ['env  in(a, b),team', [is('env', 'in', 'a', 'b'), is('team', 'exists')]],
  ['team,env notin (a,),x=1', [is('team', 'exists'), is('env', 'notIn', 'a', ''), is('x', 'in', '1')]],
])('%s', (text, expected) => expect(parseSelector(text)).toEqual(expected))

test.each([
  ['a b', 'a b'],
  ['a,!b=c', '!b=c'],
  ['size>3', 'size>3'],
  ['env in a,b', 'env in a'],
  ['env in (a', 'env in (a'],
])('%s is not understood', (text, item) => expect(parseSelector(text)).toBe(item))
