#!/bin/sh
# Prints the licence texts of all that the agent's binary contains: crates, Rust's library, musl's libc. Where a crate offers several
# licences, it prints MIT. Arguments are for `cargo tree`, e.g. --target.
set -eu
cd "$(dirname "$0")"

section() {
  printf '==== %s\n\n' "$1"
  shift
  cat "$@"
  printf '\n'
}

# Our own crate has a path behind its version, and is left out.
tree=$(cargo tree --locked --edges normal,no-proc-macro --no-dedupe --prefix none --format '{p}' "$@")
echo "$tree" | sed --quiet 's/^\([^ ]*\) v\([^ ]*\)$/\1 \2/p' | sort -u | while read -r name version; do
  set -- "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$name-$version"
  text=$(find "$1" -maxdepth 1 \( -name 'LICENSE-MIT*' -o -name LICENSE -o -name 'LICENSE.*' \) | sort --reverse | head -n 1)
  section "$name $version" "$text"
done
licences=$(rustc --print sysroot)/share/doc/rust/licenses
section 'Rust (core, alloc, compiler_builtins), copyright The Rust Project Contributors' \
  "$licences/MIT.txt" "$licences/Apache-2.0.txt" "$licences/LLVM-exception.txt"
section musl /usr/share/doc/musl-dev/copyright
