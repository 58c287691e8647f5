/**
 * Bounds on what one object can make hotreload compute, add and say. The API server stores objects that no person writes: 3 MiB in a request,
 * and 256 KiB of annotations. What is over a bound is left out, and a note, a warning or an error names it. docs/limits.md lists all bounds.
 */

/** Characters of an annotation's value: 64 names of the longest kind, and more than any command that a person writes into an annotation. */
export const VALUE_LENGTH = 4096

/** Mistakes of one object, and its unknown annotations, of which each gets a sentence. A person corrects some and applies again. */
export const MISTAKES = 20

/** Names in one annotation, or of one form of suffixes, that fit nothing in the Pod, of which each gets an error of its own. */
export const UNKNOWN_NAMES = 5

/** Names in one sentence. */
const NAMES = 10

/** Containers of a Pod that reload in place. Each gets an agent, a port and the work of a plan; a Pod of 30 containers is rare. */
export const CONTAINERS = 64

/** Watched volumes of a Pod, with their sources and items: each agent of the Pod may repeat all of them. */
export const VOLUME_PARTS = 1024

/** Mounts of the containers of a Pod that reload in place: the agent compares, and may repeat, each. */
export const MOUNTS = 4096

/**
 * What the containers of a Pod watch together: the sources and items of each one's volumes, and with `env: restart` of its variables. The
 * controller keeps them in memory, for each container.
 */
export const WATCHED = 2048

/** Gated volumes of a container, and their mounts; mounts below those: the agent makes a mount point for each. */
export const GATED_MOUNTS = 64
export const MOUNT_POINTS = 256

/** SubPath mounts of a container that the agent updates, and sources behind its variables: each costs an argument, a mount or a volume. */
export const REWRITES = 256

/** Kept subPath mounts of a container, and hooks of a Pod, of which each gets a note. */
export const NOTES = 64

/** Characters of the status annotation: a quarter of what the API server allows for all annotations of an object. */
export const STATUS_LENGTH = 65_536

/** `web, api`; of more names than `most` the first and the number of the others. */
export const enumerate = (names: readonly string[], separator = ', ', most = NAMES): string =>
  names.length > most
    ? `${names.slice(0, most).join(separator)} and ${names.length - most} more`
    : names.join(separator)
