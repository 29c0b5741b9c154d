#!/usr/bin/env bash
# Documentation without warnings.
set -euo pipefail
cd "$(dirname "$0")/.."
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --all-features --no-deps
