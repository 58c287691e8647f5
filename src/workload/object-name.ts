/** Names of Kubernetes objects. */

/**
 * Whether `name` is a DNS-1123 subdomain, as the name of every ConfigMap, Secret and namespace is. A reference in a manifest is only text:
 * `../nodes` must not become part of a path that we request with our own rights.
 */
export const isLegalName = (name: string): boolean =>
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)
