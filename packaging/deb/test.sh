#!/usr/bin/env bash
# `make deb-test`: installs the amd64 package on a machine of its own, uses it, upgrades and purges it, and prints a table of checks.
#
# The exit code is 0 only if every check passed. ONLY=GROUP runs one group after the installation (see guest/main.py). Logs:
# target/deb-test. PACKAGE=FILE.deb tests that one instead of building.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/deb/common.sh
packaging/deb/image.sh
package=${PACKAGE:-}
if [ -z "$package" ]; then
  packaging/deb/build.sh amd64
  package=target/debian/bunri_$(version)_amd64.deb
fi

begun=$SECONDS
work=target/deb-test
rm -rf "$work"
payload=$work/root/payload
mkdir -p "$payload/guest"
cp "$package" "$payload/bunri.deb"
# The next version: the same program, and one default that differs, of a file that the crew has not touched.
dpkg-deb --raw-extract "$package" "$work/next"
sed -i "s/^Version: .*/&+next/" "$work/next/DEBIAN/control"
echo '# of the next version' >>"$work/next/etc/default/bunri-ribbon"
dpkg-deb --root-owner-group -Zgzip -z1 --build "$work/next" "$payload/next.deb" >/dev/null
rm -r "$work/next"
cp packaging/arm/guest/{bench,mechanism}.py packaging/deb/guest/*.py "$payload/guest/"
cp -r packaging/deb/guest/stand-ins "$payload/"
mkdir "$payload/clips"
cp -r tests/data/clips/{can,pet-bottle} calibration/demo "$payload/clips/"
mv "$payload/clips/demo" "$payload/demo"
echo "${ONLY:-}" >"$payload/only"
tar cf "$work/payload.tar" -C "$work/root" .
rm -r "$work/root"
say "packed in $((SECONDS - begun)) s"

begun=$SECONDS
packaging/deb/boot.sh "$work/payload.tar" "$work/results.tar" | tee "$work/console.log" || fail "the machine did not end by itself"
mkdir -p "$work/results"
tar xf "$work/results.tar" -C "$work/results" 2>/dev/null || true
rm -f "$work/payload.tar" "$work/results.tar"
say "the machine ran for $((SECONDS - begun)) s; logs: $work"
tr -d '\r' <"$work/console.log" | grep -q '^deb: exit code 0$' || fail "not every check passed"
