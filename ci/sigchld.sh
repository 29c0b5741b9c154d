#!/usr/bin/env bash
# Child processes where the system has no descriptors of them, so that SIGCHLD tells of their end: as on other systems than
# Linux. Its own target directory, as the flag would otherwise rebuild everything here and back again.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg interloop_sigchld" CARGO_TARGET_DIR=target/sigchld
# The list on one loop, as the way there is the core's; that nothing is left open, on each.
cargo test --locked -p interloop -p interloop-smol --features interloop/process --test conformance --test descriptors -- \
    process:: orphans:: nothing_is_left
