#!/usr/bin/env bash
# Measures what runs in Python: runs a script beside this one, deferred.py unless the first argument names
# another, with the arguments that are left.
#
#     benches/python/run.sh [deferred.py | calls.py] [--rounds N] [--seconds S] [--only WHAT PEER]
#
# Twisted, uvloop and Tornado go into a scratch environment, or into $VENV, which is kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
script=deferred.py
case "${1:-}" in
*.py)
    script=$1
    shift
    ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python=$("$here/../../tests/twisted/venv.sh" "${VENV:-$scratch/venv}" "$here/requirements.txt") || exit 1
"$python" "$here/$script" "$@"
