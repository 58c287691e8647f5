#!/bin/sh
# Usage: krew.sh DIRECTORY. Prints the manifest for krew (krew.sigs.k8s.io) of the programs in a release.
set -eu
cd "$1"
platforms=
for archive in kubectl-hotreload-*-*-*.tar.gz; do
  platform=${archive%.tar.gz}
  architecture=${platform##*-}
  platform=${platform%-*}
  os=${platform##*-}
  version=${platform%-*}
  version=${version#kubectl-hotreload-}
  sum=$(sha256sum "$archive" | cut -d ' ' -f 1)
  platforms="$platforms
    - selector: {matchLabels: {os: $os, arch: $architecture}}
      uri: https://github.com/hotreload/hotreload/releases/download/v$version/$archive
      sha256: $sum
      bin: kubectl-hotreload"
done
cat <<MANIFEST
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: hotreload
spec:
  version: v$version
  homepage: https://github.com/hotreload/hotreload
  shortDescription: Explains and checks how edited ConfigMaps reach processes
  description: |
    Says what hotreload does for a workload and why (explain, inject), checks an installation (doctor), and shows what the agents
    in its Pods have loaded (status).
  platforms:$platforms
MANIFEST
