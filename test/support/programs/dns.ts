// Name servers, and how tests query them.
import { Resolver } from 'node:dns/promises'
import type { Program, Running } from '../program.ts'

function resolverOf({ ip }: Running): Resolver {
  const resolver = new Resolver({ timeout: 1000, tries: 1 })
  resolver.setServers([`${ip}:5353`])
  return resolver
}
/** The TXT record of web.test. */
export const text: Program['observe'] = async (running) =>
  (await resolverOf(running).resolveTxt('web.test')).flat()[0]

export const named: Program = {
  image: 'named',
  mountPath: '/etc/named',
  data: (value) => ({
    'named.conf': `
      options {
        directory "/tmp"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
        listen-on port 5353 { any; }; listen-on-v6 { none; };
      };
      controls {};
      zone "test" { type primary; file "/etc/named/zone"; };
    `,
    zone: `$TTL 1
@ SOA ns.test. root.test. ${value === 'one' ? 1 : 2} 60 60 60 1
@ NS ns.test.
ns A 127.0.0.1
web TXT "${value}"
`,
  }),
  observe: text,
}

export const unbound: Program = {
  image: 'unbound',
  mountPath: '/etc/unbound',
  data: (value) => ({
    'unbound.conf': `
server:
  interface: 0.0.0.0@5353
  access-control: 0.0.0.0/0 allow
  username: ""
  chroot: ""
  directory: "/tmp"
  pidfile: ""
  use-syslog: no
  local-zone: "test." static
  local-data: 'web.test. TXT "${value}"'
remote-control:
  control-enable: no
`,
  }),
  observe: text,
}

const addresses: Record<string, string> = { one: '10.0.0.1', two: '10.0.0.2' }

/** The user sets the signal: dnsmasq's preset is a rollout, because a signal never reloads its main file. */
export const dnsmasqHosts: Program = {
  image: 'dnsmasq',
  mountPath: '/etc/dnsmasq',
  options: { annotations: { 'hotreload.dev/signal': 'HUP' } },
  data: (value) => ({
    'dnsmasq.conf': 'port=5353\nno-resolv\nno-hosts\naddn-hosts=/etc/dnsmasq/hosts\n',
    hosts: `${addresses[value]} web.test\n`,
  }),
  observe: async (running) => {
    const [address] = await resolverOf(running).resolve4('web.test')
    return Object.keys(addresses).find((value) => addresses[value] === address)
  },
}
