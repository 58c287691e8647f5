#!/bin/sh
# Usage: merge.sh BUILT DIRECTORY. Puts the files of BUILT/release-ARCHITECTURE/ together, and checks that files of one name, made on
# different machines, have the same bytes. Those of BUILT/signed-darwin/ then take the place of the unsigned ones.
set -eu
built=$1
directory=$2
mkdir -p "$directory"
for path in "$built"/release-*/*; do
  name=${path##*/}
  if [ "$name" = SHA256SUMS ]; then continue; fi
  if [ -e "$directory/$name" ] && ! cmp "$path" "$directory/$name"; then
    echo "$name differs between the machines that built it: the build depends on something besides the source" >&2
    exit 1
  fi
  cp "$path" "$directory/$name"
done
for path in "$built"/signed-darwin/*; do
  if [ -e "$path" ]; then cp "$path" "$directory"; fi
done
deploy/release/krew.sh "$directory" >"$directory/krew.yaml"
cd "$directory"
sha256sum -- * >SHA256SUMS
