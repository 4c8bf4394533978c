#!/usr/bin/env bash
# The virtual board's kernel and its modules, v4l2loopback among them.
#
# Leaves kernel/vmlinuz and kernel/root/lib/modules/RELEASE in the cache.
set -euo pipefail
cd "$(dirname "$0")/../.."
packaging/arm/tools.sh
. packaging/arm/common.sh

once kernel packaging/arm/kernel.sh || exit 0
apt_root "$TOOLS_SUITE"
say "fetching the kernel, building v4l2loopback for it"
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
rm -rf "$CACHE/tools/module"
cp -r "$CACHE"/kernel/loopback/usr/src/v4l2loopback-* "$CACHE/tools/module"
ln -sfn mawk "$CACHE/tools/usr/bin/awk"
mkdir -p "$CACHE/tools"/{tmp,dev}
[ -e "$CACHE/tools/dev/null" ] || : >"$CACHE/tools/dev/null" # a file does where no device may be made
enter=(chroot)
[ "$(id -u)" -eq 0 ] || enter=(unshare --map-root-user chroot)
"${enter[@]}" "$CACHE/tools" /bin/bash -c "PATH=/usr/bin make -s -C $headers M=/module ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- modules" \
  >"$CACHE/kernel/loopback.log" 2>&1 || fail "v4l2loopback did not build: $CACHE/kernel/loopback.log"
cp "$CACHE/tools/module/v4l2loopback.ko" "$CACHE/kernel/root/lib/modules/$release/"
depmod -b "$CACHE/kernel/root" "$release"
made kernel packaging/arm/kernel.sh
