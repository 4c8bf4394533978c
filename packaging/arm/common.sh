# Sourced by the scripts of this folder, from the repository's root.
#
# Everything comes from Debian by package names, from the mirror that this machine's own apt uses, and is kept in one
# folder ($BUNRI_ARM_CACHE, else .cache/arm), so that a second run downloads nothing. This machine's apt is not touched:
# other releases and arm64 live in private apt roots.

fail() { echo "arm: $*" >&2; exit 1; }
say() { echo "arm: $*"; }

CACHE=$(realpath -m "${BUNRI_ARM_CACHE:-.cache/arm}")
BOARD_SUITE=bookworm # the oldest system that the binary must run on: Raspberry Pi OS 12 is built from it
TOOLS_SUITE=forky    # its kernel has gpio-sim, its rustc has the standard library for arm64
TARGET=aarch64-unknown-linux-gnu
mkdir -p "$CACHE"

# The mirror that this machine installs its own release from.
mirror() {
  local codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  [ "$(. /etc/os-release && echo "$ID")" = debian ] || fail "this is no Debian system, whose packages this needs"
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
    awk -v release="$codename" '$1 == release && $2 == "main" { print $3; exit }'
}

# apt_root SUITE: a private apt that knows amd64 and arm64 of SUITE and believes that nothing is installed.
apt_root() {
  local root=$CACHE/apt/$1 from
  [ -e "$root/ready" ] && return
  from=$(mirror)
  [ -n "$from" ] || fail "apt names no mirror: run apt-get update first"
  mkdir -p "$root"/{state/lists/partial,cache/archives/partial,etc/preferences.d,etc/apt.conf.d,dpkg}
  : >"$root/dpkg/status"
  echo "deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $from $1 main" >"$root/etc/sources.list"
  cat >"$root/apt.conf" <<CONF
Dir::State "$root/state";
Dir::State::status "$root/dpkg/status";
Dir::Cache "$root/cache";
Dir::Etc "$root/etc";
Dir::Etc::Parts "$root/etc/apt.conf.d";
APT::Architecture "amd64";
APT::Architectures { "amd64"; "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
CONF
  apt-get -c "$root/apt.conf" -qq update || fail "the package lists of $1 could not be fetched"
  touch "$root/ready"
}

# closure SUITE PACKAGE...: the packages that these need, themselves included, as name:architecture.
closure() {
  local suite=$1
  shift
  apt-get -c "$CACHE/apt/$suite/apt.conf" -s install "$@" |
    sed -n -E 's/^Inst ([^ :]+)(:[a-z0-9]+)? .*\[([a-z0-9]+)\]\).*/\1:\3/p' | sed 's/:all$//'
}

# unpack SUITE FOLDER PACKAGE...: downloads packages and lays out their files in FOLDER; nothing of them is run.
unpack() {
  local suite=$1 folder=$2 deb
  shift 2
  mkdir -p "$folder" "$CACHE/debs/$suite" "$CACHE/debs/none"
  # Asked in an empty folder, because apt names no file that it finds in its own.
  (cd "$CACHE/debs/none" && apt-get -c "$CACHE/apt/$suite/apt.conf" -q --print-uris download "$@" | awk '{ print $2 }') >"$folder.files"
  [ -s "$folder.files" ] || fail "apt knows none of: $*"
  # What is there is not fetched again; apt checks the hash of what it fetches.
  (cd "$CACHE/debs/$suite" && nice -n 5 apt-get -c "$CACHE/apt/$suite/apt.conf" -qq download "$@") || fail "a download failed: $*"
  while read -r deb; do dpkg-deb -x "$CACHE/debs/$suite/$deb" "$folder"; done <"$folder.files"
  rm "$folder.files"
}

# once NAME FILE...: whether NAME still has to be made, or was made by other versions of these files. `made` with the same
# words says that it now is.
once() {
  local name=$1
  shift
  [ "$(cat "$CACHE/$name.made" 2>/dev/null)" != "$(cat "$@" | sha256sum)" ]
}
made() {
  local name=$1
  shift
  cat "$@" | sha256sum >"$CACHE/$name.made"
}
