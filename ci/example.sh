#!/usr/bin/env bash
# The README's main command: every loop to every other, then a large file, then each of its errors.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release --example one_library
example=target/release/examples/one_library
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$example"

# 200 MB from each loop to each, in memory that has nothing to do with the size of the file.
head -c 200000000 /dev/urandom >"$scratch/large"
(
    ulimit -d 4000000 # address space of data in KiB: threads' stacks, but not 49 files
    "$example" "$scratch/large"
)

# expect_failure MESSAGE ARGUMENT...: the example must fail and say so.
expect_failure() {
    local message=$1 said
    shift
    if said=$("$example" "$@" 2>&1 >/dev/null); then
        echo "expected a failure: $*" >&2
        exit 1
    fi
    if [[ $said != *"$message"* ]]; then
        echo "expected '$message', got '$said'" >&2
        exit 1
    fi
    echo "fails as it should: $said"
}

expect_failure "cannot read $scratch/missing" "$scratch/missing"
expect_failure "--port takes a number" --port many
expect_failure "cannot listen on port" --port 1 "$scratch/large"
