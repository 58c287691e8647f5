/** Name servers, tunnels, failover and mail. */
import { mounts, wordsOf } from './arguments.ts'
import { namedCheck } from './check.ts'
import { byRollout, bySignal, type Preset } from './preset.ts'

export const network = {
  named: {
    names: ['named', 'bind9'],
    reload: bySignal('SIGHUP', 'named'),
    doc: 'SIGHUP, the same as rndc reload',
    source: 'named(8), SIGNALS',
    validate: 'named-checkconf -z',
    check: namedCheck,
    proved: true,
  },
  unbound: {
    names: ['unbound'],
    reload: bySignal('SIGHUP', 'unbound'),
    doc: 'SIGHUP; its cache starts empty again. A mistake in the configuration ends it: validate',
    source: 'unbound(8), SIGNALS; github.com/NLnetLabs/unbound, daemon/unbound.c',
    validate: 'unbound-checkconf',
    proved: true,
  },
  coredns: {
    names: ['coredns'],
    reload: bySignal('SIGUSR1', 'coredns'),
    doc: 'SIGUSR1 starts all plugins again in the same process, with the Corefile, imported files, certificates and resolv.conf; the reload plugin sees the Corefile and imported files only, up to 45 s later',
    source: 'github.com/coredns/caddy, sigtrap_posix.go and caddy.go: Restart',
    proved: 'at releases',
  },
  dnsmasq: {
    names: ['dnsmasq'],
    reload: byRollout,
    doc: 'SIGHUP re-reads hosts files, never dnsmasq.conf: for hosts files set `signal: SIGHUP`',
    source: 'dnsmasq(8), NOTES',
    proved: true,
  },
  stunnel: {
    names: ['stunnel', 'stunnel4'],
    reload: (container) => {
      const named = wordsOf(container).filter((word) => word.startsWith('/'))
      const mounted = mounts(container, ['/etc/stunnel/stunnel.conf', ...named])
      return mounted ? byRollout : bySignal('SIGHUP', 'stunnel', 'stunnel4')
    },
    doc: 'SIGHUP for renewed certificates; a rollout if a volume holds its configuration file, because it remembers where the symlinks led at its start',
    source: 'stunnel(8), SIGNALS; seen with 5.68: "Cannot open configuration file"',
    proved: true,
  },
  keepalived: {
    names: ['keepalived'],
    reload: bySignal('SIGHUP', 'keepalived'),
    doc: 'SIGHUP to the parent, which starts with the new configuration',
    source: 'keepalived(8), SIGNALS',
    validate: 'keepalived --config-test',
    proved: true,
  },
  openvpn: {
    names: ['openvpn'],
    reload: byRollout,
    doc: 'SIGHUP ends every connection, and fails if it stepped down from root; a rollout does no more harm',
    source: 'openvpn(8), SIGNALS and --user',
    proved: 'at releases',
  },
  dovecot: {
    names: ['dovecot'],
    reload: bySignal('SIGHUP', 'dovecot'),
    doc: 'SIGHUP to the master, the same as doveadm reload',
    source: 'doveadm(1), reload; github.com/dovecot/core, doveadm-master.c',
    validate: 'doveconf -n',
    proved: true,
  },
} as const satisfies Record<string, Preset>
