/** Names of Kubernetes objects. Pure. */

/**
 * Whether `name` is a DNS-1123 subdomain, as the names of ConfigMaps, Secrets and workloads are. A reference in a manifest may be any text:
 * `../nodes` must not become part of a path that we request with our own rights.
 */
export const isLegalName = (name: string): boolean =>
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)

/** The beginning of a name, `length` characters at most. It is a name itself, so that a dash or a dot and more characters may follow. */
export const beginningOf = (name: string, length: number): string =>
  name.slice(0, length).replace(/[^a-z0-9]+$/, '')
