#!/bin/sh
# Usage: check-tag.sh TAG. Fails unless the tag is v and the version that the source has, in each place that has one.
set -eu
version=${1#v}
expect() {
  if [ "$2" = "$version" ]; then return; fi
  echo "$1 has version ${2:-none}, the tag is $version: commit the version first, then tag that commit" >&2
  exit 1
}
expect package.json "$(sed --quiet 's/^  "version": "\(.*\)",$/\1/p' package.json)"
expect agent/Cargo.toml "$(sed --quiet '0,/^version = /s/^version = "\(.*\)"$/\1/p' agent/Cargo.toml)"
expect deploy/chart/Chart.yaml "$(sed --quiet 's/^version: "*\([0-9.]*\)"*$/\1/p' deploy/chart/Chart.yaml)"
expect CHANGELOG.md "$(sed --quiet "s/^## \\($version\\) - [0-9-]*$/\\1/p" CHANGELOG.md)"
