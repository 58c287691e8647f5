/** Where a message sends its reader, who does not have the repository: pages of docs/, and commands that need no checkout. */

const REPOSITORY = 'https://github.com/hotreload/hotreload'

/** The address of a page of docs/. */
export const manual = (page: string): string => `${REPOSITORY}/blob/main/docs/${page}.md`

/** The command that lets hotreload read the Secrets of a namespace. It names no tag, since a version between two releases has none. */
export const grantSecrets = (namespace: string): string =>
  `kubectl apply -n ${namespace} -k '${REPOSITORY}//deploy/secrets'`
