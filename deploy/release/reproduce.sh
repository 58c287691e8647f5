#!/bin/sh
# Usage: reproduce.sh DIRECTORY [FLAG…]. Makes the release twice, and fails unless both have the same bytes.
set -eu
directory=$1
shift
again=$(mktemp --directory)
trap 'rm -rf "$again"' EXIT
node deploy/release/main.ts "$directory" "$@" >/dev/null
node deploy/release/main.ts "$again/release" "$@" >/dev/null
diff --recursive --brief "$directory" "$again/release"
cat "$directory/SHA256SUMS"
