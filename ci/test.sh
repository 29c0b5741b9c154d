#!/usr/bin/env bash
# The README's test command. It includes the documentation's examples, those of README.md and of migration/ among them.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --locked --workspace
