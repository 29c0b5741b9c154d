#!/usr/bin/env bash
# Clippy without warnings, also of what only the models compile. `incompatible_msrv` holds the code to
# the Rust version that the workspace states.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo clippy --locked --workspace --all-targets -- -D warnings
RUSTFLAGS="--cfg interloop_loom" cargo clippy --locked --target-dir target/loom -p interloop --lib --test loom -- -D warnings
