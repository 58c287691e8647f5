#!/bin/sh
# bin/hotreload, and bin/kubectl-hotreload, which kubectl finds in PATH for `kubectl hotreload`.
# Runs the bundle with Node.js 24 or later, whichever of these is there: the one of this checkout, the one in PATH.
here=$(dirname "$(readlink -f "$0")")
for node in "$here"/../node_modules/.bin/node node; do
  if version=$("$node" --version 2>/dev/null) && major=${version#v} && [ "${major%%.*}" -ge 24 ]; then
    exec "$node" "$here/../dist/main.mjs" "$@"
  fi
done
echo "hotreload: needs Node.js 24 or later in PATH (https://nodejs.org); found: ${version:-none}" >&2
exit 1
