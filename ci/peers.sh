#!/usr/bin/env bash
# Drives the examples of protocols, on every loop, by clients and servers that run in Python: Twisted's, asyncio's, a stock client of
# memcached, and a real memcached if there is one. A server of WebSockets is asked by Python's websockets, and by a page in chromium,
# if there is one or $CHROMIUM names it. Then has Twisted's own receivers cut up bytes that are in no stored corpus. The Python in the chapters
# of migration/ is run, too.
#
#     ci/peers.sh [--if-possible] [N [SEED]]
#
# N cases (2000) of the seeds from SEED (1000000) on. Python and pip are needed. Without them it fails, or, with --if-possible, says so and
# succeeds. What it installs goes into a scratch environment, or into $VENV, which is kept.
set -euo pipefail
case "${VENV:-}" in
'' | /*) ;;
*) VENV=$PWD/$VENV ;;
esac
cd "$(dirname "$0")/.."

if_possible=
if [ "${1:-}" = --if-possible ]; then
    if_possible=1
    shift
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if ! python=$(tests/twisted/venv.sh "${VENV:-$scratch/venv}" tests/peers/requirements.txt); then
    if [ -n "$if_possible" ]; then
        echo "ci/peers.sh: SKIPPED: this machine has no Python with Twisted, see above"
        exit 0
    fi
    echo "ci/peers.sh: Python with Twisted is needed, see above" >&2
    exit 1
fi

examples=(line_echo netstring_rpc chat_rooms smtp_dialogue memcached port_step1 port_step2 port_step3 port_step4 prime_websocket)
cargo build --locked --workspace "${examples[@]/#/--example=}"
"$python" tests/peers/chapters.py
begun=$SECONDS
"$python" tests/peers/drive.py "${CARGO_TARGET_DIR:-target}/debug/examples"

"$python" tests/framings/framings.py --count "${1:-2000}" --seed-start "${2:-1000000}" >"$scratch/framings.jsonl"
INTERLOOP_FRAMINGS=$scratch/framings.jsonl cargo test --locked --workspace --test framings -- --quiet
echo "all peers have been talked to, and ${1:-2000} framings compared, in $((SECONDS - begun)) s"
