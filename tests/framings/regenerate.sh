#!/usr/bin/env bash
# Makes corpus.jsonl anew: the cases of the seeds from 0 on, with what Twisted makes of them. Twisted goes into a scratch
# environment, or into $VENV, which is kept.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python=$(../twisted/venv.sh "${VENV:-$scratch/venv}")
"$python" framings.py --count 400 >"$scratch/corpus.jsonl"
mv "$scratch/corpus.jsonl" corpus.jsonl
