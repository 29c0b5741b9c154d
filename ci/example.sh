#!/usr/bin/env bash
# The README's main command: every loop to every other, then a large file, then each of its errors. After that the small
# examples, each on every loop.
set -euo pipefail
cd "$(dirname "$0")/.."
small=(display_date queue_workers undo_send background_job watch_files)
# These are run by peers.sh.
protocols=(line_echo netstring_rpc chat_rooms smtp_dialogue memcached port_step1 port_step2 port_step3 port_step4)
http=(json_time axum_app reverse_proxy prime_websocket blocking_handler)
built=(one_library many_transfers "${small[@]}" "${protocols[@]}" "${http[@]}")
# As the tests of the workspace build them, which then need not be done again.
cargo build --locked --workspace "${built[@]/#/--example=}" --bin interloop-example-c-library
bin=${CARGO_TARGET_DIR:-target}/debug
example=$bin/examples/one_library
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

# expect TEXT EXAMPLE ARGUMENT...: the example must end well within 20 seconds, and say so. What it says is in `said`.
expect() {
    local text=$1 name=$2
    shift 2
    said=$(timeout 20 "$bin/examples/$name" "$@")
    if [[ $said != *"$text"* ]]; then
        echo "$name $*: expected '$text', got '$said'" >&2
        exit 1
    fi
    echo "$name $*: $text"
}

for event_loop in tokio tokio_current_thread smol async_std futures; do
    before=$(date -u +%F)
    expect ":" display_date --loop $event_loop --seconds 2
    # Midnight may have come meanwhile.
    if [[ $said != "$before "*$'\n'* && $said != *$'\n'"$(date -u +%F) "* ]]; then
        echo "expected today's date twice, got '$said'" >&2
        exit 1
    fi
    expect "fetched 100 pages" queue_workers --loop $event_loop --pages 100
    expect "out it goes: Come at eight." undo_send --loop $event_loop --seconds 1
    if [[ $said == *"out it goes: I quit!"* ]]; then
        echo "what was undone went out: $said" >&2
        exit 1
    fi
    expect "server: all jobs have ended" background_job --loop $event_loop --milliseconds 100
    expect "made 200 files, and saw 200" watch_files --loop $event_loop --files 200
    expect "shut down, with 0 connections cut" json_time --loop $event_loop --requests 3
    expect 'added 1 to 100, and was answered {"sum":5050}' axum_app --loop $event_loop --requests 100
    expect "asked about 100 numbers, of which 25 are prime" prime_websocket --loop $event_loop --requests 100
    expect "20 threads were answered" blocking_handler --loop $event_loop --requests 20
    echo "${said##*$'\n'}"
    expect "20 threads were answered" blocking_handler --loop $event_loop --requests 20 --at-once 5
    for client_loop in tokio tokio_current_thread smol async_std futures; do
        expect "200 requests crossed the border and came back" \
            reverse_proxy --loop $event_loop --client-loop $client_loop --requests 200
    done
done

# Wrong arguments are exit code 2, and a message that says what to write.
for name in "${small[@]}" "${http[@]}" "${protocols[@]}"; do
    for wrong in "--loop tokyo" "--loop" "--seconds many" "file"; do
        code=0
        said=$("$bin/examples/$name" $wrong 2>&1 >"$scratch/out") || code=$?
        if [[ $code != 2 || $said != "error: "*"usage: $name"* || -s $scratch/out ]]; then
            echo "$name $wrong: exit code $code, '$said'" >&2
            exit 1
        fi
    done
    echo "$name refuses wrong arguments"
done

# The library for C, and the program in C that uses it.
"$bin/interloop-example-c-library" | tail -n 1 | grep "has said what it was expected to"

# Transfers by libcurl, and what it says of wrong arguments.
said=$(timeout 60 "$bin/examples/many_transfers")
if [[ $said != *"6 of 6 loops verified"* ]]; then
    echo "many_transfers: expected all loops verified, got '$said'" >&2
    exit 1
fi
echo "many_transfers: 6 of 6 loops verified"
for wrong in "--transfers 0" "--bytes" "--loops 3"; do
    code=0
    said=$("$bin/examples/many_transfers" $wrong 2>&1 >"$scratch/out") || code=$?
    if [[ $code != 2 || $said != "error: "*"usage: many_transfers"* || -s $scratch/out ]]; then
        echo "many_transfers $wrong: exit code $code, '$said'" >&2
        exit 1
    fi
done
echo "many_transfers refuses wrong arguments"
