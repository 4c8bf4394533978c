#!/usr/bin/env bash
# The tools for arm64: a rustc with arm64's standard library, and what builds a kernel module. About 250 MB, once.
#
# They lie in one folder and are not installed. rustc runs under its own loader with this machine's cargo; the module's
# compiler runs in that folder as its root (see kernel.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/arm/common.sh
. scripts/debian.sh

need qemu-system-arm 'the virtual board'
need gcc-aarch64-linux-gnu 'links for arm64, and compiles SQLite and ring'
need libc6-dev-arm64-cross 'the C library of the oldest supported system, to link against'
need libclang-dev 'reads the kernel headers for the V4L2 camera'
need kmod 'finds which kernel modules need which'
need cpio 'packs the board'"'"'s file system'
need zstd 'packs it smaller'
need xz-utils 'unpacks kernel modules'
need openssl 'makes the certificates of the test'"'"'s broker and bin'
install_missing

once tools packaging/arm/tools.sh || exit 0
apt_root "$TOOLS_SUITE"
say "fetching rustc for arm64 and the kernel's build tools"
rm -rf "$CACHE/tools"
mapfile -t packages < <(closure "$TOOLS_SUITE" rustc:amd64 libstd-rust-dev:arm64 linux-headers-arm64:arm64 make \
  gcc-aarch64-linux-gnu bash coreutils dash diffutils findutils grep mawk sed |
  grep -vE '^(libllvm|libz3|libxml2|libc6|libstdc|lib(gcc-s1|c-gconv|tinfo|zstd|ssl|edit|ffi|bsd|md)[^:]*|zlib1g|gcc-[^:]*|cpp-[^:]*)[^:]*:arm64$')
unpack "$TOOLS_SUITE" "$CACHE/tools" "${packages[@]}"
mkdir -p "$CACHE/bin"
cat >"$CACHE/bin/rustc" <<WRAP
#!/bin/bash
root=$CACHE/tools
exec "\$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "\$root/usr/lib/x86_64-linux-gnu" \\
  --argv0 "\$root/usr/bin/rustc" "\$root/usr/bin/rustc" "\$@"
WRAP
chmod +x "$CACHE/bin/rustc"
"$CACHE/bin/rustc" --version >/dev/null || fail "the fetched rustc does not run"
made tools packaging/arm/tools.sh
