#!/bin/sh
# Usage: with-registry.sh COMMAND…. Runs a command beside a registry on this machine, whose address is in $REGISTRY. The registry has no
# TLS, keeps everything in memory, and ends with the command.
set -eu
work=$(mktemp --directory)
registry=
trap 'if [ "$registry" ]; then kill "$registry"; fi; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
GOBIN=$work go install github.com/google/go-containerregistry/cmd/registry@v0.22.1
"$work/registry" -port 0 2>"$work/log" &
registry=$!
until port=$(sed --quiet 's/.*serving on port //p' "$work/log") && [ "$port" ]; do
  kill -0 "$registry" 2>/dev/null || { cat "$work/log" >&2 && exit 1; }
  sleep 0.1
done
export REGISTRY="localhost:$port"
"$@"
