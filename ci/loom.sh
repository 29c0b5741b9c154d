#!/usr/bin/env bash
# Model-checks the deferred, the callbacks and their streams, and connections: runs tests/models in every
# interleaving that loom can tell apart, with up to LOOM_MAX_PREEMPTIONS involuntary switches between
# threads. Its own target directory, as the flag would otherwise rebuild everything here and back again.
set -euo pipefail
cd "$(dirname "$0")/.."
export LOOM_MAX_PREEMPTIONS="${LOOM_MAX_PREEMPTIONS:-3}"
RUSTFLAGS="--cfg interloop_loom" cargo test --locked --release --target-dir target/loom -p interloop-models "$@"
