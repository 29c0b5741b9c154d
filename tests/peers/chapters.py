#!/usr/bin/env python3
"""Runs the Python in the chapters of migration/, each piece by itself, but for those that are marked as excerpts.

    chapters.py

Ends with 1, and says which, if one of them fails or takes longer than 30 seconds.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

CHAPTERS = pathlib.Path(__file__).parent.parent.parent / "migration"
PIECE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def pieces():
    for chapter in sorted(CHAPTERS.glob("*.md")):
        text = chapter.read_text(encoding="utf-8")
        for piece in PIECE.finditer(text):
            line = text.count("\n", 0, piece.start()) + 1
            yield f"{chapter.name}:{line}", piece[1]


def fails(piece):
    """What a piece says if it fails."""
    try:
        done = subprocess.run([sys.executable, "-c", piece], capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return "it does not end"
    return done.stderr if done.returncode else None


def main():
    places, codes = zip(*pieces())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [(place, why) for place, why in zip(places, pool.map(fails, codes)) if why is not None]
    for place, why in failed:
        print(f"{place}:\n{why}", file=sys.stderr)
    print(f"chapters: {len(places) - len(failed)} of {len(places)} pieces of Python do what they say")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
