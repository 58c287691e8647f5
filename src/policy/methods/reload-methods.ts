/** The table of reload methods: one row each, in the order of the documentation. A new method is one file and one row. */
import { exec } from './exec.ts'
import { http } from './http.ts'
import type { MethodRow } from './method-row.ts'
import { none } from './none.ts'
import { probe } from './probe.ts'
import { restart } from './restart.ts'
import { rollout } from './rollout.ts'
import { signal } from './signal.ts'
import { supervise } from './supervise.ts'

export const reloadMethods = { signal, http, exec, restart, probe, supervise, rollout, none }

export type ReloadMethod = keyof typeof reloadMethods

/** How one container's process takes a change: a method and its values. */
export type Reload = {
  [M in ReloadMethod]: (typeof reloadMethods)[M] extends MethodRow<infer R, boolean> ? R : never
}[ReloadMethod]

/** Methods that change the app's own container. */
export type ContainerMethod = {
  [M in ReloadMethod]: (typeof reloadMethods)[M]['changesContainer'] extends true ? M : never
}[ReloadMethod]

type AnyRow = MethodRow<Reload, boolean>

/** This type refuses a row whose reload carries the name of another row. */
const named: { [M in ReloadMethod]: MethodRow<Reload & { method: M }, boolean> } = reloadMethods
const rows: Record<ReloadMethod, AnyRow> = named

export const methodNames = Object.keys(reloadMethods) as ReloadMethod[]

export const methodRow = (method: ReloadMethod): AnyRow => rows[method]

export const methodOf = (reload: Reload): AnyRow => rows[reload.method]
