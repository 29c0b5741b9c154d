#!/usr/bin/env bash
# Runs every benchmark once, to see that it runs. With `full`, prints the tables of benches/README.md,
# which takes most of an hour on a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = full ]; then
    cargo run --locked --release -p interloop-benches --bin allocations
    for benchmark in deferred callbacks foreign spawn calls timers curl context hyper; do
        cargo run --locked --release -p interloop-benches --bin report -- "$benchmark"
    done
    for table in echo udp memory syscalls; do
        cargo bench --locked -p interloop-benches --features shims --bench network -- "$table"
    done
    for table in echo memory; do
        cargo bench --locked -p interloop-benches --bench lines -- "$table"
    done
else
    cargo bench --locked -p interloop-benches --features shims -- --test
fi
