# Sourced by the scripts of this folder, from the repository's root. Debian packages come as for the virtual ARM board.
. packaging/arm/common.sh

fail() { echo "deb: $*" >&2; exit 1; }
say() { echo "deb: $*"; }

BUNDLE=models/bunri-lite0 # what ships as the factory's; on a bin it is /usr/share/bunri/bundle, whatever its name

# tool NAME VERSION: a cargo tool in the cache, pinned, built once.
tool() {
  grep -qs "\"$1 $2 " .cache/tools/.crates2.json && return
  say "building $1 $2, which no registry has as a program"
  nice -n 5 "${CARGO:-cargo}" install --quiet --locked --root .cache/tools "$1@$2" || fail "cargo could not install $1 $2"
}

version() { sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1; }
