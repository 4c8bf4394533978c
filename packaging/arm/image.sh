#!/usr/bin/env bash
# The virtual board's file system: packages of the oldest supported system, and the kernel modules the tests use.
#
# Leaves initrd.zst in the cache. No package's scripts are run: they are laid out only, so no arm64 code runs here.
set -euo pipefail
cd "$(dirname "$0")/../.."
packaging/arm/kernel.sh
. packaging/arm/common.sh

sources=(packaging/arm/image.sh packaging/arm/guest/init "$CACHE/kernel.made")
once image "${sources[@]}" || exit 0
apt_root "$BOARD_SUITE"
say "packing the virtual board's file system"
root=$CACHE/image
rm -rf "$root"
mapfile -t packages < <(closure "$BOARD_SUITE" busybox-static:arm64 kmod:arm64 mosquitto:arm64 mosquitto-clients:arm64 \
  python3:arm64 udev:arm64 v4l-utils:arm64 | grep ':arm64$')
unpack "$BOARD_SUITE" "$root" "${packages[@]}"
cd "$root"
rm -rf usr/share/{doc,man,locale,bug,lintian,perl5} usr/lib/*/{gconv,perl-base} usr/lib/udev/hwdb.d usr/bin/perl
for folder in bin sbin lib; do # one /usr, as an installed system has it
  mkdir -p "usr/$folder"
  if [ -d "$folder" ] && [ ! -L "$folder" ]; then cp -a "$folder/." "usr/$folder/" && rm -rf "$folder"; fi
  ln -sfn "usr/$folder" "$folder"
done
mkdir -p proc sys dev tmp run root etc var/lib/mosquitto
ln -sfn /run var/run
# Names for busybox's own commands only where no package has the real one.
for command in sh mount mkdir cat ls ln rm cp mv tar ip sleep sync poweroff dmesg kill wget grep sed; do
  [ -e "bin/$command" ] || [ -e "sbin/$command" ] || ln -s busybox "bin/$command"
done
cat >etc/passwd <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
mosquitto:x:100:100::/var/lib/mosquitto:/bin/sh
PASSWD
groups='root tty:5 dialout:20 kmem:15 input:104 sgx:105 video:44 audio:29 render:106 lp:7 disk:6 cdrom:24 tape:26 kvm:107'
for group in $groups; do
  case $group in *:*) echo "${group%:*}:x:${group#*:}:" ;; *) echo "$group:x:0:" ;; esac
done >etc/group
echo 'mosquitto:x:100:' >>etc/group
echo 'hosts: files' >etc/nsswitch.conf
echo '127.0.0.1 localhost' >etc/hosts

kernel=$CACHE/kernel/root
release=$(ls "$kernel/lib/modules")
modules=usr/lib/modules/$release
mkdir -p "$modules"
cp "$kernel/lib/modules/$release"/modules.{builtin,builtin.modinfo,order} "$modules/"
for module in configfs virtio_pci virtio_blk vivid v4l2loopback gpio-sim bunri_board; do
  modprobe -d "$kernel" -S "$release" --show-depends "$module" | awk '/^insmod/ { print $2 }'
done | sort -u | while read -r file; do
  to=$modules/${file#*"$release"/}
  mkdir -p "${to%/*}"
  case $file in *.xz) xz -dc "$file" >"${to%.xz}" ;; *) cp "$file" "$to" ;; esac
done
depmod -b . "$release"
cp "$OLDPWD/packaging/arm/guest/init" init
chmod +x init
find . | cpio -o -H newc --quiet | zstd -q -T2 >"$CACHE/initrd.zst"
cd "$OLDPWD"
made image "${sources[@]}"
