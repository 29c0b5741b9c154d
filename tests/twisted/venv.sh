#!/usr/bin/env bash
# Makes a virtual environment with the Twisted that requirements.txt pins, and prints the path of its
# Python.
#
#     tests/twisted/venv.sh DIRECTORY [REQUIREMENTS...]
#
# What further files of requirements ask for, such as benches/python/requirements.txt, is installed as well.
# An environment that is there already is used. $PYTHON is the Python that it is made from (python3).
# Exits with 3, and says why, if this machine cannot: no Python, one that is too old, no pip, or a
# package that is not to be had.
set -euo pipefail

cannot() {
    echo "venv.sh: $*" >&2
    exit 3
}

directory=${1:?usage: venv.sh DIRECTORY [REQUIREMENTS...]}
shift
requirements=("$(cd "$(dirname "$0")" && pwd)/requirements.txt" "$@")
python=${PYTHON:-python3}

if [ ! -x "$directory/bin/python" ]; then
    command -v "$python" >/dev/null || cannot "Python is missing: no '$python'"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 ||
        cannot "Python 3.10 or later is missing: '$python' is $("$python" --version 2>&1 | tail -n 1)"
    "$python" -m venv "$directory" >&2 ||
        cannot "pip is missing: '$python -m venv' makes no environment with it (on Debian, install python3-venv)"
fi
# From the root, so that it is good in any directory.
python=$(cd "$directory/bin" && pwd)/python
"$python" -m pip --version >/dev/null 2>&1 || cannot "pip is missing in $directory"
"$python" -m pip install --quiet --disable-pip-version-check "${requirements[@]/#/--requirement=}" >&2 ||
    cannot "pip cannot install" $(cat "${requirements[@]}")
echo "$python"
