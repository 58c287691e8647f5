#!/bin/bash
# Usage: sign-darwin.sh BUILT DIRECTORY, on macOS. Signs the programs for macOS in BUILT ad hoc (without an identity), which Apple's processors
# demand of every program, runs them, and writes their archives anew into DIRECTORY.
set -euo pipefail
built=$(cd "$1" && pwd)
mkdir -p "$2"
directory=$(cd "$2" && pwd)
for archive in "$built"/kubectl-hotreload-*-darwin-*.tar.gz; do
  work=$(mktemp -d)
  tar -xzf "$archive" -C "$work"
  codesign --sign - --identifier dev.hotreload.kubectl-hotreload "$work/kubectl-hotreload"
  codesign --verify --strict "$work/kubectl-hotreload"
  "$work/kubectl-hotreload" version
  (cd "$work" && tar -czf "$directory/${archive##*/}" ./*)
  rm -r "$work"
done
