// Name servers, and how tests ask them.
import { Resolver } from 'node:dns/promises'
import type { Program, Running } from '../program.ts'

function resolver({ ip }: Running): Resolver {
  const asks = new Resolver({ timeout: 1000, tries: 1 })
  asks.setServers([`${ip}:5353`])
  return asks
}
const text: Program['observe'] = async (running) => (await resolver(running).resolveTxt('web.test')).flat()[0]

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

/** By the user's own word: dnsmasq's preset is a rollout, because a signal never brings its own file. */
export const dnsmasqHosts: Program = {
  image: 'dnsmasq',
  mountPath: '/etc/dnsmasq',
  options: { annotations: { 'hotreload.dev/signal': 'HUP' } },
  data: (value) => ({
    'dnsmasq.conf': 'port=5353\nno-resolv\nno-hosts\naddn-hosts=/etc/dnsmasq/hosts\n',
    hosts: `${addresses[value]} web.test\n`,
  }),
  observe: async (running) => {
    const [address] = await resolver(running).resolve4('web.test')
    return Object.keys(addresses).find((value) => addresses[value] === address)
  },
}
