/** Changes that break a promise. For each of them a test must fail: `make mutants` tries them all. */

export interface Mutant {
  /** Which promise it breaks. */
  what: string
  /** The file that is changed. */
  file: string
  /** Text that stands in the file exactly once, and what replaces it. */
  from: string
  to: string
  /** The tests that must notice: a path for vitest, a filter for cargo. */
  tests: string
}

export const mutants: readonly Mutant[] = [
  {
    what: 'an expired certificate is renewed even before its authority is published',
    file: 'src/tls/rotation.ts',
    from: '(settled || expired)',
    to: 'settled',
    tests: 'test/tls/rotation.test.ts',
  },
  {
    what: 'one body over the bound is still let in',
    file: 'src/admission/bounds/load-shedding.ts',
    from: 'budget.bytes > taken && ',
    to: '',
    tests: 'test/admission/server.test.ts',
  },
  {
    what: 'a user’s Pod and a controller’s never share an answer',
    file: 'src/admission/patch-cache.ts',
    from: '    controller(pod.metadata) !== undefined,\n',
    to: '',
    tests: 'test/admission/patch-cache.test.ts',
  },
  {
    what: 'the Pods of one template share an answer only until the policy file changes',
    file: 'src/admission/patch-cache.ts',
    from: '      answers.clear()\n',
    to: '',
    tests: 'test/admission/patch-cache.test.ts',
  },
  {
    what: 'a Pod that does not answer holds the others up for a minute',
    file: 'src/controller/pods/pod-nudger.ts',
    from: 'const QUIET_WAIT = 60_000',
    to: 'const QUIET_WAIT = 10_000',
    tests: 'test/controller/pods',
  },
  {
    what: 'an unread source that is used in place holds a rollout back',
    file: 'src/controller/decide/source-diff.ts',
    from: "observed === undefined || (typeof observed === 'object' && observed.immutable)",
    to: "typeof observed === 'object' && observed.immutable",
    tests: 'test/controller/decide',
  },
  {
    what: 'another namespace’s checksum is hashed under the install key',
    file: 'src/controller/decide/source-diff.ts',
    from: 'return hashedUnderInstallKey(use, observed, installKey)',
    to: 'return observed',
    tests: 'test/controller/decide',
  },
  {
    what: 'a first reading of a source nudges no Pod',
    file: 'src/controller/cache/sources.ts',
    from: '[...changed].filter((keyset) => before.has(keyset))',
    to: 'changed',
    tests: 'test/controller/cache/sources.test.ts',
  },
  {
    what: 'an event from before our own write does not undo it',
    file: 'src/controller/cache/workloads.ts',
    from: ' && isOlder(',
    to: ' && !isOlder(',
    tests: 'test/controller/cache/workloads.test.ts',
  },
  {
    what: 'a watch that ends at once is not opened again at once',
    file: 'src/kube/informer.ts',
    from: 'if (Date.now() - startedAt < BRIEF_MILLISECONDS) ',
    to: 'if (Date.now() < startedAt) ',
    tests: 'test/kube/informer.test.ts',
  },
  {
    what: 'a rollout waits for the sources that are not read yet',
    file: 'src/controller/decide/next-step.ts',
    from: "  if (comparison.unread.length > 0) return { do: 'wait', for: 'unread' }\n",
    to: '',
    tests: 'test/controller/decide/next-step.test.ts',
  },
  {
    what: 'hotreload.dev/pause holds a rollout back',
    file: 'src/controller/decide/next-step.ts',
    from: "  if (context.isPaused) return { do: 'wait', for: 'paused' }\n",
    to: '',
    tests: 'test/controller/decide/next-step.test.ts',
  },
  {
    what: 'a rollout whose Pods become available is waited for',
    file: 'src/controller/decide/next-step.ts',
    from: "    waitUntil('inProgress', mayOvertakeAt(context)) ??\n",
    to: '',
    tests: 'test/controller/decide/next-step.test.ts',
  },
  {
    what: 'a mended configuration does not wait for Pods that are not available',
    file: 'src/controller/decide/next-step.ts',
    from: 'return isFirst ? undefined : Math.min(',
    to: 'return Math.min(',
    tests: 'test/controller/decide/next-step.test.ts',
  },
  {
    what: 'rollouts that overtake one another get more time each',
    file: 'src/controller/decide/next-step.ts',
    from: 'STALLED * 2 ** (overtakes - 1)',
    to: 'STALLED',
    tests: 'test/controller/decide/next-step.test.ts',
  },
  {
    what: 'a stalled rollout gives its place to others',
    file: 'src/controller/reconciler.ts',
    from: '    if (stallsIn > 0) return stallsIn\n    this.#limiter.release(key)\n',
    to: '    if (stallsIn > 0) return stallsIn\n',
    tests: 'test/controller/reconciler.test.ts',
  },
  {
    what: 'a Pod that crashes and comes back is no progress',
    file: 'src/controller/decide/running-rollout.ts',
    from: ': before\n',
    to: ': { ...before, newPods }\n',
    tests: 'test/controller/decide/running-rollout.test.ts',
  },
  {
    what: 'the limit of a namespace counts its own rollouts',
    file: 'src/controller/rollout/limiter.ts',
    from: '(counts.get(namespace) ?? 0) < perNamespace',
    to: '(counts.get(namespace) ?? 0) <= perNamespace',
    tests: 'test/controller/rollout/limiter.test.ts',
  },
  {
    what: 'reverts count only within ten minutes',
    file: 'src/controller/rollout/revert-guard.ts',
    from: 'at > clock.now() - WITHIN',
    to: 'at > clock.now() - 10 * WITHIN',
    tests: 'test/controller/rollout/revert-guard.test.ts',
  },
  {
    what: 'a checksum under another install key is not compared',
    file: 'src/controller/decide/compare.ts',
    from: 'keyIdOf(a) === keyIdOf(b)',
    to: 'keyIdOf(a).length === keyIdOf(b).length',
    tests: 'test/controller/decide/compare.test.ts',
  },
  {
    what: 'Reloader’s patterns match whole names',
    file: 'src/compat/reloader/name-regex.ts',
    from: '`^${item}$`',
    to: '`^${item}`',
    tests: 'test/compat/reloader',
  },
  {
    what: 'a reference in a manifest becomes no part of a path',
    file: 'src/workload/object-name.ts',
    from: '/^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/',
    to: '/[a-z0-9]/',
    tests: 'test/workload/object-name.test.ts',
  },
  {
    what: 'a Secret is hashed under the install key only',
    file: 'src/workload/checksum.ts',
    from: "createHmac('sha256', key.key)",
    to: "createHash('sha256')",
    tests: 'test/workload/checksum.test.ts',
  },
  {
    what: 'a URL to reload by stays in the Pod',
    file: 'src/policy/values/parse.ts',
    from: '(127(\\.\\d+){3}|',
    to: '(1\\d+(\\.\\d+){3}|',
    tests: 'test/policy',
  },
  {
    what: 'the agent has KILL only where the target keeps it',
    file: 'src/inject/security-context.ts',
    from: 'if (names(drop, capability)) return false',
    to: '',
    tests: 'test/inject/security-context.test.ts',
  },
  {
    what: 'the agent calls nobody but its own Pod',
    file: 'agent/src/http.rs',
    from: 'address[0] == 127',
    to: 'address[0] >= 127',
    tests: 'http',
  },
  {
    what: 'a program has 30 s to end where nobody says otherwise',
    file: 'agent/src/options/method.rs',
    from: 'const GRACE_MS: u64 = 30_000;',
    to: 'const GRACE_MS: u64 = 3_000;',
    tests: 'options',
  },
  {
    what: 'a process that outlived its container’s root is no target',
    file: 'agent/src/target.rs',
    from: 'if root.zombie || members.iter().any(|member| member.started < root.started) {',
    to: 'if root.zombie {',
    tests: 'target',
  },
  {
    what: 'a program has ten seconds to start its process',
    file: 'agent/src/verdict.rs',
    from: 'const STARTING_MS: u64 = 10_000;',
    to: 'const STARTING_MS: u64 = 100;',
    tests: 'target',
  },
  {
    what: 'a refusal is examined again',
    file: 'agent/src/engine.rs',
    from: 'Outcome::Refused(problem) => self.stop(problem, Some(now + RECHECK_MS)),',
    to: 'Outcome::Refused(problem) => self.stop(problem, None),',
    tests: 'engine',
  },
  {
    what: 'SIGCONT of the runtime stops no container',
    file: 'agent/src/child_lifecycle.rs',
    from: 'let harmless = [SIGCONT, ',
    to: 'let harmless = [',
    tests: 'child_lifecycle',
  },
  {
    what: 'a state file without its key is not believed',
    file: 'agent/src/saved_state.rs',
    from: 'has_key.then_some(state)',
    to: 'Some(state)',
    tests: 'saved_state',
  },
  {
    what: 'an incomplete swap counts after its time',
    file: 'agent/src/change.rs',
    from: 'if complete || now >= deadline =>',
    to: 'if complete =>',
    tests: 'change',
  },
  {
    what: 'several volumes are read when all of them are quiet',
    file: 'agent/src/change.rs',
    from: 'if volumes > 1 || !all_atomic { SETTLE_MS } else { 0 }',
    to: 'if !all_atomic { SETTLE_MS } else { 0 }',
    tests: 'change',
  },
]
