/** Parts of clusters: deployment, service meshes, ingress, secrets and access. */
import { configDirectory, directoryOf, flag, wordsOf } from './arguments.ts'
import { byRollout, type Preset } from './preset.ts'

const readOnUse = 'it reads these files whenever it needs them'

export const platform = {
  argocd: {
    names: ['argocd', 'argo-cd'],
    reload: byRollout,
    paths: (container) => [
      {
        under: ['/app/config/ssh/', '/app/config/tls/', '/home/argocd/params/profiler.enabled'],
        way: 'none',
        because: readOnUse,
      },
      {
        under: wordsOf(container).some((word) => word.endsWith('argocd-repo-server'))
          ? ['/app/config/gpg/source/']
          : [],
        way: 'none',
        because: 'it watches the directory of its GnuPG keys',
      },
    ],
    doc: 'reads known hosts, certificates of repositories and the switch of its profiler at each use, and its repo-server watches GnuPG keys; all else is read when it starts only, such as the certificates between its own parts',
    source:
      'argo-cd.readthedocs.io, operator-manual/tls; github.com/argoproj/argo-cd, util/cert/cert.go, util/profile/profile.go, reposerver/gpgwatcher.go',
  },
  'ingress-nginx': {
    names: ['ingress-nginx/controller', 'nginx-ingress-controller'],
    reload: byRollout,
    paths: (container) => [
      {
        under: [
          '/etc/nginx/template/',
          ...[
            flag(container, '--validating-webhook-certificate') ?? [],
            flag(container, '--validating-webhook-key') ?? [],
          ]
            .flat()
            .map(directoryOf),
        ],
        way: 'none',
        because: 'it watches its template and the certificate of its webhook',
      },
    ],
    doc: 'watches its template and the certificate of its webhook; other files are read when it starts only',
    source:
      'github.com/kubernetes/ingress-nginx, internal/ingress/controller/nginx.go, internal/net/ssl/ssl.go',
  },
  linkerd: {
    names: ['linkerd/controller', 'linkerd/tap'],
    reload: byRollout,
    paths: [
      {
        under: ['/var/run/linkerd/tls/', '/var/run/linkerd/identity/issuer/'],
        way: 'none',
        because: 'it watches its certificates',
      },
    ],
    doc: 'watches the certificates of its webhooks and of the identity issuer; all else is read when it starts only',
    source:
      'linkerd.io, automatically rotating webhook TLS credentials; github.com/linkerd/linkerd2, pkg/tls/creds_watcher.go',
  },
  istiod: {
    names: ['istio/pilot', 'pilot-discovery'],
    reload: byRollout,
    paths: [
      {
        under: ['/var/run/secrets/istiod/tls/'],
        way: 'none',
        because: 'it watches its certificates',
      },
    ],
    doc: 'watches the certificates of its own server; all else is read when it starts only',
    source: 'github.com/istio/istio, pilot/pkg/bootstrap/certcontroller.go',
  },
  'oauth2-proxy': {
    names: ['oauth2-proxy'],
    reload: byRollout,
    paths: (container) => [
      {
        under: [
          flag(container, '--authenticated-emails-file') ?? [],
          flag(container, '--htpasswd-file') ?? [],
        ].flat(),
        way: 'none',
        because: 'it watches its lists of users',
      },
    ],
    doc: 'watches the files of --authenticated-emails-file and --htpasswd-file; its configuration is read when it starts only',
    source: 'oauth2-proxy/oauth2-proxy#1701',
  },
  pomerium: {
    names: ['pomerium'],
    reload: byRollout,
    paths: (container) => [
      {
        under: [configDirectory(flag(container, '-config', '--config') ?? '/pomerium/config.yaml')],
        way: 'none',
        because: 'it watches its configuration: routes, policies and certificates',
      },
    ],
    doc: 'watches its configuration for routes, policies and certificates; its other settings need new Pods',
    source: 'pomerium.com/docs/reference',
  },
  vault: {
    names: ['vault'],
    reload: byRollout,
    doc: 'SIGHUP re-reads certificates and a small part of its configuration: where that is enough, set `signal: SIGHUP`',
    source: 'ibm.com/support/pages/node/7264363',
  },
  consul: {
    names: ['consul'],
    reload: byRollout,
    doc: 'SIGHUP re-reads the part of its options that its documentation lists: where that is enough, set `signal: SIGHUP`',
    source: 'developer.hashicorp.com/consul/commands/reload',
  },
} as const satisfies Record<string, Preset>
