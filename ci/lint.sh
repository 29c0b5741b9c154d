#!/usr/bin/env bash
# Clippy without warnings, also of the core without its features, and of what only the models compile. `incompatible_msrv` holds the code to
# the Rust version that the workspace states.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/features.sh
cargo clippy --locked --workspace --features "$features" --all-targets -- -D warnings
cargo clippy --locked -p interloop --lib -- -D warnings
export RUSTFLAGS="--cfg interloop_loom" CARGO_TARGET_DIR=target/loom
cargo clippy --locked -p interloop --lib -- -D warnings
cargo clippy --locked -p interloop-models --all-targets -- -D warnings
