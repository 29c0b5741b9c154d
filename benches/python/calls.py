#!/usr/bin/env python3
"""What the loops of asyncio, uvloop, Tornado and Twisted take for the calls that benches/ measures of interloop.

    calls.py [--rounds N] [--seconds S] [--only WHAT PEER]

Prints a line of JSON for each measurement, {"what": ..., "peer": ..., "ns": ...}, with ns the median of
the rounds, per call. Every round measures each contender once, for S seconds but at least a whole batch;
the collector of cycles runs as it always does. With --only, the rounds are in this process, after a tenth
of a batch that does not count. Without, each is in a process of its own, as a reactor of Twisted runs only
once, and none is to inherit the heap of another one; the order turns round every time. Needs uvloop,
Tornado and Twisted, or the one that is measured.

what                      ns for one of
call_soon_posted          1,000,000 calls that the loop's own thread posts, and that are run then
call_soon_chained         1,000,000 calls that each post the next one
call_soon_thread          200,000 calls that another thread posts while the loop runs
call_later_100k           100,000 delayed calls, due within a second, that are made and run: CPU time
call_later_1m             1,000,000 of them
call_later_cancelled_1m   1,000,000 delayed calls, due after one to two seconds, that are made and then
                          cancelled; with the turn of the loop in which it forgets them

The first two of the delayed calls go by the names that they have in Rust, too: call_later_100k_tokio and
call_later_1m_tokio.

A call counts itself down, and the last one completes what the measurement waits for. How they are made:

peer      by its own thread    by another one          delayed
asyncio   call_soon            call_soon_threadsafe    call_later
uvloop    call_soon            call_soon_threadsafe    call_later
tornado   add_callback         add_callback            (are asyncio's, and not measured)
twisted   callLater(0, ...)    callFromThread          callLater

callLater(0, ...) is what Twisted's documentation tells those to use who are in the reactor's thread already.
callFromThread works there too, and took half as long in call_soon_posted.

Much of call_soon_posted is the collector, which walks through all calls that are pending, again and again.
Without it, on Python 3.11, asyncio took 0.4 of the time, uvloop 0.2, Tornado 0.3 and Twisted 0.5. It is
left on as programs leave it on. Where few calls pend, it hardly matters.

Another thread posts fewer because asyncio, Tornado and Twisted write to a pipe or a socket for each call,
so that a million take 5 seconds and more; per call, asyncio's 10,000 and 300,000 were within a fifth of
each other.
"""

import functools
import json
import subprocess
import sys
import threading
import time
from typing import Callable, NamedTuple

import measuring


class Loop(NamedTuple):
    """A loop, by what is measured of it."""

    # Runs a coroutine to its end, and returns its result. Once only.
    run: Callable
    # Returns what a coroutine can wait for, and the function that completes it.
    completion: Callable
    call_soon: Callable
    call_soon_threadsafe: Callable
    call_later: Callable


def on_asyncio():
    import asyncio

    return of_asyncio(asyncio.new_event_loop())


def on_uvloop():
    import uvloop

    return of_asyncio(uvloop.new_event_loop())


def of_asyncio(loop):
    def completion():
        future = loop.create_future()
        return future, functools.partial(future.set_result, None)

    return Loop(loop.run_until_complete, completion, loop.call_soon, loop.call_soon_threadsafe, loop.call_later)


def on_tornado():
    from tornado.ioloop import IOLoop

    loop = IOLoop(make_current=False)
    return of_asyncio(loop.asyncio_loop)._replace(
        run=lambda coroutine: loop.run_sync(lambda: coroutine),
        call_soon=loop.add_callback,
        call_soon_threadsafe=loop.add_callback,
    )


def on_twisted():
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    def completion():
        deferred = Deferred()
        return deferred, functools.partial(deferred.callback, None)

    def run(coroutine):
        ended = []

        def start():
            Deferred.fromCoroutine(coroutine).addBoth(end)

        def end(result):
            ended.append(result)
            reactor.stop()

        reactor.callWhenRunning(start)
        reactor.run()
        [result] = ended
        if hasattr(result, "raiseException"):
            result.raiseException()
        return result

    call_soon = functools.partial(reactor.callLater, 0)
    return Loop(run, completion, call_soon, reactor.callFromThread, reactor.callLater)


PEERS = {"asyncio": on_asyncio, "uvloop": on_uvloop, "tornado": on_tornado, "twisted": on_twisted}


def countdown(calls, complete):
    """What is to be called so many times, and completes then."""

    def call():
        nonlocal calls
        calls -= 1
        if not calls:
            complete()

    return call


def delays(count):
    """Delays, in seconds, spread over one second, the same every time: those of benches/timers.rs."""
    state, spread = 7, []
    for _ in range(count):
        state = (state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        spread.append((state >> 33) / 2**31)
    return spread


# Each batch makes so many calls, and returns what that took by the clock.


async def posted(loop, calls, clock):
    completion, complete = loop.completion()
    call, call_soon = countdown(calls, complete), loop.call_soon
    begun = clock()
    for _ in range(calls):
        call_soon(call)
    await completion
    return clock() - begun


async def chained(loop, calls, clock):
    completion, complete = loop.completion()
    call_soon, left = loop.call_soon, calls

    def step():
        nonlocal left
        left -= 1
        if left:
            call_soon(step)
        else:
            complete()

    begun = clock()
    call_soon(step)
    await completion
    return clock() - begun


async def from_thread(loop, calls, clock):
    completion, complete = loop.completion()
    call, call_soon = countdown(calls, complete), loop.call_soon_threadsafe

    def post():
        for _ in range(calls):
            call_soon(call)

    thread = threading.Thread(target=post)
    begun = clock()
    thread.start()
    await completion
    spent = clock() - begun
    thread.join()
    return spent


async def delayed(loop, calls, clock):
    completion, complete = loop.completion()
    call, call_later, spread = countdown(calls, complete), loop.call_later, delays(calls)
    begun = clock()
    for delay in spread:
        call_later(delay, call)
    await completion
    return clock() - begun


async def cancelled(loop, calls, clock):
    def call():
        raise AssertionError("a cancelled call was made")

    call_later, spread = loop.call_later, delays(calls)
    begun = clock()
    handles = [call_later(1 + delay, call) for delay in spread]
    for handle in handles:
        handle.cancel()
    del handle, handles
    await turn(loop)
    return clock() - begun


async def turn(loop):
    completion, complete = loop.completion()
    loop.call_soon(complete)
    await completion


CPU, WALL = time.process_time_ns, time.perf_counter_ns
ALL = ["asyncio", "uvloop", "tornado", "twisted"]
DELAYED = ["asyncio", "uvloop", "twisted"]

# what: its batch, the calls in it, the clock, and the peers
MEASURED = {
    "call_soon_posted": (posted, 1_000_000, WALL, ALL),
    "call_soon_chained": (chained, 1_000_000, WALL, ALL),
    "call_soon_thread": (from_thread, 200_000, WALL, ALL),
    "call_later_100k": (delayed, 100_000, CPU, DELAYED),
    "call_later_1m": (delayed, 1_000_000, CPU, DELAYED),
    "call_later_cancelled_1m": (cancelled, 1_000_000, CPU, DELAYED),
}


async def measure(loop, what, rounds, seconds):
    """The nanoseconds per call, in each of the rounds."""
    batch, calls, clock, _ = MEASURED[what]

    async def timed(calls):
        await turn(loop)  # so that nothing of the batch before is left
        return await batch(loop, calls, clock)

    begun = WALL()
    await timed(calls // 10)
    batches = max(1, round(seconds * 1e9 / (10 * (WALL() - begun))))
    measured = []
    for _ in range(rounds):
        spent = [await timed(calls) for _ in range(batches)]
        measured.append(sum(spent) / (batches * calls))
    return measured


def measure_here(what, peer, rounds, seconds):
    known = what.removesuffix("_tokio") if what.startswith("call_later_1") else what
    if known not in MEASURED or peer not in MEASURED[known][-1]:
        sys.exit("there is no %s of %s" % (what, peer))
    try:
        loop = PEERS[peer]()
    except ImportError as error:
        sys.exit("%s: the README of the benches says how to make an environment that has it" % error)
    return loop.run(measure(loop, known, rounds, seconds))


def measure_apart(what, peer, seconds):
    """What one round takes in a process of its own."""
    command = [sys.executable, __file__, "--rounds", "1", "--seconds", str(seconds), "--only", what, peer]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if run.returncode:
        sys.exit("%s of %s failed" % (what, peer))
    return json.loads(run.stdout)["ns"]


def main():
    options = measuring.options(__doc__, rounds=3)
    if options.only:
        measuring.report(*options.only, measure_here(*options.only, options.rounds, options.seconds))
        return
    contenders = [(what, peer) for what, (*_, peers) in MEASURED.items() for peer in peers]
    measured = {contender: [] for contender in contenders}
    for contender in measuring.in_turn(contenders, options.rounds):
        measured[contender].append(measure_apart(*contender, options.seconds))
    for contender, rounds in measured.items():
        measuring.report(*contender, rounds)


if __name__ == "__main__":
    main()
