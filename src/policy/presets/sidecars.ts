/** Sidecars that reload another program after a change, or fetch its files. They watch their own files, and need nothing of a change. */
import { byItself, type Preset } from './preset.ts'

const isReloadSidecar = true

export const sidecars = {
  'configmap-reload': {
    names: ['configmap-reload'],
    reload: byItself,
    isReloadSidecar,
    doc: 'watches its directories and calls a URL; superfluous beside a program that hotreload reloads',
    source: 'github.com/jimmidyson/configmap-reload, README',
  },
  'prometheus-config-reloader': {
    names: ['prometheus-config-reloader'],
    reload: byItself,
    isReloadSidecar,
    doc: 'watches its files and calls a URL; superfluous beside a program that hotreload reloads',
    source: 'github.com/thanos-io/thanos, pkg/reloader',
  },
  'config-reloader-sidecar': {
    names: ['config-reloader-sidecar'],
    reload: byItself,
    isReloadSidecar,
    doc: 'watches its directory and sends a signal; superfluous beside a program that hotreload reloads',
    source: 'github.com/Pluies/config-reloader-sidecar, README',
  },
  'nats-server-config-reloader': {
    names: ['nats-server-config-reloader'],
    reload: byItself,
    isReloadSidecar,
    doc: 'watches its files and sends SIGHUP; superfluous beside a program that hotreload reloads',
    source: 'github.com/nats-io/nack, cmd/nats-server-config-reloader',
  },
  'k8s-sidecar': {
    names: ['k8s-sidecar'],
    reload: byItself,
    isReloadSidecar,
    doc: 'fetches ConfigMaps and Secrets by label and calls a URL',
    source: 'github.com/kiwigrid/k8s-sidecar, README',
  },
} as const satisfies Record<string, Preset>
