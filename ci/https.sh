#!/usr/bin/env bash
# The transfers of interloop-curl over TLS and HTTP/2, on every loop: with the system's OpenSSL, or, where that cannot be built
# against, with one that is built from source, which takes minutes and needs perl and make.
#
#     ci/https.sh [system|source]
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-}
if [ -z "$kind" ]; then
    kind=source
    if pkg-config --exists openssl 2>/dev/null; then
        kind=system
    fi
fi
case $kind in
    system) features=interloop-curl/ssl ;;
    source) features=interloop-curl/static-ssl ;;
    *)
        echo "https.sh: no such kind of OpenSSL: $kind" >&2
        exit 2
        ;;
esac
# With the features of the whole workspace, so that next to nothing is built again.
cargo test --locked --workspace --features "$features,interloop-curl/http2" --test https
