#!/bin/sh
# Usage: pin-bases.sh [--check] [DOCKERFILE]. Writes into the Dockerfile which digest the tag of each base image has now. With --check it
# changes nothing, and fails if a base image has no digest.
set -eu
check=
if [ "${1:-}" = --check ]; then check=yes && shift; fi
dockerfile=${1:-Dockerfile}

# A Go program that asks the registry; it answers with the digest of the index, which has all platforms.
crane=${CRANE:-go run github.com/google/go-containerregistry/cmd/crane@v0.22.1}

sed --quiet 's/^ARG \([A-Z]*_IMAGE\)=\(.*\)$/\1 \2/p' "$dockerfile" | while read -r argument image; do
  tag=${image%@*}
  if [ "$check" ]; then
    echo "$image" | grep --quiet --extended-regexp '@sha256:[0-9a-f]{64}$' && continue
    echo "$dockerfile: $argument=$image has no digest: run make pin-bases" >&2
    exit 1
  fi
  digest=$($crane digest "$tag")
  sed --in-place "s|^ARG $argument=.*|ARG $argument=$tag@$digest|" "$dockerfile"
  echo "$argument=$tag@$digest"
done
