#!/usr/bin/env bash
# Documentation without warnings.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/features.sh
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --features "$features" --no-deps
