/**
 * The table of programs that hotreload knows how to reload, or knows not to signal. Its rows are in the files beside this one, by kind of
 * program; docs/programs.md is written from them. A row needs a source for its facts.
 */
import type { V1Container } from '@kubernetes/client-node'
import { UserError } from '../../errors.ts'
import { manual } from '../../manual.ts'
import type { Reload } from '../methods/reload-methods.ts'
import { didYouMean } from '../values/did-you-mean.ts'
import { shown } from '../values/parse.ts'
import type { ProgramCheck } from './check.ts'
import { data } from './data.ts'
import { network } from './network.ts'
import { observability } from './observability.ts'
import { platform } from './platform.ts'
import type { Preset } from './preset.ts'
import { type PresetPaths, presetPaths } from './preset-paths.ts'
import { sidecars } from './sidecars.ts'
import { web } from './web.ts'

export const presets = { ...web, ...data, ...network, ...observability, ...platform, ...sidecars }

export type PresetName = keyof typeof presets

/**
 * The annotation's value.
 * @throws UserError HR_UNKNOWN_PRESET
 */
export function presetName(key: string, value: string): PresetName {
  const name = value.trim()
  if (isPreset(name)) return name
  const meant = didYouMean(name, Object.keys(presets))
  throw new UserError(
    'HR_UNKNOWN_PRESET',
    `${key}: ${shown(value)} is not known`,
    `${meant ? `did you mean ${meant}?` : 'use signal or url;'} ${manual('programs')} lists all`,
  )
}

const isPreset = (name: string): name is PresetName => Object.hasOwn(presets, name)

export function presetReload(name: PresetName, container: V1Container): Reload {
  const { reload: row, confirm: proof }: Preset = presets[name]
  const reload = typeof row === 'function' ? row(container) : row
  const confirm = typeof proof === 'function' ? proof(container) : proof
  return confirm && reload.method === 'signal' ? { ...reload, confirm } : reload
}

export const pathsOf = (name: PresetName, container: V1Container): PresetPaths =>
  presetPaths(presets[name], container)

export const isReloadSidecar = (name: PresetName): boolean => 'isReloadSidecar' in presets[name]

/**
 * The program's own test of its configuration, for a container without its wrappers; undefined: it has none, or the command line leaves
 * open which files it reads.
 */
export function checkOf(name: PresetName, container: V1Container): ProgramCheck | undefined {
  const { names, check }: Preset = presets[name]
  const program = container.command?.[0]?.split('/').at(-1)
  return program === undefined || names.includes(program) ? check?.(container) : undefined
}

/** What the program does with a change, as a sentence without its subject. */
export const docOf = (name: PresetName): string => presets[name].doc
