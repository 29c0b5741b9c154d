#!/usr/bin/env bash
# Holds interloop to Twisted.
#
#     ci/twisted.sh
#         runs the stored corpus, and compares with the logs in it
#     ci/twisted.sh differential [--if-possible] [N [SEED]]
#         makes N programs (100000) of the seeds from SEED (1000000) on, has the real Twisted run them,
#         and compares; stops at the first chunk that diverges, and keeps its file
#
# `differential` needs Python and pip. Without them it fails, or, with --if-possible, says so and
# succeeds. Twisted goes into a scratch environment, or into $VENV, which is kept. $JOBS is how many
# chunks are made at once (one per core).
set -euo pipefail
case "${VENV:-}" in
'' | /*) ;;
*) VENV=$PWD/$VENV ;;
esac
cd "$(dirname "$0")/.."

usage() {
    echo "usage: ci/twisted.sh [differential [--if-possible] [N [SEED]]]" >&2
    exit 2
}

example=${CARGO_TARGET_DIR:-target}/debug/examples/twisted_conformance

if [ $# -eq 0 ]; then
    cargo build --locked --workspace --example twisted_conformance
    "$example" tests/twisted/corpus.jsonl.gz
    exit
fi

[ "$1" = differential ] || usage
shift
if_possible=
numbers=()
for argument; do
    if [ "$argument" = --if-possible ]; then
        if_possible=1
    elif [[ $argument =~ ^[0-9]{1,15}$ ]]; then
        numbers+=("$((10#$argument))")
    else
        usage
    fi
done
[ ${#numbers[@]} -le 2 ] || usage
count=${numbers[0]:-100000}
seed=${numbers[1]:-1000000}
[ "$count" -gt 0 ] || usage

scratch=$(mktemp -d)
pids=()

# Ends what is still being made, whole process groups of it, and clears up.
finish() {
    local pid
    for pid in ${pids[@]+"${pids[@]}"}; do
        [ -z "$pid" ] || kill -- "-$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if ! python=$(tests/twisted/venv.sh "${VENV:-$scratch/venv}"); then
    if [ -n "$if_possible" ]; then
        echo "ci/twisted.sh: the differential run is SKIPPED: this machine has no Python with Twisted, see above"
        exit 0
    fi
    echo "ci/twisted.sh: the differential run needs Python with Twisted, see above" >&2
    exit 1
fi

# The text of endpoints is taken apart as Twisted does it, and headers of proxies are read.
TWISTED_PYTHON=$python cargo test --locked --workspace --test endpoints twisted

cargo build --locked --workspace --example twisted_conformance
keep=${CARGO_TARGET_DIR:-target}/twisted

jobs=${JOBS:-$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)}
size=$(((count + jobs - 1) / jobs))
[ "$size" -le 5000 ] || size=5000
chunks=$(((count + size - 1) / size))

# first CHUNK, length CHUNK: its first seed, and how many it has.
first() { echo $((seed + $1 * size)); }
length() { echo $(($1 + 1 < chunks ? size : count - $1 * size)); }

# make CHUNK: its programs, with Twisted's logs.
make() {
    "$python" tests/twisted/gen.py --seed-start "$(first "$1")" --count "$(length "$1")" |
        "$python" tests/twisted/run_twisted.py >"$scratch/$1.jsonl"
}

# stop CHUNK MESSAGE: keeps the chunk, says where, and fails.
stop() {
    local begin kept
    begin=$(first "$1")
    kept=$keep/seeds-$begin-$((begin + $(length "$1") - 1)).jsonl
    mkdir -p "$keep"
    mv "$scratch/$1.jsonl" "$kept"
    tail -n 50 "$scratch/said"
    {
        echo "ci/twisted.sh: STOPPED: $2"
        echo "The programs, with Twisted's logs, are in $kept; to run them again:"
        echo "    cargo run --release --example twisted_conformance -- $kept"
    } >&2
    exit 1
}

echo "$count programs of the seeds from $seed on, in $chunks chunks of up to $size, $jobs at once"
begun=$SECONDS
total=0 agree=0 diverge=0 excluded=0
for ((chunk = 0; chunk < chunks; chunk++)); do
    # As many ahead as there are cores; they are compared in order.
    while ((${#pids[@]} < chunks && ${#pids[@]} < chunk + jobs)); do
        ahead=${#pids[@]}
        set -m # in a process group of its own
        make "$ahead" 2>"$scratch/$ahead.errors" &
        set +m
        pids+=("$!")
    done
    if ! wait "${pids[chunk]}"; then
        cat "$scratch/$chunk.errors" >&2
        echo "ci/twisted.sh: could not make the programs from seed $(first "$chunk") on" >&2
        exit 1
    fi
    pids[chunk]=

    status=0
    "$example" "$scratch/$chunk.jsonl" >"$scratch/said" || status=$?
    summary=$(tail -n 1 "$scratch/said")
    where="the $(length "$chunk") programs from seed $(first "$chunk") on"
    [[ $summary =~ ^([0-9]+)\ programs,\ ([0-9]+)\ agree,\ ([0-9]+)\ diverge,\ ([0-9]+)\ excluded$ ]] ||
        stop "$chunk" "on $where the example ended with $status, and without a summary"
    [ "${BASH_REMATCH[3]}" -eq 0 ] || stop "$chunk" "${BASH_REMATCH[3]} of $where diverge from Twisted"
    [ "$status" -eq 0 ] || stop "$chunk" "on $where the example ended with $status"
    [ "${BASH_REMATCH[1]}" -eq "$(length "$chunk")" ] || stop "$chunk" "the example did not see all of $where"
    total=$((total + BASH_REMATCH[1]))
    agree=$((agree + BASH_REMATCH[2]))
    diverge=$((diverge + BASH_REMATCH[3]))
    excluded=$((excluded + BASH_REMATCH[4]))
    echo "from seed $(first "$chunk"): $summary"
    rm "$scratch/$chunk.jsonl" "$scratch/$chunk.errors"
done
echo "on $(<tests/twisted/requirements.txt), in $((SECONDS - begun)) s:"
echo "$total programs, $agree agree, $diverge diverge, $excluded excluded"
