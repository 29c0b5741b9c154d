#!/usr/bin/env bash
# Thousands of connections at once, and one after the other, on every loop, optimized, while both cores of a small machine are busy with
# something else. Nothing may be left of them: no descriptor, no task, no memory.
#
#     ci/hardship.sh [full]
#
# With `full`: 10,000 at once and 100,000 one after the other, on each loop, which takes some minutes. `cargo test` runs the
# same with a few hundred.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = full ]; then
    export INTERLOOP_HARDSHIP_IDLE=10000 INTERLOOP_HARDSHIP_SEQUENTIAL=100000
else
    export INTERLOOP_HARDSHIP_IDLE=2000 INTERLOOP_HARDSHIP_SEQUENTIAL=5000
fi

cargo test --locked --release --workspace --test hardship --no-run

busy=()
trap 'kill "${busy[@]}"' EXIT
for _ in 1 2; do
    while :; do :; done &
    busy+=($!)
done
cargo test --locked --release --workspace --test hardship
