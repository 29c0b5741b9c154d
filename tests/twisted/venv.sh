#!/usr/bin/env bash
# Makes a virtual environment with the Twisted that requirements.txt pins, and prints the path of its
# Python.
#
#     tests/twisted/venv.sh DIRECTORY
#
# An environment that is there already is used. $PYTHON is the Python that it is made from (python3).
# Exits with 3, and says why, if this machine cannot: no Python, one that is too old, no pip, or no
# Twisted to be had.
set -euo pipefail

cannot() {
    echo "venv.sh: $1" >&2
    exit 3
}

requirements=$(cd "$(dirname "$0")" && pwd)/requirements.txt
directory=${1:?usage: venv.sh DIRECTORY}
python=${PYTHON:-python3}

if [ ! -x "$directory/bin/python" ]; then
    command -v "$python" >/dev/null || cannot "Python is missing: no '$python'"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 ||
        cannot "Python 3.10 or later is missing: '$python' is $("$python" --version 2>&1 | tail -n 1)"
    "$python" -m venv "$directory" >&2 ||
        cannot "pip is missing: '$python -m venv' makes no environment with it (on Debian, install python3-venv)"
fi
python=$directory/bin/python
"$python" -m pip --version >/dev/null 2>&1 || cannot "pip is missing in $directory"
"$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2 ||
    cannot "pip cannot install $(<"$requirements")"
echo "$python"
