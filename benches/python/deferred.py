#!/usr/bin/env python3
"""What Twisted's Deferred and asyncio take for what benches/ measures of interloop's deferred.

    deferred.py [--rounds N] [--seconds S] [--only WHAT PEER]

Prints a line of JSON for each measurement, {"what": ..., "peer": ..., "ns": ...}, with ns the median of
the rounds. Every round measures each contender once, for S seconds, in an order that turns round every
time; the collector of cycles runs as it always does. Needs Twisted.

what                 ns for
chain_10             a deferred created, ten callbacks attached, fired, and its result read
gather_1000          one of 1,000 completions, in order, of what was gathered before
nested_10            a deferred whose ten callbacks each return one that has not fired and fires later, in
                     order, from its creation until its result is read

asyncio has no callbacks that transform a value, and completes nothing without a turn of its loop, which
by itself costs about as much as half of a chain. So the nearest thing is not obvious, and what is here is
the cheapest of those that were tried:

* A step is a coroutine that awaits the one before it. Like a callback it can be attached to anything that
  can be awaited, it is attached before the result is there, and all steps of a chain run in one turn of
  the loop. A chain of futures by add_done_callback takes a turn per step, and three times as long.
* 25 chains are under way at once, so that they share the turns of the loop, as they would in a program
  that is busy. One at a time, a chain takes some 1.2 times as long, and the nested wait three times; with
  100 at once, the collector finds more to do, and a chain takes 1.3 times as long on Python 3.11.

Twisted needs neither: it runs all callbacks inside the call that fires.
"""

import asyncio
import sys
import time

from twisted.internet.defer import Deferred, gatherResults

import measuring

STEPS = 10
GATHERED = 1000
AT_ONCE = 25


def step(value):
    return value + 1


# Each contender does a batch of its operation, and returns the last result of it.


def twisted_chain():
    for _ in range(AT_ONCE):
        deferred = Deferred()
        for _ in range(STEPS):
            deferred.addCallback(step)
        deferred.callback(0)
        result = deferred.result
    return result


async def link(before):
    return step(await before)


async def asyncio_chain():
    loop = asyncio.get_running_loop()
    futures, chains = [], []
    for _ in range(AT_ONCE):
        chain = future = loop.create_future()
        for _ in range(STEPS):
            chain = link(chain)
        futures.append(future)
        chains.append(loop.create_task(chain))
    await asyncio.sleep(0)  # now all wait for their futures
    for future in futures:
        future.set_result(0)
    for chain in chains:
        result = await chain
    return result


def twisted_gather():
    children = [Deferred() for _ in range(GATHERED)]
    gathered = gatherResults(children)
    for index, child in enumerate(children):
        child.callback(index)
    return gathered.result


async def asyncio_gather():
    loop = asyncio.get_running_loop()
    children = [loop.create_future() for _ in range(GATHERED)]
    gathered = asyncio.gather(*children)
    for index, child in enumerate(children):
        child.set_result(index)
    return await gathered


def twisted_nested():
    for _ in range(AT_ONCE):
        inner = [Deferred() for _ in range(STEPS)]
        outer = Deferred()
        for each in inner:
            outer.addCallback(lambda _, each=each: each)
        outer.callback(None)
        for index, each in enumerate(inner):
            each.callback(index)
        result = outer.result
    return result


async def wait_for_all(futures):
    for future in futures:
        result = await future
    return result


async def asyncio_nested():
    loop = asyncio.get_running_loop()
    inners, tasks = [], []
    for _ in range(AT_ONCE):
        inner = [loop.create_future() for _ in range(STEPS)]
        inners.append(inner)
        tasks.append(loop.create_task(wait_for_all(inner)))
    for index in range(STEPS):
        await asyncio.sleep(0)  # now all wait for the future of this index
        for inner in inners:
            inner[index].set_result(index)
    for task in tasks:
        result = await task
    return result


# what, peer, contender, operations in its batch, the result it has to have
CONTENDERS = [
    ("chain_10", "twisted", twisted_chain, AT_ONCE, STEPS),
    ("chain_10", "asyncio", asyncio_chain, AT_ONCE, STEPS),
    ("gather_1000", "twisted", twisted_gather, GATHERED, list(range(GATHERED))),
    ("gather_1000", "asyncio", asyncio_gather, GATHERED, list(range(GATHERED))),
    ("nested_10", "twisted", twisted_nested, AT_ONCE, STEPS - 1),
    ("nested_10", "asyncio", asyncio_nested, AT_ONCE, STEPS - 1),
]


def timed(loop, batch, repeats):
    """The nanoseconds that so many batches take."""
    if asyncio.iscoroutinefunction(batch):
        async def repeat():
            begun = time.perf_counter_ns()
            for _ in range(repeats):
                await batch()
            return time.perf_counter_ns() - begun

        return loop.run_until_complete(repeat())
    begun = time.perf_counter_ns()
    for _ in range(repeats):
        batch()
    return time.perf_counter_ns() - begun


def calibrate(loop, batch, seconds):
    """How many batches take so many seconds."""
    repeats = 1
    while True:
        spent = timed(loop, batch, repeats)
        if spent >= seconds * 1e9 / 4:
            return max(1, round(repeats * seconds * 1e9 / spent))
        repeats *= 2


def main():
    options = measuring.options(__doc__, rounds=7)
    contenders = [c for c in CONTENDERS if options.only is None or list(c[:2]) == options.only]
    if not contenders:
        sys.exit("there is no %s of %s" % tuple(options.only))

    loop = asyncio.new_event_loop()
    repeats = {}
    for what, peer, batch, _, expected in contenders:
        result = loop.run_until_complete(batch()) if asyncio.iscoroutinefunction(batch) else batch()
        if result != expected:
            sys.exit("%s of %s gave %r" % (what, peer, result))
        repeats[what, peer] = calibrate(loop, batch, options.seconds)

    measured = {(what, peer): [] for what, peer, *_ in contenders}
    for what, peer, batch, operations, _ in measuring.in_turn(contenders, options.rounds):
        n = repeats[what, peer]
        measured[what, peer].append(timed(loop, batch, n) / (n * operations))
    loop.close()

    for contender, rounds in measured.items():
        measuring.report(*contender, rounds)


if __name__ == "__main__":
    main()
