/** Checks that each setting of an install is where its part reads it. Pure. */
import type { V1Container, V1Deployment } from '@kubernetes/client-node'
import { containerOf, settingOf } from '../installed/settings.ts'
import { controllerFlags } from '../serve/controller-flags.ts'
import { serveFlags, variableOf } from '../serve/options.ts'
import { CONTROLLER_NAME, INSTALL_NAME } from '../shared/install-names.ts'
import { type Finding, few } from './finding.ts'

/**
 * Finds settings of the controller at the webhook, which does not read them, and a policy file that only one of them has: an earlier
 * version had one Deployment for both.
 */
export function checkSettings(
  webhook: V1Deployment | undefined,
  controller: V1Deployment | undefined,
): Finding[] {
  const warning = (text: string): Finding => ({ check: 'settings', result: 'warning', text })
  const others = foreignSettings(containerOf(webhook))
  const policies = [webhook, controller].map((one) => settingOf(containerOf(one), serveFlags.policy))
  return [
    ...(others.length > 0
      ? [
          warning(
            `Deployment ${INSTALL_NAME} has ${few(others)}, which the webhook does not use; set it for Deployment ${CONTROLLER_NAME}`,
          ),
        ]
      : []),
    ...(webhook && controller && policies[0] !== policies[1]
      ? [
          warning(
            `Deployments ${INSTALL_NAME} and ${CONTROLLER_NAME} have different policy files (${policies.map((one) => one ?? 'none').join(', ')}); set ${variableOf(serveFlags.policy)} for both`,
          ),
        ]
      : []),
  ]
}

function foreignSettings(container: V1Container | undefined): string[] {
  const flags = Object.values(serveFlags)
  const names = new Set(flags.flatMap((flag) => [flag.flags.split(' ')[0], variableOf(flag)]))
  const given = [
    ...(container?.args ?? []).map((argument) => argument.split('=')[0] ?? ''),
    ...(container?.env ?? []).map(({ name }) => name),
  ]
  return given.filter((name) => /^(--|HOTRELOAD_)/.test(name) && !names.has(name))
}

/** Whether the install follows other tools' annotations: it does without `--compat=none`. @param deployment the controller's */
export function followsOtherTools(deployment: V1Deployment | undefined): boolean {
  return settingOf(containerOf(deployment), controllerFlags.compat) !== 'none'
}
