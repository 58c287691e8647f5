/** Finds the user's cluster as kubectl does. Only commands that need a cluster load this file. */
import { access } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type ApiCall, type ApiResponse, ResponseTooLarge } from '../../api/api.ts'
import { messageOf } from '../../api/response-body.ts'
import { UserError } from '../../errors.ts'
import { createClient, type KubeClient } from '../../kube/client.ts'
import { type Connection, kubeconfigConnection, podConnection } from '../../kube/connection.ts'
import type { QueryOptions } from './query-flags.ts'

/** As for kubectl, if the context has none. */
const DEFAULT_NAMESPACE = 'default'

/**
 * A client whose calls reject with HR_UNREACHABLE without an answer. Its namespace is the option's, or the context's.
 * @throws UserError HR_NO_CLUSTER, HR_BAD_KUBECONFIG
 */
export async function clusterAccess(
  options: Pick<QueryOptions, 'kubeconfig' | 'context' | 'namespace'>,
  environment: NodeJS.ProcessEnv,
): Promise<KubeClient> {
  const connection = await connect(options, environment)
  const client = createClient(connection)
  return {
    ...client,
    namespace: options.namespace ?? connection.namespace,
    call: (call) => client.call(call).catch((error: unknown) => Promise.reject(unreachable(call, error))),
  }
}

async function connect(
  { kubeconfig, context }: Pick<QueryOptions, 'kubeconfig' | 'context'>,
  environment: NodeJS.ProcessEnv,
): Promise<Connection> {
  const choice = context === undefined ? {} : { context }
  if (kubeconfig !== undefined) return kubeconfigConnection(kubeconfig, DEFAULT_NAMESPACE, choice)
  const named = (environment['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean)
  const usual = join(environment['HOME'] ?? homedir(), '.kube', 'config')
  // kubectl ignores files of KUBECONFIG that do not exist.
  const [first, ...more] = await existing(named.length > 0 ? named : [usual])
  if (first !== undefined) return kubeconfigConnection([first, ...more], DEFAULT_NAMESPACE, choice)
  if ((environment['KUBERNETES_SERVICE_HOST'] ?? '') !== '') return podConnection(environment)
  const looked =
    named.length > 0
      ? `KUBECONFIG names ${named.join(', ')}, which does not exist`
      : `${usual} does not exist`
  throw new UserError('HR_NO_CLUSTER', `no cluster: ${looked}`, 'use --kubeconfig FILE or set KUBECONFIG')
}

async function existing(files: readonly string[]): Promise<string[]> {
  const there = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    ),
  )
  return files.filter((_, index) => there[index])
}

function unreachable({ method, path }: ApiCall, error: unknown): Error {
  if (error instanceof UserError || error instanceof ResponseTooLarge) return error
  const { name, message, code } = Object(error) as { name?: string; message?: string; code?: string }
  // node:http reports the end of AbortSignal.timeout as an AbortError.
  const late = name === 'TimeoutError' || name === 'AbortError'
  const why = late ? 'no answer in time' : (code ?? message ?? String(error))
  return new UserError(
    'HR_UNREACHABLE',
    `the API server does not answer ${method} ${path}: ${why}`,
    'see whether kubectl get --raw /version does with the same kubeconfig',
  )
}

/** An error for a response that is no success: it names the missing right or object. */
export function refusal({ status, body }: ApiResponse, what: string): UserError {
  if (status === 401)
    return new UserError('HR_FORBIDDEN', 'the API server does not know you', 'log in again, as for kubectl')
  if (status === 403)
    return new UserError('HR_FORBIDDEN', `you may not ${what}`, 'ask for the right, or use another context')
  if (status === 404)
    return new UserError('HR_NO_OBJECT', `${what}: it does not exist`, 'check name and namespace')
  return new UserError('HR_API', `${what}: ${status} ${messageOf(body)}`, 'try again')
}
