#!/usr/bin/env python3
"""Bytes cut at random places, and what Twisted's receivers make of them.

    framings.py --seed-start SEED --count N

Prints N cases as lines of JSON, the case of each seed always the same:

    kind       lines, line_only, netstrings, int8, int16 or int32
    delimiter  of lines, in hexadecimal
    max        MAX_LENGTH
    pieces     the bytes, in hexadecimal, as they come
    events     what was called: ["frame", bytes], ["raw", bytes], or ["refused"] where it ends

Lines can say something: `RAW n` goes over to raw mode for the n bytes that follow, and `PAUSE` pauses the receiver
until the piece is done with. Raw bytes that come in several calls count as one, as their cuts follow from the pieces.
"""

import argparse
import json
import random

from twisted.internet.testing import StringTransport
from twisted.protocols import basic


class Noting:
    """What all receivers here have in common."""

    raw = 0

    def note(self, *event):
        if event[0] == "raw" and self.events and self.events[-1][0] == "raw":
            self.events[-1][1] += event[1]
        else:
            self.events.append(list(event))

    def refuse(self):
        self.note("refused")
        self.transport.loseConnection()

    def line(self, line):
        self.note("frame", line.hex())
        if line == b"PAUSE":
            self.pauseProducing()
        elif line.startswith(b"RAW ") and line[4:].isdigit():
            self.raw = int(line[4:])
            self.setRawMode()

    def stringReceived(self, string):
        self.note("frame", string.hex())

    def rawDataReceived(self, data):
        taken, rest = data[: self.raw], data[self.raw :]
        self.raw -= len(taken)
        if taken:
            self.note("raw", taken.hex())
        if rest or not self.raw:
            self.setLineMode(rest)

    def lineLengthExceeded(self, line):
        self.refuse()

    def lengthLimitExceeded(self, length):
        self.refuse()

    def _handleParseError(self):
        self.refuse()


class Lines(Noting, basic.LineReceiver):
    lineReceived = Noting.line


class LineOnly(Noting, basic.LineOnlyReceiver):
    def lineReceived(self, line):
        self.note("frame", line.hex())


class Netstrings(Noting, basic.NetstringReceiver):
    pass


class Int8(Noting, basic.Int8StringReceiver):
    pass


class Int16(Noting, basic.Int16StringReceiver):
    pass


class Int32(Noting, basic.Int32StringReceiver):
    pass


KINDS = {
    "lines": Lines,
    "line_only": LineOnly,
    "netstrings": Netstrings,
    "int8": Int8,
    "int16": Int16,
    "int32": Int32,
}
PREFIXES = {"int8": 1, "int16": 2, "int32": 4}


def events(case):
    receiver = KINDS[case["kind"]]()
    receiver.events = []
    receiver.MAX_LENGTH = case["max"]
    receiver.delimiter = bytes.fromhex(case["delimiter"])
    receiver.makeConnection(StringTransport())
    for piece in case["pieces"]:
        receiver.dataReceived(bytes.fromhex(piece))
        while getattr(receiver, "paused", False):
            receiver.resumeProducing()
        if receiver.transport.disconnecting:
            break
    return receiver.events


def some_bytes(rng, length, alphabet):
    return bytes(rng.choice(alphabet) for _ in range(length))


def message(rng, case):
    """A message as it is sent, and now and then something that is none."""
    kind, delimiter = case["kind"], bytes.fromhex(case["delimiter"])
    # Now and then as long as the limit, or a little longer.
    length = case["max"] + rng.randint(-1, 2) if rng.random() < 0.1 else rng.randint(0, case["max"] - 1)
    if kind in ("lines", "line_only"):
        chance = rng.random()
        if kind == "lines" and chance < 0.1:
            return b"PAUSE" + delimiter
        if kind == "lines" and chance < 0.25:
            raw = some_bytes(rng, rng.randint(0, 20), b"ab\r\n-")
            return b"RAW %d" % len(raw) + delimiter + raw
        return some_bytes(rng, length, b"ab\r\n-") + delimiter
    body = some_bytes(rng, length, b"ab0,:\x00\xff")
    if kind == "netstrings":
        if rng.random() < 0.04:
            return rng.choice([b"x", b":", b"01:a,", b"1:ab", b"-1:", b" 1:a,", b"1 :a,", b"00:,", b"9999999", b"2:a,"])
        return b"%d:" % len(body) + body + b","
    size = PREFIXES[kind]
    if size == 1:
        body = body[:255]
    return len(body).to_bytes(size, "big") + body


def generate(seed):
    rng = random.Random(seed)
    kind = rng.choice([*KINDS, "lines"])
    # With more than one byte, Twisted's LineOnlyReceiver counts the beginning of a delimiter as part of the line.
    delimiter = b"\n" if kind == "line_only" else rng.choice([b"\r\n", b"\n", b"--", b"\n-\n"])
    case = {"seed": seed, "kind": kind, "delimiter": delimiter.hex(), "max": rng.choice([8, 12, 30, 100])}
    whole = b"".join(message(rng, case) for _ in range(rng.randint(1, 8)))
    if rng.random() < 0.3:
        whole = whole[: rng.randint(0, len(whole))]
    cuts = rng.randint(0, 8) if rng.random() < 0.8 else len(whole)
    places = sorted({0, len(whole), *(rng.randint(0, len(whole)) for _ in range(cuts))})
    case["pieces"] = [whole[begin:end].hex() for begin, end in zip(places, places[1:])]
    case["events"] = events(case)
    return case


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed-start", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    for seed in range(options.seed_start, options.seed_start + options.count):
        print(json.dumps(generate(seed), separators=(",", ":")))


if __name__ == "__main__":
    main()
