#!/usr/bin/env bash
# Boots the machine of image.sh: boot.sh PAYLOAD.tar RESULTS.tar. Its console is the standard output; its disk is as new each time.
#
# With KVM it runs on this machine's processor, without on an emulated one: what works is the same, how fast is not. BUNRI_DEB_KVM=0
# emulates it in any case.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/deb/common.sh
payload=$1 results=$2
# No arch-capabilities: machines that are virtual themselves show this register and do not let it be set.
processor="-cpu max,-arch-capabilities"

# A device file does not mean that it works, within a machine that is virtual itself: a kernel must come up with it.
has_kvm() {
  [ "${BUNRI_DEB_KVM:-1}" != 0 ] && [ -w /dev/kvm ] || return 1
  # shellcheck disable=SC2086
  timeout 10 qemu-system-x86_64 -M q35 $processor -accel kvm -m 256 -nodefaults -display none -serial stdio -no-reboot -nic none \
    -kernel "$CACHE/deb/vmlinuz" -initrd "$CACHE/deb/initrd.zst" \
    -append "console=ttyS0 quiet panic=-1 rdinit=/bin/busybox -- echo deb-kvm-works" </dev/null 2>/dev/null | grep -q '^deb-kvm-works'
}
accelerator="tcg,thread=multi"
! has_kvm || accelerator=kvm

truncate -s %1M "$payload"
rm -f "$results"
truncate -s 64M "$results"
# Nothing here outlives a power cut of this machine, so the disks need not wait for it.
disk() { echo "-drive if=none,id=$1,format=raw,file=$2,snapshot=$3,cache=unsafe -device virtio-blk-pci,drive=$1"; }
# no_timer_check: where the processor is emulated on a busy machine, the kernel takes a late timer for a broken one.
say "booting the machine ($accelerator)"
# shellcheck disable=SC2046,SC2086
exec timeout "${BUNRI_DEB_LIMIT_S:-900}" nice -n 5 qemu-system-x86_64 -M q35 $processor -accel "$accelerator" -smp 2 -m 1536 \
  -nodefaults -display none -serial stdio -no-reboot -nic none \
  $(disk d0 "$CACHE/deb/disk.img" on) $(disk d1 "$payload" on) $(disk d2 "$results" off) -device virtio-rng-pci \
  -kernel "$CACHE/deb/vmlinuz" -initrd "$CACHE/deb/initrd.zst" -append "console=ttyS0 quiet no_timer_check panic=-1 systemd.show_status=false" </dev/null
