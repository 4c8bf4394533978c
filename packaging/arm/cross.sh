#!/usr/bin/env bash
# cargo for arm64: `packaging/arm/cross.sh build --release --bin bunri`. The binary needs glibc 2.34 at most.
set -euo pipefail
cd "$(dirname "$0")/../.."
packaging/arm/tools.sh
. packaging/arm/common.sh

export RUSTC=$CACHE/bin/rustc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu="--sysroot=/usr/aarch64-linux-gnu -I/usr/aarch64-linux-gnu/include"
# Of its own: another compiler than the host's would have everything built anew at every change between them.
export CARGO_TARGET_DIR=${BUNRI_ARM_TARGET:-target/arm}
command=$1
shift
exec nice -n 5 "${CARGO:-cargo}" "$command" --locked --target "$TARGET" "$@"
