// Proxies that Debian lacks, and how tests observe their configuration.
import type { Program } from '../program.ts'

const bootstrap = JSON.stringify({
  node: { id: 'test', cluster: 'test' },
  dynamic_resources: {
    lds_config: {
      path_config_source: { path: '/etc/web/lds.yaml', watched_directory: { path: '/etc/web' } },
    },
  },
})

/** Its listener's file is watched, and the bootstrap stands in an argument. */
export const envoy: Program = {
  image: 'envoy',
  mountPath: '/etc/web',
  container: { command: ['envoy', '--use-dynamic-base-id', '--config-yaml', bootstrap] },
  data: (value) => ({
    'lds.yaml': `
resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: web
  address: { socket_address: { address: 0.0.0.0, port_value: 8080 } }
  filter_chains:
  - filters:
    - name: envoy.filters.network.http_connection_manager
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: web
        route_config:
          virtual_hosts:
          - name: web
            domains: ["*"]
            routes:
            - match: { prefix: / }
              direct_response: { status: 200, body: { inline_string: ${value} } }
        http_filters:
        - name: envoy.filters.http.router
          typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
`,
  }),
  observe: async ({ ns, pod }) => (await ns.fetch(pod, '/', 8080)).body,
}

/** @param provider `directory=/etc/web` or `filename=/etc/web/web.yaml` */
export const traefik = (provider: string): Program => ({
  image: 'traefik',
  mountPath: '/etc/web',
  container: { command: ['traefik', '--entrypoints.web.address=:8080', `--providers.file.${provider}`] },
  data: (value) => ({
    'web.yaml': `
http:
  routers:
    web: { rule: "PathPrefix(\`/\`)", entryPoints: [web], middlewares: [value], service: noop@internal }
  middlewares:
    value: { headers: { customResponseHeaders: { X-Value: ${value} } } }
`,
  }),
  observe: async ({ ns, pod }) => (await ns.fetch(pod, '/', 8080)).headers.get('x-value') ?? undefined,
})
