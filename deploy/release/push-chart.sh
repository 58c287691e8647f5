#!/bin/sh
# Usage: push-chart.sh DIRECTORY DESTINATION [FLAG…], e.g. oci://ghcr.io/hotreload/charts. Pushes the chart, and adds its digest to
# DIRECTORY/IMAGES, from which sign.sh reads it. HELM is the Helm to use.
set -eu
directory=$(realpath "$1")
destination=$2
shift 2
pushed=$("${HELM:-${0%/*}/helm.sh}" push "$directory"/hotreload-chart-*.tgz "$destination" "$@" 2>&1) || {
  echo "$pushed" >&2
  exit 1
}
echo "$pushed" | sed --quiet 's/^Pushed: //p; s/^Digest: /@/p' | paste --serial --delimiters='' >>"$directory/IMAGES"
tail --lines=1 "$directory/IMAGES"
