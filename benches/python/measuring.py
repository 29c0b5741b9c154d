"""What the scripts beside this have in common: their command line, their rounds, and what they print."""

import argparse
import json
import statistics
import sys


def options(doc, rounds):
    """What the command line says; so many rounds, unless it says otherwise."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--rounds", type=positive(int), default=rounds, metavar="N",
                        help="how often each contender is measured (%d)" % rounds)
    parser.add_argument("--seconds", type=positive(float), default=0.3, metavar="S",
                        help="how long each of these measurements takes (0.3)")
    parser.add_argument("--only", nargs=2, metavar=("WHAT", "PEER"), help="measure nothing but this")
    return parser.parse_args()


def positive(kind):
    def number(text):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise ValueError
        return value

    return number


def in_turn(contenders, rounds):
    """The contenders of all rounds, in an order that turns round every time."""
    for number in range(rounds):
        yield from contenders[::-1 if number % 2 else 1]


def report(what, peer, rounds):
    """Prints the line of a measurement, which has taken so many nanoseconds in each of the rounds."""
    print(json.dumps({"what": what, "peer": peer, "ns": round(statistics.median(rounds), 1)}), flush=True)
    print("%s, %s: %.1f to %.1f ns in %d rounds"
          % (what, peer, min(rounds), max(rounds), len(rounds)), file=sys.stderr)
