#!/usr/bin/env bash
# Certificates of the board test: certificates.sh FOLDER makes an authority, what it signed for broker and bin, and another authority.
set -euo pipefail
mkdir -p "$1"
cd "$1"
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3)
for authority in ca other-ca; do
  openssl req -x509 "${key[@]}" -subj "/CN=$authority of the board test" -keyout "$authority.key" -out "$authority.pem" 2>/dev/null
done
signed() { # NAME COMMON-NAME EXTENSION
  openssl req "${key[@]:0:5}" -subj "/CN=$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3 -extfile <(echo "$3") -out "$1.pem" 2>/dev/null
}
signed broker localhost 'subjectAltName=DNS:localhost'
signed bin arm-test-bin 'extendedKeyUsage=clientAuth'
rm ./*.csr ca.key other-ca.key
