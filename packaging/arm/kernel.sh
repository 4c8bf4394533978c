#!/usr/bin/env bash
# The virtual board's kernel and its modules, v4l2loopback and the board's own among them.
#
# Leaves kernel/vmlinuz and kernel/root/lib/modules/RELEASE in the cache.
set -euo pipefail
cd "$(dirname "$0")/../.."
packaging/arm/tools.sh
. packaging/arm/common.sh

sources=(packaging/arm/kernel.sh packaging/arm/module/Makefile packaging/arm/module/bunri_board.c)
once kernel "${sources[@]}" || exit 0
apt_root "$TOOLS_SUITE"
say "fetching the kernel, building modules for it"
rm -rf "$CACHE/kernel"
mkdir -p "$CACHE/kernel"
mapfile -t packages < <(closure "$TOOLS_SUITE" linux-image-arm64:arm64 | grep -E '^linux-(base|binary|modules)-[0-9]')
unpack "$TOOLS_SUITE" "$CACHE/kernel/root" "${packages[@]}"
ln -sfn usr/lib "$CACHE/kernel/root/lib"
release=$(ls "$CACHE/kernel/root/lib/modules")
cp "$(find "$CACHE/kernel/root" -type f -name 'vmlinu*' | head -1)" "$CACHE/kernel/vmlinuz"

# The module's source is a Debian package; the headers' build tools need the libraries of their own release.
headers=/usr/src/linux-headers-$release
[ -d "$CACHE/tools$headers" ] || fail "there are no headers of kernel $release: remove $CACHE/tools.made and try again"
unpack "$TOOLS_SUITE" "$CACHE/kernel/loopback" v4l2loopback-dkms
ln -sfn mawk "$CACHE/tools/usr/bin/awk"
mkdir -p "$CACHE/tools"/{tmp,dev}
[ -e "$CACHE/tools/dev/null" ] || : >"$CACHE/tools/dev/null" # a file does where no device may be made
enter=(chroot)
[ "$(id -u)" -eq 0 ] || enter=(unshare --map-root-user chroot)
for source in "$CACHE"/kernel/loopback/usr/src/v4l2loopback-* packaging/arm/module; do
  rm -rf "$CACHE/tools/module"
  cp -r "$source" "$CACHE/tools/module"
  log=$CACHE/kernel/$(basename "$source").log
  "${enter[@]}" "$CACHE/tools" /bin/bash -c "PATH=/usr/bin make -s -C $headers M=/module ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- modules" \
    >"$log" 2>&1 || fail "a kernel module did not build: $log"
  cp "$CACHE/tools/module"/*.ko "$CACHE/kernel/root/lib/modules/$release/"
done
depmod -b "$CACHE/kernel/root" "$release"
made kernel "${sources[@]}"
