#!/usr/bin/env bash
# The machine that `make deb-test` installs the package on: Debian, with systemd as its first process, and a kernel with gpio-sim.
#
# Leaves deb/{vmlinuz,initrd.zst,disk.img} in the cache. The system is the oldest supported one, as a board has it; the kernel is
# forky's, as for the virtual ARM board. No network inside: nothing is downloaded there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/deb/common.sh
. scripts/debian.sh
need qemu-system-x86 'the virtual machine'
need mmdebstrap 'makes its file system'
need e2fsprogs 'and puts it on a disk'
need kmod 'finds which kernel modules need which'
need cpio 'packs what the kernel starts with'
need zstd 'packs it smaller'
need xz-utils 'unpacks kernel modules'
install_missing

once deb packaging/deb/image.sh packaging/deb/guest/init packaging/deb/guest/test.service || exit 0
from=$(mirror)
[ -n "$from" ] || fail "apt names no mirror: run apt-get update first"
apt_root "$TOOLS_SUITE"
apt_root "$BOARD_SUITE"
work=$CACHE/deb
rm -rf "$work"
mkdir -p "$work/root/usr/lib" "$work/start/bin"

say "fetching the kernel"
kernel=$work/kernel
mapfile -t packages < <(closure "$TOOLS_SUITE" linux-image-amd64:amd64 | grep -E '^linux-(base|binary|modules)-[0-9]')
unpack "$TOOLS_SUITE" "$kernel" "${packages[@]}"
ln -sfn usr/lib "$kernel/lib"
release=$(ls "$kernel/lib/modules")
depmod -b "$kernel" "$release"
cp "$(find "$kernel" -type f -name 'vmlinu*' | head -1)" "$work/vmlinuz"

# modules ROOT MODULE...: these and what they need, for the kernel above.
modules() {
  local root=$1 to=$1/usr/lib/modules/$release module file
  shift
  mkdir -p "$to"
  cp "$kernel/lib/modules/$release"/modules.{builtin,builtin.modinfo,order} "$to/"
  for module in "$@"; do modprobe -d "$kernel" -S "$release" --show-depends "$module" | awk '/^insmod/ { print $2 }'; done |
    sort -u | while read -r file; do
      module=$to/${file#*"$release"/}
      mkdir -p "${module%/*}"
      case $file in *.xz) xz -dc "$file" >"${module%.xz}" ;; *) cp "$file" "$module" ;; esac
    done
  ln -sfn usr/lib "$root/lib"
  depmod -b "$root" "$release"
}

say "packing what the kernel starts with"
unpack "$BOARD_SUITE" "$work/busybox" busybox-static:amd64
cp "$work/busybox/bin/busybox" "$work/start/bin/busybox"
modules "$work/start" virtio_pci virtio_blk ext4
cp packaging/deb/guest/init "$work/start/init"
chmod +x "$work/start/init"
(cd "$work/start" && mkdir -p proc sys dev root && find . | cpio -o -H newc --quiet | zstd -q -T2 >"$work/initrd.zst")

say "making the system's disk"
modules "$work/root" configfs gpio-sim vivid virtio_rng
cp packaging/deb/guest/test.service "$work/root/"
cat >"$work/into-root" <<HOOK
set -e
cp -r $work/root/usr/lib/modules "\$1/usr/lib/"
cp $work/root/test.service "\$1/etc/systemd/system/bunri-test.service"
mkdir -p "\$1/etc/systemd/system/multi-user.target.wants"
ln -s ../bunri-test.service "\$1/etc/systemd/system/multi-user.target.wants/"
ln -sf /dev/null "\$1/etc/systemd/system/serial-getty@.service"
ln -sf /dev/null "\$1/etc/systemd/system/systemd-networkd-wait-online.service"
echo bin >"\$1/etc/hostname"
rm -rf "\$1"/usr/share/{doc,man,locale,info} "\$1"/var/cache/apt/* "\$1"/var/lib/apt/lists/*
mkdir -p "\$1"/usr/share/{doc,man}
# Made by mmdebstrap for itself: no service is started in what is not running. On the disk they would keep ours from it.
rm -f "\$1/usr/sbin/policy-rc.d"
[ ! -e "\$1/sbin/start-stop-daemon.REAL" ] || mv "\$1/sbin/start-stop-daemon.REAL" "\$1/sbin/start-stop-daemon"
truncate -s 1200M $work/disk.img
# Bound once more, it is without /proc, /sys and /dev, which mmdebstrap has mounted in it.
mount --bind "\$1" $work/root
mke2fs -q -t ext4 -d $work/root $work/disk.img
umount $work/root
HOOK
nice -n 5 mmdebstrap --quiet --variant=minbase --architectures=amd64 --format=null \
  --include=systemd,systemd-sysv,dbus,udev,kmod,init-system-helpers,python3,procps \
  --aptopt='Apt::Install-Recommends "false"' --customize-hook="bash $work/into-root \"\$1\"" \
  "$BOARD_SUITE" /dev/null "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $from $BOARD_SUITE main" ||
  fail "the system could not be made"
rm -rf "$work/root" "$work/start" "$work/busybox" "$kernel"
made deb packaging/deb/image.sh packaging/deb/guest/init packaging/deb/guest/test.service
