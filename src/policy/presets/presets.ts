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
import { data } from './data.ts'
import { network } from './network.ts'
import { observability } from './observability.ts'
import type { Preset } from './preset.ts'
import { web } from './web.ts'

export const presets = { ...web, ...data, ...network, ...observability }

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

/** The preset whose names include the last segment of the container's command, if it sets one, else of its image; undefined: no preset. */
export function recognise(container: V1Container): PresetName | undefined {
  const [word] = container.command ?? []
  const program = word === undefined ? imageName(container.image ?? '') : (word.split('/').at(-1) ?? '')
  return byProgram.get(program)
}

/** A map, because each container of each Pod looks its program up. */
const byProgram = new Map(
  Object.entries(presets).flatMap(([name, { names }]) =>
    names.map((program): [string, PresetName] => [program, name as PresetName]),
  ),
)

export const presetReload = (name: PresetName, container: V1Container): Reload => {
  const { reload }: Preset = presets[name]
  return typeof reload === 'function' ? reload(container) : reload
}

/** `registry:5000/team/nginx:1.27@sha256:…` -> `nginx`. */
const imageName = (image: string): string => (image.split('/').at(-1) ?? '').replace(/[:@].*$/s, '')
