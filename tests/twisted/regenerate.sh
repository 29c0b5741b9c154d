#!/usr/bin/env bash
# Runs every program of corpus.jsonl.gz again, on the real Twisted, and compares what it gives with what
# is stored: the logs and the tags. Exits with 1 if anything differs.
#
#     tests/twisted/regenerate.sh [--write]
#
# With --write, what Twisted gave now replaces the stored file. Twisted goes into a scratch environment,
# or into $VENV, which is kept.
set -euo pipefail

write=
case "${1:-}" in
'') ;;
--write) write=1 ;;
*)
    echo "usage: regenerate.sh [--write]" >&2
    exit 2
    ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
corpus=$here/corpus.jsonl.gz
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$corpus.new"' EXIT

python=$("$here/venv.sh" "${VENV:-$scratch/venv}") || exit 1
gzip -dc "$corpus" >"$scratch/stored"
"$python" "$here/run_twisted.py" <"$scratch/stored" >"$scratch/now" || {
    echo "regenerate.sh: run_twisted.py failed" >&2
    exit 1
}

differs=0
"$python" - "$scratch/stored" "$scratch/now" <<'PYTHON' || differs=1
import json
import sys
from importlib.metadata import version

stored, now = (open(path, encoding="utf-8").read().splitlines() for path in sys.argv[1:])
if len(stored) != len(now):
    sys.exit("%d programs are stored, %d were run" % (len(stored), len(now)))
different = [(json.loads(old), json.loads(new)) for old, new in zip(stored, now) if old != new]
for old, new in different[:10]:
    parts = [part for part in old["expect"] if old["expect"][part] != new["expect"][part]]
    parts += [part for part in ("program", "tags") if old[part] != new[part]]
    print("seed %d differs in %s" % (old["program"]["seed"], ", ".join(parts) or "its spelling"))
if len(different) > 10:
    print("... and %d more" % (len(different) - 10))
print("%d of %d programs identical, Twisted %s, Python %d.%d"
      % (len(stored) - len(different), len(stored), version("twisted"), *sys.version_info[:2]))
sys.exit(bool(different))
PYTHON

if [ -n "$write" ]; then
    gzip -9 -n <"$scratch/now" >"$corpus.new"
    mv "$corpus.new" "$corpus"
    echo "written: $corpus"
    exit 0
fi
exit "$differs"
