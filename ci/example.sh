#!/usr/bin/env bash
# The README's main command: every loop to every other, then a large file, then each of its errors.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release --example one_library
example=target/release/examples/one_library
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$example"
head -c 200000000 /dev/urandom >"$scratch/large"
"$example" "$scratch/large"

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
expect_failure "ports are left" --port 65535

# A port that is taken, by another run of the same.
"$example" --port 20750 "$scratch/large" >"$scratch/said" &
until (exec 3<>/dev/tcp/127.0.0.1/20750) 2>/dev/null; do
    kill -0 $! # fails if it ended without listening
    sleep 0.05
done
expect_failure "cannot listen on port 20750" --port 20750
wait $!

# A file that changes while it is sent has another digest than the one it began with.
expect_change() {
    head -c 200000000 /dev/zero >"$scratch/changing"
    (sleep 0.5; while printf x >>"$scratch/changing"; do :; done) 2>/dev/null &
    local writer=$!
    expect_failure "is wrong" "$scratch/changing" || { kill $writer; return 1; }
    kill $writer
    wait $writer 2>/dev/null || true
}
expect_change
