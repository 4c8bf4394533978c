#!/usr/bin/env bash
# `make deb`: the Debian packages, in target/debian. build.sh [ARCHITECTURE...] (amd64 and arm64 unless named).
#
# VERSION= gives another version than Cargo.toml's. arm64 is compiled here, on amd64 (packaging/arm/cross.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/deb/common.sh
. scripts/debian.sh
need dpkg-dev 'looks into packages'
need binutils 'strips programs'
install_missing
tool cargo-deb 3.8.0
tool cargo-cyclonedx 0.5.9
[ "$(dpkg --print-architecture)" = amd64 ] || fail "packages are built on amd64 only"

root=target/deb/root # where Cargo.toml's list of the package's files looks
version=${VERSION:-$(version)}

# The manual and the completions are the same for each architecture, and only this machine's program runs here.
begun=$SECONDS
"${CARGO:-cargo}" build --release --locked --bin bunri
rm -rf target/deb
mkdir -p target/deb/manual
target/release/bunri manual target/deb/manual

# What the oldest supported system lacks must not be asked for: Cargo.toml's `depends` has the same number.
needs_glibc() { "$1" -T "$2" | grep -o 'GLIBC_2\.[0-9]*' | sort -uV | tail -1 | cut -d_ -f2; }

package() {
  local architecture=$1 machine=$2 triple=$3 built=$4 tools=$5 runtime=$6 rig file page
  rm -rf "$root"
  mkdir -p "$root/share"/{bunri/rigs,doc/bunri,man/man1,bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
  # Function names stay, for a crash report from the street; lines are in the file beside the package.
  "${tools}objcopy" --only-keep-debug --compress-debug-sections=zlib "$built" "target/deb/bunri_${version}_$architecture.debug"
  "${tools}strip" --strip-debug -o "$root/bunri" "$built"
  cp "$runtime"/{libonnxruntime.so,LICENSE,ThirdPartyNotices.txt} "$root/"
  for file in bunri libonnxruntime.so; do
    local glibc
    glibc=$(needs_glibc "${tools}objdump" "$root/$file")
    [ "$(printf '%s\n' "$glibc" 2.34 | sort -V | tail -1)" = 2.34 ] || fail "$file for $architecture needs glibc $glibc; Cargo.toml promises 2.34"
  done

  cp -r "$BUNDLE" "$root/bundle"
  python3 packaging/deb/inventory.py "$machine" "$root"
  rm -f "$root"/bundle/{report.json,confusion.png}
  mv "$root/bundle" "$root/share/bunri/bundle"
  cp calibration/rules.toml calibration/*.schema.json "$root/share/bunri/"
  cp -r calibration/rigs/. "$root/share/bunri/rigs"
  # In the repository a rig finds the bundle beside it.
  for rig in "$root"/share/bunri/rigs/*/bunri.toml; do
    sed -i 's|^bundle = .*|bundle = "/usr/share/bunri/bundle"|' "$rig"
    grep -q '^bundle = "/usr/share/bunri/bundle"$' "$rig" || fail "$rig names no bundle"
  done
  for page in docs/{INSTALL,BOARD,BUNDLES,CREW,SAFETY,SCREEN,TEACH,UPLINK}.md hub/CONTRACT.md; do cp "$page" "$root/share/doc/bunri/"; done
  mv "$root/licences.txt" "$root/bunri.cdx.json" "$root/share/doc/bunri/"
  gzip -9n "$root/share/doc/bunri/licences.txt"
  gzip -9nc CHANGELOG.md >"$root/share/doc/bunri/changelog.gz"
  for page in target/deb/manual/*.1; do gzip -9nc "$page" >"$root/share/man/man1/${page##*/}.gz"; done
  cp target/deb/manual/bunri.bash "$root/share/bash-completion/completions/bunri"
  cp target/deb/manual/_bunri "$root/share/zsh/vendor-completions/"
  cp target/deb/manual/bunri.fish "$root/share/fish/vendor_completions.d/"

  PATH=$PWD/.cache/tools/bin:$PATH nice -n 5 cargo-deb --quiet --no-build --no-strip --locked --target "$triple" --deb-version "$version" \
    --output "target/debian/bunri_${version}_$architecture.deb"
  say "target/debian/bunri_${version}_$architecture.deb, $(du -h "target/debian/bunri_${version}_$architecture.deb" | cut -f1)"
}

mkdir -p target/debian
[ $# -gt 0 ] || set -- amd64 arm64
for architecture in "$@"; do
  case $architecture in
  amd64)
    python3 scripts/onnxruntime.py .cache/onnxruntime x86_64
    package amd64 x86_64 x86_64-unknown-linux-gnu target/release/bunri "" .cache/onnxruntime
    ;;
  arm64)
    packaging/arm/cross.sh build --release --bin bunri
    python3 scripts/onnxruntime.py .cache/onnxruntime-arm64 aarch64
    package arm64 aarch64 aarch64-unknown-linux-gnu "${BUNRI_ARM_TARGET:-target/arm}/$TARGET/release/bunri" aarch64-linux-gnu- .cache/onnxruntime-arm64
    ;;
  *) fail "there is no package for $architecture, only for amd64 and arm64" ;;
  esac
done
say "built in $((SECONDS - begun)) s"
