#!/usr/bin/env bash
# Boots the virtual board: boot.sh PAYLOAD.tar RESULTS.tar [kernel words]. Its console is the standard output.
#
# The processor is emulated: what runs there shows what works, never how fast.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/arm/common.sh
payload=$1 results=$2
shift 2
truncate -s %1M "$payload"
rm -f "$results"
truncate -s 64M "$results"
disk() { echo "-drive if=none,id=$1,format=raw,file=$2 -device virtio-blk-pci,drive=$1"; }
# shellcheck disable=SC2046
exec timeout "${BUNRI_ARM_LIMIT_S:-900}" nice -n 5 qemu-system-aarch64 -M virt -cpu cortex-a72 -accel tcg,thread=multi -smp 2 -m 1536 \
  -nodefaults -display none -serial stdio -no-reboot -nic none $(disk d0 "$payload") $(disk d1 "$results") -device virtio-rng-pci \
  -kernel "$CACHE/kernel/vmlinuz" -initrd "$CACHE/initrd.zst" -append "console=ttyAMA0 rdinit=/init quiet $*" </dev/null
