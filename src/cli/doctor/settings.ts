/** Checks that each setting of an install is where its part reads it. Pure. */
import type { V1Container, V1Deployment } from '@kubernetes/client-node'
import { goBool } from '../../compat/request/go-words.ts'
import type { ClusterPolicy } from '../installed/policy.ts'
import { containerOf, settingOf } from '../installed/settings.ts'
import { controllerFlags } from '../serve/controller-flags.ts'
import { serveFlags, variableOf } from '../serve/options.ts'
import type { Flag } from '../shared/flag.ts'
import { CONTROLLER_NAME, INSTALL_NAME } from '../shared/install-names.ts'
import { type Finding, few } from './finding.ts'

/**
 * Finds settings of the controller at the webhook, which does not read them, a policy file that only one of them has (an earlier version had
 * one Deployment for both), and a certificate that nobody or somebody else issues.
 */
export function checkSettings(
  webhook: V1Deployment | undefined,
  controller: V1Deployment | undefined,
): Finding[] {
  const warning = (text: string): Finding => ({ check: 'settings', result: 'warning', text })
  const others = foreignSettings(containerOf(webhook))
  const hasOwnFiles = settingOf(containerOf(webhook), serveFlags.tlsDir) !== undefined
  const isIssued = goBool(settingOf(containerOf(controller), controllerFlags.issueCertificates) ?? 'true')
  const policies = [webhook, controller].map((one) => settingOf(containerOf(one), serveFlags.policy))
  return [
    ...(others.length > 0
      ? [
          warning(
            `Deployment ${INSTALL_NAME} has ${few(others)}, which the webhook does not use; set it for Deployment ${CONTROLLER_NAME}`,
          ),
        ]
      : []),
    ...(webhook && controller && hasOwnFiles === (isIssued === true)
      ? [
          warning(
            hasOwnFiles
              ? `Deployment ${INSTALL_NAME} has ${nameOf(serveFlags.tlsDir)}, but ${CONTROLLER_NAME} writes a caBundle for another certificate; set ${nameOf(controllerFlags.issueCertificates)}=false there`
              : `Deployment ${INSTALL_NAME} waits for a certificate that ${CONTROLLER_NAME} does not issue; remove ${nameOf(controllerFlags.issueCertificates)}=false there`,
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

const nameOf = ({ flags }: Flag): string => flags.split(' ')[0] ?? flags

function foreignSettings(container: V1Container | undefined): string[] {
  const flags = Object.values(serveFlags)
  const names = new Set(flags.flatMap((flag) => [nameOf(flag), variableOf(flag)]))
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

/** The mistake in the policy file of the install, or why it is not known; none where all is well. */
export function checkPolicyFile({ file, note, problem }: ClusterPolicy): Finding[] {
  const check = 'settings'
  if (problem) return [{ check, result: 'problem', text: `${file}: ${problem.message}` }]
  return file !== undefined && note !== undefined
    ? [{ check, result: 'unknown', text: `policy file not checked: ${note}` }]
    : []
}
