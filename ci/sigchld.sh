#!/usr/bin/env bash
# Child processes where the system has no descriptors of them, so that SIGCHLD tells of their end: as on other systems than
# Linux. Its own target directory, as the flag would otherwise rebuild everything here and back again.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg interloop_sigchld" CARGO_TARGET_DIR=target/sigchld
cargo test --locked -p interloop-tokio -p interloop-smol --test conformance -- process:: orphans::
cargo test --locked -p interloop --features process --test descriptors
