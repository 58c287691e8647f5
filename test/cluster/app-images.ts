// The programs that tests reload, as images: Debian's packages on Debian, or a program of ours on nothing. One row is one image,
// called localhost/NAME:1. Add rows here.

export interface AppImage {
  /** Debian packages, installed on Debian. Without packages the image has nothing but `programs`. */
  packages?: readonly string[]
  /** Static programs of apps/, copied to /NAME. */
  programs?: readonly ('reader' | 'ticker')[]
  /** Further lines of its Containerfile. */
  lines?: readonly string[]
  entrypoint?: readonly string[]
  cmd?: readonly string[]
}

/** name -> recipe. The names matter: presets are recognised by the last segment of an image's name. */
export const appImages = {
  nginx: {
    packages: ['nginx-light'],
    cmd: ['nginx', '-g', 'daemon off;'],
    lines: [
      'RUN ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log',
      'STOPSIGNAL SIGQUIT',
    ],
  },
  haproxy: {
    packages: ['haproxy'],
    cmd: ['haproxy', '-W', '-db', '-f', '/etc/haproxy/haproxy.cfg'],
    lines: ['STOPSIGNAL SIGUSR1'],
  },
  prometheus: {
    packages: ['prometheus'],
    cmd: ['prometheus', '--config.file=/etc/prometheus/prometheus.yml', '--storage.tsdb.path=/prometheus'],
    lines: ['RUN mkdir /prometheus && chown 65534:65534 /prometheus', 'USER 65534:65534'],
  },
  /** A shell and the usual commands. */
  busybox: {
    packages: ['busybox-static'],
    cmd: ['sh'],
    lines: ['RUN mkdir /applets && busybox --install -s /applets', 'ENV PATH=/applets:/usr/bin:/bin'],
  },
  /** One static program and nothing else: no shell, no /etc, no /tmp. Reloads at SIGHUP (apps/reader.c). */
  reader: { programs: ['reader'], entrypoint: ['/reader'], cmd: ['/etc/reader/config', '8080'] },
  /** The same as a program that starts as root and steps down by gosu, as Docker's own images do. */
  gosu: {
    packages: ['gosu'],
    programs: ['reader'],
    entrypoint: ['gosu', 'nobody', '/reader'],
    cmd: ['/etc/reader/config', '8080'],
  },
  /** Catches SIGHUP only to exit by it (apps/ticker.go). */
  ticker: { programs: ['ticker'], entrypoint: ['/ticker'] },
} satisfies Record<string, AppImage>

export type AppImageName = keyof typeof appImages

/** The Containerfile of a row. */
export function containerfile(image: AppImage): string {
  const install = image.packages && [
    'FROM docker.io/library/debian:bookworm-slim',
    `RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ${image.packages.join(' ')}`,
  ]
  const lines = [
    ...(install ?? ['FROM scratch']),
    ...(image.programs ?? []).map((name) => `COPY ${name} /${name}`),
    ...(image.lines ?? []),
    ...(image.entrypoint ? [`ENTRYPOINT ${JSON.stringify(image.entrypoint)}`] : []),
    ...(image.cmd ? [`CMD ${JSON.stringify(image.cmd)}`] : []),
  ]
  return `${lines.join('\n')}\n`
}
