#!/bin/bash
# The agent for arm64 on a machine of another architecture: builds it, runs its tests, and starts the one-file command line, each in QEMU's
# emulation of a process (the system calls are those of this machine's kernel). As root, after `make test-arm64` has installed the packages.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=aarch64-unknown-linux-gnu
# Debian has musl's libc.a of arm64 as a package of that architecture, which is unpacked here and not installed.
root=${XDG_CACHE_HOME:-$HOME/.cache}/hotreload/arm64
musl=usr/lib/aarch64-linux-musl
if [ ! -e "$root/$musl/libc.a" ]; then
  unpacked=$(mktemp --directory)
  mmdebstrap --quiet --variant=extract --arch=arm64 --include=musl-dev bookworm "$unpacked"
  mkdir -p "$root/${musl%/*}" && cp --recursive "$unpacked/$musl" "$root/${musl%/*}/"
  rm -r "$unpacked"
fi
rustup target add "$target"
# The kernel then starts programs for arm64 by QEMU. It forgets this when the machine restarts.
update-binfmts --enable qemu-aarch64

export MUSL_LIB_DIR=$root/$musl QEMU_LD_PREFIX=/usr/aarch64-linux-gnu CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
cargo=(cargo --config "build.target='$target'")
cd agent
"${cargo[@]}" build --release --locked
size=$(stat --format=%s "${CARGO_TARGET_DIR:-target}/$target/release/hotreload-agent")
echo "the agent for arm64 has $size bytes"

# What QEMU does not emulate: orphans get another parent, two signals of its own are ignored, and process ids are not reused in time.
skipped=(
  orphans_are_reaped_and_end_with_the_program
  a_program_that_goes_to_the_background_is_reported
  the_program_starts_as_without_the_supervisor
  the_successor_of_a_process_never_gets_its_signal
)
PROPTEST_CASES=${PROPTEST_CASES:-50} env --default-signal "${cargo[@]}" test --locked --no-fail-fast -- "${skipped[@]/#/--skip=}"

cd ..
node --eval 'import("./deploy/release/executable.ts").then((one) => one.writeExecutable("out/cli-arm64/kubectl-hotreload", "linux-arm64"))'
out/cli-arm64/kubectl-hotreload version
