#!/usr/bin/env bash
# `make arm-test`: builds for arm64, boots the virtual board, runs the real program there and prints a table of checks.
#
# The exit code is 0 only if every check passed. ONLY=GROUP runs one group (see guest/main.py). Logs: target/arm-test.
set -euo pipefail
cd "$(dirname "$0")/../.."
packaging/arm/image.sh
. packaging/arm/common.sh
begun=$SECONDS
built=${BUNRI_ARM_TARGET:-target/arm}/$TARGET/board/bunri
packaging/arm/cross.sh build --profile board --bin bunri
python3 scripts/onnxruntime.py .cache/onnxruntime-arm64 aarch64
say "built in $((SECONDS - begun)) s"

work=target/arm-test
rm -rf "$work"
payload=$work/root/payload
mkdir -p "$payload/models" "$payload/calibration"
cp "$built" .cache/onnxruntime-arm64/libonnxruntime.so "$payload/"
cp -r models/bunri-lite0 "$payload/models/"
cp -r calibration/demo calibration/rigs "$payload/calibration/"
cp -r tests/data/clips packaging/arm/guest packaging/udev "$payload/"
packaging/arm/certificates.sh "$payload/tls"
tar cf "$work/payload.tar" -C "$work/root" .
rm -r "$work/root"

begun=$SECONDS
packaging/arm/boot.sh "$work/payload.tar" "$work/results.tar" "arm_only=${ONLY:-}" | tee "$work/console.log" || fail "the board did not end by itself"
mkdir -p "$work/results"
tar xf "$work/results.tar" -C "$work/results" 2>/dev/null || true
rm -f "$work/payload.tar" "$work/results.tar"
say "the board ran for $((SECONDS - begun)) s; logs: $work"
tr -d '\r' <"$work/console.log" | grep -q '^arm: exit code 0$' || fail "not every check passed"
