#!/usr/bin/env bash
# Measures Twisted and asyncio: runs deferred.py, with the arguments given, on the Twisted that
# tests/twisted/requirements.txt pins, in a scratch environment, or in $VENV, which is kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python=$("$here/../../tests/twisted/venv.sh" "${VENV:-$scratch/venv}") || exit 1
"$python" "$here/deferred.py" "$@"
