#!/usr/bin/env python3
"""The side of Python's `websockets` in the examples.

    with_websockets.py client prime_websocket PORT...    talks to servers on these ports, all at once
"""

import asyncio
import sys

import websockets

LARGEST = 2**53 - 1
# Some that are too large for a quick answer.
LARGE = {16777259: True, 16777261: False, 9007199254740881: True, 9007196099250001: False, LARGEST: False}


def is_prime(number):
    return number > 1 and all(number % divisor for divisor in range(2, number))


def expect(what, expected):
    if what != expected:
        raise AssertionError("expected %r, got %r" % (expected, what))


def said_of(number, prime):
    return "%d is %s" % (number, "prime" if prime else "not prime")


async def refused(uri, status):
    try:
        async with websockets.connect(uri):
            raise AssertionError("%s took a WebSocket" % uri)
    except websockets.InvalidStatus as error:
        expect(error.response.status_code, status)


async def prime_websocket(port):
    uri = "ws://127.0.0.1:%d" % port
    async with websockets.connect(uri + "/prime") as socket:
        questions = {str(number): said_of(number, is_prime(number)) for number in range(200)}
        questions.update((str(number), said_of(number, prime)) for number, prime in LARGE.items())
        for wrong in ["", "one", "-7", "7.5", str(LARGEST + 1)]:
            questions[wrong] = "`%s` is no number from 0 to %d" % (wrong, LARGEST)
        for question, answer in questions.items():
            await socket.send(question)
            expect(await socket.recv(), answer)
        # All at once, and each is answered in its turn.
        for question in questions:
            await socket.send(question)
        for answer in questions.values():
            expect(await socket.recv(), answer)
        await socket.send(b"\x07")
        expect(await socket.recv(), "`bytes` is no number from 0 to %d" % LARGEST)
        await (await socket.ping())
    expect(socket.close_code, 1000)
    # A question that is too long ends its connection, and no other.
    async with websockets.connect(uri + "/prime") as other:
        await other.send("7" * 2000)
        try:
            raise AssertionError("a long question was answered by %r" % await other.recv())
        except websockets.ConnectionClosed:
            pass
    await refused(uri + "/elsewhere", 404)


async def talk_to_all(ports):
    await asyncio.gather(*map(prime_websocket, ports))


def main():
    role, example, *ports = sys.argv[1:]
    expect((role, example), ("client", "prime_websocket"))
    asyncio.run(talk_to_all(map(int, ports)))


if __name__ == "__main__":
    main()
