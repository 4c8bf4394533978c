#!/usr/bin/env bash
# Puts in place what the build, the tests and the demo need, says what and why, and does nothing the second time.
# Everything comes from package registries: Debian packages through apt, ONNX Runtime out of its PyPI wheel.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "setup: $*" >&2; exit 1; }

command -v cargo >/dev/null || fail "there is no cargo: install a stable Rust toolchain first (rust-version is in Cargo.toml)"
command -v python3 >/dev/null || fail "there is no python3: install it first, it unpacks ONNX Runtime"

# --- Debian packages: name, and why ---------------------------------------------------------------------------------
. scripts/debian.sh
if command -v dpkg-query >/dev/null; then
  need gcc 'compiles SQLite into the ledger'
  need libc6-dev 'headers for that'
  need libclang-dev 'reads the kernel headers for the V4L2 camera'
  need linux-libc-dev 'the kernel headers themselves'
  need mosquitto "the broker that the demo and the tests start for themselves, on loopback"
  need postgresql "the hub's database: its tests start one for themselves, on loopback"
  need chromium 'the browser that the tests look at the pages with'
  need chromium-driver 'drives it'
  need fonts-noto-cjk 'Korean letters in that browser'
  command -v npm >/dev/null || need npm 'fetches axe-core, which finds accessibility faults'
  python3 -m pip --version >/dev/null 2>&1 || need python3-pip 'fetches the ONNX Runtime wheel'
else
  command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] ||
    fail "this is no Debian system: install gcc, libclang, kernel headers, mosquitto, PostgreSQL, chromium, chromedriver, npm and pip by hand, then run make again"
fi
install_missing

# --- axe-core, for the browser tests ----------------------------------------------------------------------------------
axe=tests/browser/node_modules/axe-core
if ! cmp -s tests/browser/package-lock.json "$axe/.installed-by"; then
  echo "setup: axe-core: finds accessibility faults in the pages; pinned in tests/browser/package-lock.json"
  npm ci --prefix tests/browser --silent || fail "npm could not fetch axe-core: is the network up?"
  cp tests/browser/package-lock.json "$axe/.installed-by"
fi

# --- ONNX Runtime ----------------------------------------------------------------------------------------------------
exec python3 scripts/onnxruntime.py .cache/onnxruntime
