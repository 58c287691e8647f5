/** One object of the API in one version, which an update must be of. */
export interface ObjectVersion {
  apiVersion: string
  kind: string
  namespace: string
  name: string
  uid: string
  resourceVersion: string
}
