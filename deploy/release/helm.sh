#!/bin/sh
# Usage: helm.sh ARGUMENT…. Runs Helm, of the version and checksums in test/cluster/helm; the first run builds it (some minutes). It runs
# in that folder, so a path must be absolute.
set -eu
export CGO_ENABLED=0 GOFLAGS=-trimpath
exec go -C "${0%/*}/../../test/cluster/helm" tool helm "$@"
