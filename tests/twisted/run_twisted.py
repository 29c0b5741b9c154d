#!/usr/bin/env python3
"""Run Deferred programs (see FORMAT.md) on the real Twisted, emit event logs.

    run_twisted.py [--sort] < programs.jsonl > corpus.jsonl

Each input line is a program, or a record with a "program" key (then only that
key is used, so a corpus can be re-run in place).  Each output line is
{"program": ..., "expect": {"log": ..., "end": ..., "unhandled": ...}, "tags": [...]}.

Needs Twisted (see requirements.txt).
"""

import argparse
import asyncio
import gc
import json
import sys
import warnings

from twisted.internet import defer, error, task
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure


class E(Exception):
    """The user-level error of the language: E(k)."""

    def __init__(self, k):
        Exception.__init__(self, k)
        self.k = k


class Won:
    """Typed wrapper for the (index, value) pair that race() produces."""

    def __init__(self, pair):
        self.index, self.value = pair


# Exceptions with a fixed spelling in the log.
PLAIN = {
    defer.CancelledError: "cancelled",
    defer.AlreadyCalledError: "already_called",
    asyncio.CancelledError: "future_cancelled",
    asyncio.InvalidStateError: "invalid_state",
    defer.QueueOverflow: "queue_overflow",
    defer.QueueUnderflow: "queue_underflow",
    error.AlreadyCalled: "timer_called",
    error.AlreadyCancelled: "timer_cancelled",
    task.TaskDone: "task_done",
    task.TaskStopped: "task_stopped",
    task.TaskFailed: "task_failed",
    task.NotPaused: "not_paused",
    task.SchedulerStopped: "scheduler_stopped",
}

# What {"trap": kind} tests for.
TRAP = {
    "cancelled": defer.CancelledError,
    "timeout": defer.TimeoutError,
    "e": E,
    "already_called": defer.AlreadyCalledError,
    "future_cancelled": asyncio.CancelledError,
    "first_error": defer.FirstError,
    "group": defer.FailureGroup,
}

FUTURE_OPS = {"as_future", "from_future", "fut_new", "fut_set", "fut_fail",
              "fut_cancel", "fut_cb", "loop"}


class Sink:
    """Log observer: routes Twisted's own error reports to the current run."""

    run = None

    def __call__(self, event):
        run = self.run
        if run is None or "log_failure" not in event:
            return
        rendered = run.failure(event["log_failure"])
        if str(event.get("log_format", "")).startswith("Exception raised from"):
            run.ev({"logged": rendered})
        else:
            run.unhandled.append(rendered)


SINK = Sink()


def guarded(cls):
    """Make endless cancel() recursion (cancellers or waits in a circle) fatal.

    DeferredList.cancel catches everything, so a RecursionError alone would be
    retried for every child at every level: the program would never end.
    """
    plain = cls.cancel

    def cancel(self):
        run = SINK.run
        if run is None:
            return plain(self)
        if run.invalid is None:
            run.cancelling += 1
            try:
                if run.cancelling > run.cancel_limit:
                    run.bad("endless cancel")
                else:
                    plain(self)
            finally:
                run.cancelling -= 1

    cls.cancel = cancel


def install():
    """One-time process set-up: capture logs, take control of the collector."""
    guarded(Deferred)
    guarded(defer.DeferredList)
    globalLogBeginner.beginLoggingTo([SINK], redirectStandardIO=False,
                                     discardBuffer=True)
    warnings.simplefilter("ignore")
    gc.disable()
    gc.collect()
    gc.freeze()


class Run:
    """One execution of one program.  Also used, op by op, by the generator."""

    def __init__(self, mode="owned", drain=False, debug=False):
        self.owned = mode == "owned"
        self.drain = drain
        self.debug = debug
        self.h = {}  # id -> object (consumer handles, timers, locks, ...)
        self.moved = set()
        self.res = {}  # id -> Deferred (resolver side)
        self.res_moved = set()
        self.held = set()
        self.soft_moved = set()  # shared mode: what owned mode would have moved
        self.deferreds = {}  # id -> Deferred, for tags and generator feedback
        self.clock = task.Clock()
        self._loop = None
        self.names = {}  # id(obj) -> rendered value for locks, lcs, iterators
        self.keep = []  # keeps named objects alive so that id() stays unique
        self.result_lists = set()  # id() of the lists that DeferredList fires with
        self.counts = {}  # generator feedback
        self.cur = []
        self.log = []
        self.unhandled = []
        self.tags = set()
        self.invalid = None
        self.advancing = 0
        self.cancelling = 0
        self.cancel_limit = 60
        SINK.run = self

    # ---------------------------------------------------------- rendering
    def ev(self, event):
        if "resume" not in event and any("resume" in e for e in self.cur):
            self.tags.add("resume-order")
        self.cur.append(event)

    def bad(self, why):
        if self.invalid is None:
            self.invalid = why
        return "INVALID"

    def value(self, v):
        if v is None or type(v) in (int, str):
            return v
        if isinstance(v, Won):
            return {"won": [v.index, self.value(v.value)]}
        if type(v) is tuple and len(v) == 2 and type(v[1]) is int:
            return {"first": [self.value(v[0]), v[1]]}
        if type(v) is list:
            if id(v) in self.result_lists:
                if None in v:
                    return self.bad("partial result list")
                return {"results": [self.outcome(x) for _, x in v]}
            return {"list": [self.value(x) for x in v]}
        if id(v) in self.names:
            return self.names[id(v)]
        return self.bad("value %s" % type(v).__name__)

    def exception(self, e):
        if isinstance(e, E):
            return {"e": e.k}
        if isinstance(e, defer.TimeoutError):
            return {"timeout": e.args[0]}
        if isinstance(e, defer.FirstError):
            return {"first_error": [e.index, self.failure(e.subFailure)]}
        if isinstance(e, defer.FailureGroup):
            return {"group": [self.failure(f) for f in e.failures]}
        for cls, name in PLAIN.items():
            if type(e) is cls:
                return name
        return self.bad("exception %r" % (e,))

    def failure(self, f):
        return self.exception(f.value)

    def outcome(self, r):
        if isinstance(r, Failure):
            return {"err": self.failure(r)}
        return {"ok": self.value(r)}

    # ---------------------------------------------------------- the registry
    def skip(self, why, ident):
        self.ev({"skip": [why, ident]})
        return None

    def peek(self, ident):
        """Why the handle is unavailable, or None when it is available."""
        if self.owned and ident in self.held:
            return "busy"
        if ident in self.h:
            return None
        return "moved" if ident in self.moved else "absent"

    def use(self, ident):
        why = self.peek(ident)
        if why:
            return self.skip(why, ident)
        if ident in self.soft_moved:
            self.tags.add("use-after-move")
        return self.h[ident]

    def take(self, ident):
        """Consume a handle: it really goes away only in owned mode."""
        obj = self.use(ident)
        if obj is not None:
            if self.owned:
                del self.h[ident]
                self.moved.add(ident)
            else:
                self.soft_moved.add(ident)
        return obj

    def put(self, ident, obj, resolver=False):
        self.h[ident] = obj
        if isinstance(obj, Deferred):
            self.deferreds[ident] = obj
            if resolver:
                self.res[ident] = obj

    def resolver(self, ident):
        if ident in self.res:
            return self.res[ident]
        if ident in self.res_moved:
            return self.skip("moved", ident)
        return self.skip("no_resolver", ident)

    # ---------------------------------------------------------- behaviours
    def body(self, b, owner=None):
        def call(r=None, *_):
            self.ev({"cb": [b["id"], self.outcome(r)]})
            self.acts(b.get("acts"))
            return self.ret(b["ret"], r, owner)

        return call

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def acts(self, acts):
        for op in acts or ():
            self.count("act")
            self.do(op)

    def ret(self, ret, r, owner=None):
        if ret == "pass":
            return r
        (kind, arg), = ((k, v) for k, v in ret.items() if k != "v")
        if kind == "const":
            return arg
        if kind == "inc":
            return r + arg if type(r) is int else r
        if kind == "raise":
            raise E(arg)
        if kind == "fail":
            return Failure(E(arg))
        if kind == "trap":
            if isinstance(r, Failure):
                r.trap(TRAP[arg])
                return ret["v"]
            return r
        if kind == "d":
            d = self.take(arg)
            if d is not None:
                self.tag_return(d, owner)
            return d
        raise KeyError(kind)

    def tag_return(self, d, owner):
        self.count("ret_d")
        if d._runningCallbacks:
            self.tags.add("steal-running")
        seen = d
        for _ in range(1000):
            if owner is not None and seen is self.deferreds.get(owner):
                self.tags.add("cycle")
                return
            nxt = getattr(seen, "result", None)
            if not isinstance(nxt, Deferred):
                return
            seen = nxt
        self.tags.add("cycle")

    def timed(self, cid, acts):
        def call():
            self.ev({"call": cid})
            self.acts(acts)

        return call

    # ---------------------------------------------------------- stepping
    def do(self, op):
        """Execute one op; errors it raises to its caller become events."""
        if self.invalid is not None:
            return
        held = None
        try:
            name = op["op"]
            if self.owned and name in self.HOLD and self.peek(op["d"]) is None:
                held = op["d"]
                fn = getattr(self, "op_" + name)
                obj = self.h[held]
                self.held.add(held)
                fn(op, obj)
            elif name in self.HOLD:
                obj = self.use(op["d"])
                if obj is not None:
                    getattr(self, "op_" + name)(op, obj)
            else:
                getattr(self, "op_" + name)(op)
        except (Exception, asyncio.CancelledError) as e:
            if isinstance(e, (KeyError, AttributeError, TypeError, RecursionError)):
                self.bad("internal %r" % (e,))
            self.ev({"raise": self.exception(e)})
        finally:
            if held is not None:
                self.held.discard(held)

    def step(self, op):
        """Execute one top-level op and close its event group."""
        self.cur = []
        if self.debug:
            defer.setDebugging(not defer.getDebugging())
        self.do(op)
        if self.drain:
            self.spin()
        self.log.append(self.cur)
        for d in self.deferreds.values():
            if d.called and not d.paused:
                if isinstance(d.result, Deferred):
                    self.bad("a chain wait was un-paused")
                elif d._callbacks:
                    self.tags.add("stalled")

    def finish(self):
        """Epilogue: probe every live deferred, drop everything, collect."""
        self.cur = end = []
        self.spin()
        for ident in sorted(self.h):
            if isinstance(self.h.get(ident), Deferred):
                self.probe(ident)
        self.spin()
        self.cur = []
        self.release()
        if self.cur:
            self.bad("events during collection")
        if self.unhandled:
            self.tags.add("unhandled")
        self.unhandled.sort(key=lambda f: json.dumps(f, sort_keys=True))
        return {"log": self.log, "end": end, "unhandled": self.unhandled}

    def probe(self, ident):
        ran = []

        def passing(r):
            ran.append(1)
            self.ev({"probe": [ident, self.outcome(r)]})
            return r

        if self.owned:
            self.held.add(ident)
        self.h[ident].addBoth(passing)
        self.held.discard(ident)
        if not ran:
            self.ev({"pending": ident})

    def release(self):
        for box in (self.h, self.res, self.deferreds, self.names):
            box.clear()
        self.keep.clear()
        self.clock = None
        if self._loop is not None:
            self._loop.close()
            self._loop = None
        SINK.run = self
        gc.collect()
        gc.collect()
        SINK.run = None
        defer.setDebugging(False)

    # ---------------------------------------------------------- creation
    def op_new(self, op):
        c = op.get("canceller")
        canceller = None
        if c is not None:
            if c.get("raise") is not None:
                self.tags.add("canceller-raise")

            def canceller(_d):
                self.ev({"canceller": op["d"]})
                self.acts(c.get("acts"))
                if c.get("raise") is not None:
                    raise E(c["raise"])

        self.put(op["d"], Deferred(canceller), resolver=True)

    def op_succeed(self, op):
        self.put(op["d"], defer.succeed(op["v"]))

    def op_fail(self, op):
        self.put(op["d"], defer.fail(E(op["e"])))

    def op_maybe(self, op):
        self.put(op["d"], defer.maybeDeferred(self.body(op["f"])))

    # ---------------------------------------------------------- firing
    def op_callback(self, op):
        d = self.resolver(op["d"])
        if d is not None:
            d.callback(op["v"])

    def op_errback(self, op):
        d = self.resolver(op["d"])
        if d is not None:
            d.errback(E(op["e"]))

    # ------------------------------------------ consumer ops that hold "d"
    HOLD = {"add", "add_pair", "pause", "unpause", "cancel", "timeout",
            "describe"}

    def op_add(self, op, d):
        fn = self.body(op["f"], op["d"])
        if op["on"] == "cb" and op["f"]["id"] % 4 == 0:
            # Other spellings of the same thing.
            if op["f"]["id"] % 8:
                d.addCallbacks(fn)
            else:
                d.addCallbacks(fn, None, None, None, None, None)
        else:
            {"cb": d.addCallback, "eb": d.addErrback, "both": d.addBoth}[op["on"]](fn)

    def op_add_pair(self, op, d):
        d.addCallbacks(self.body(op["cb"], op["d"]), self.body(op["eb"], op["d"]))

    def op_pause(self, op, d):
        self.count("pause")
        if d._runningCallbacks:
            self.tags.add("pause-running")
        d.pause()

    def op_unpause(self, op, d):
        if d.paused <= 0:
            self.tags.add("unbalanced-unpause")
        elif d.paused == 1 and d.called and isinstance(d.result, Deferred):
            self.bad("a chain wait was un-paused")
        d.unpause()

    def op_cancel(self, op, d):
        if not d.called or isinstance(d.result, Deferred):
            self.count("cancel")
        d.cancel()

    def op_timeout(self, op, d):
        on = op.get("on")
        if on is None:
            d.addTimeout(op["t"], self.clock)
        else:
            d.addTimeout(op["t"], self.clock, self.body(on, op["d"]))

    def op_describe(self, op, d):
        text = str(d)
        if "waiting on" in text:
            state = "waiting"
        elif "current result" in text:
            state = "result"
        else:
            state = "unfired"
        self.ev({"state": [op["d"], state]})

    # ------------------------------------------ consumer ops that move "d"
    def op_drop(self, op):
        if self.use(op["d"]) is not None:
            del self.h[op["d"]]
            self.moved.add(op["d"])

    def op_chain(self, op):
        why = self.peek(op["d"])
        if why:
            return self.skip(why, op["d"])
        to = self.resolver(op["to"])
        if to is None:
            return
        d = self.take(op["d"])
        if self.owned:
            del self.res[op["to"]]
            self.res_moved.add(op["to"])
        d.chainDeferred(to)

    def take_all(self, ids):
        for i in ids:
            why = self.peek(i)
            if why:
                return self.skip(why, i)
        return [self.take(i) for i in ids]

    def op_list(self, op):
        ds = self.take_all(op["ds"])
        if ds is not None:
            dl = defer.DeferredList(ds, op["one_cb"], op["one_eb"], op["consume"])
            out = dl.resultList if ds else getattr(dl, "result", None)
            self.keep.append(out)
            self.result_lists.add(id(out))
            self.put(op["d"], dl)

    def op_gather(self, op):
        ds = self.take_all(op["ds"])
        if ds is not None:
            self.put(op["d"], defer.gatherResults(ds, op["consume"]))

    def op_race(self, op):
        ds = self.take_all(op["ds"])
        if ds is not None:
            self.put(op["d"], defer.race(ds).addCallback(Won))

    # ---------------------------------------------------------- the clock
    def op_advance(self, op):
        if self.advancing:
            self.tags.add("reentrant-advance")
        self.advancing += 1
        try:
            self.clock.advance(op["t"])
        finally:
            self.advancing -= 1

    def op_later(self, op):
        self.put(op["k"], self.clock.callLater(
            op["t"], self.timed(op["id"], op.get("acts"))))

    def op_later_cancel(self, op):
        t = self.use(op["k"])
        if t is not None:
            t.cancel()

    def op_later_reset(self, op):
        t = self.use(op["k"])
        if t is not None:
            t.reset(op["t"])

    def op_later_delay(self, op):
        t = self.use(op["k"])
        if t is not None:
            t.delay(op["t"])

    def op_defer_later(self, op):
        f = op.get("f")
        args = () if f is None else (self.body(f),)
        self.put(op["d"], task.deferLater(self.clock, op["t"], *args))

    # ---------------------------------------------------------- locks, queues
    def op_lock(self, op):
        obj = (defer.DeferredLock() if op["kind"] == "lock"
               else defer.DeferredSemaphore(op["n"]))
        self.keep.append(obj)
        self.names[id(obj)] = {"lock": op["k"]}
        self.put(op["k"], obj)

    def op_acquire(self, op):
        k = self.use(op["k"])
        if k is not None:
            self.put(op["d"], k.acquire())

    def op_release(self, op):
        k = self.use(op["k"])
        if k is not None:
            try:
                k.release()
            except AssertionError:
                self.ev({"raise": "not_held"})

    def op_lock_run(self, op):
        k = self.use(op["k"])
        if k is not None:
            self.put(op["d"], k.run(self.body(op["f"])))

    def op_queue(self, op):
        self.put(op["k"], defer.DeferredQueue(op["size"], op["backlog"]))

    def op_put(self, op):
        k = self.use(op["k"])
        if k is not None:
            k.put(op["v"])

    def op_get(self, op):
        k = self.use(op["k"])
        if k is not None:
            self.put(op["d"], k.get())

    # ---------------------------------------------------------- coroutines
    def op_coro(self, op):
        coro = self.coroutine(op) if op["via"] == "await" else self.generator(op)
        self.put(op["d"], defer.ensureDeferred(coro))

    async def coroutine(self, op):
        last, failed = None, None
        for s in op["steps"]:
            if "acts" in s:
                self.acts(s["acts"])
                continue
            d = self.take(s["await"])
            if d is not None and d._runningCallbacks:
                self.tags.add("steal-running")
            last, failed = None, None
            if d is not None:
                try:
                    last = await d
                except (Exception, asyncio.CancelledError) as e:
                    failed = e
            self.resumed(s, last, failed)
            if failed is not None and not s["catch"]:
                raise failed
        return self.coro_end(op, last, failed)

    def generator(self, op):
        last, failed = None, None
        for s in op["steps"]:
            if "acts" in s:
                self.acts(s["acts"])
                continue
            d = self.take(s["await"])
            if d is not None and d._runningCallbacks:
                self.tags.add("steal-running")
            last, failed = None, None
            if d is not None:
                try:
                    last = yield d
                except (Exception, asyncio.CancelledError) as e:
                    failed = e
            self.resumed(s, last, failed)
            if failed is not None and not s["catch"]:
                raise failed
        return self.coro_end(op, last, failed)

    def resumed(self, s, last, failed):
        if isinstance(failed, (AssertionError, RecursionError)):
            self.bad("coroutine %r" % (failed,))
        o = {"ok": self.value(last)} if failed is None else {
            "err": self.exception(failed)}
        self.ev({"resume": [s["id"], o]})

    def coro_end(self, op, last, failed):
        r = self.ret(op["ret"], last if failed is None else Failure(failed))
        if isinstance(r, Failure):
            raise r.value
        return r

    # ---------------------------------------------------------- futures
    @property
    def loop(self):
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_exception_handler(lambda *a: None)
        return self._loop

    def spin(self):
        if self._loop is None:
            return
        if len({id(a) for h in self._loop._ready for a in h._args}) > 1:
            self.tags.add("loop-order")  # two futures completed since last time
        while self._loop._ready:
            self._loop.call_soon(self._loop.stop)
            self._loop.run_forever()

    def op_loop(self, op):
        self.spin()

    def op_fut_new(self, op):
        f = self.loop.create_future()
        self.put(op["k"], f)
        self.res[op["k"]] = f

    def op_fut_set(self, op):
        f = self.resolver(op["k"])
        if f is not None:
            f.set_result(op["v"])

    def op_fut_fail(self, op):
        f = self.resolver(op["k"])
        if f is not None:
            f.set_exception(E(op["e"]))

    def op_fut_cancel(self, op):
        f = self.take(op["k"])
        if f is not None:
            self.ev({"bool": f.cancel()})

    def op_fut_cb(self, op):
        f = self.take(op["k"])
        if f is not None:
            def done(f):
                try:
                    o = {"ok": self.value(f.result())}
                except (Exception, asyncio.CancelledError) as e:
                    o = {"err": self.exception(e)}
                self.ev({"fut_cb": [op["id"], o]})

            f.add_done_callback(done)

    def op_as_future(self, op):
        d = self.take(op["d"])
        if d is not None:
            self.put(op["k"], d.asFuture(self.loop))

    def op_from_future(self, op):
        f = self.take(op["k"])
        if f is not None:
            self.put(op["d"], Deferred.fromFuture(f))

    # ---------------------------------------------------------- periodic tasks
    def op_lc_start(self, op):
        plan = op["plan"]
        n = [0]

        def tick(*count):
            step = plan[min(n[0], len(plan) - 1)]
            n[0] += 1
            self.ev({"lc": [op["k"], count[0] if count else None]})
            if step.get("stop") and lc.running:
                lc.stop()
            return self.ret(step["ret"], None)

        lc = task.LoopingCall.withCount(tick) if op["count"] else task.LoopingCall(tick)
        lc.clock = self.clock
        self.keep.append(lc)
        self.names[id(lc)] = {"lc": op["k"]}
        self.put(op["k"], lc)
        self.put(op["d"], lc.start(op["interval"], op["now"]))

    def op_lc_stop(self, op):
        lc = self.use(op["k"])
        if lc is not None:
            if not lc.running:
                self.ev({"raise": "not_running"})
            else:
                lc.stop()

    def op_lc_reset(self, op):
        lc = self.use(op["k"])
        if lc is not None:
            if not lc.running:
                self.ev({"raise": "not_running"})
            else:
                lc.reset()

    def op_coop(self, op):
        def schedule(f):
            return self.clock.callLater(1, f)

        self.put(op["k"], task.Cooperator(
            terminationPredicateFactory=lambda: lambda: True,
            scheduler=schedule, started=op["started"]))

    def op_cooperate(self, op):
        c = self.use(op["k"])
        if c is None:
            return

        def work():
            for i, item in enumerate(op["items"]):
                self.ev({"work": [op["t"], i]})
                if "raise" in item:
                    raise E(item["raise"])
                if "d" in item:
                    yield self.take(item["d"])
                else:
                    yield item["v"]

        it = work()
        self.keep.append(it)
        self.names[id(it)] = {"task": op["t"]}
        self.put(op["t"], c.cooperate(it))

    def op_when_done(self, op):
        t = self.use(op["t"])
        if t is not None:
            self.put(op["d"], t.whenDone())

    def op_task_pause(self, op):
        t = self.use(op["t"])
        if t is not None:
            t.pause()

    def op_task_resume(self, op):
        t = self.use(op["t"])
        if t is not None:
            t.resume()

    def op_task_stop(self, op):
        t = self.use(op["t"])
        if t is not None:
            t.stop()

    def op_coop_stop(self, op):
        c = self.use(op["k"])
        if c is not None:
            if len(c._tasks) > 1:
                self.tags.add("coop-stop-skip")
            c.stop()

    def op_coop_start(self, op):
        c = self.use(op["k"])
        if c is not None:
            c.start()

    # ---------------------------------------------------------- long chains
    def op_deep(self, op):
        self.ev({"deep": getattr(self, "deep_" + op["kind"])(op["n"], op["v"])})

    def settle(self, d):
        out = []
        d.addBoth(out.append)
        return self.outcome(out[0]) if out else "pending"

    def deep_callbacks(self, n, v):
        d = Deferred()
        for _ in range(n):
            d.addCallback(lambda x: x + 1)
        d.callback(v)
        return self.settle(d)

    def deep_flip(self, n, v):
        def boom(x):
            raise E(v)

        d = Deferred()
        for _ in range(n):
            d.addCallback(boom)
            d.addErrback(lambda f: v)
        d.callback(v)
        return self.settle(d)

    def deep_fired(self, n, v):
        d = defer.succeed(v)
        for _ in range(n):
            d.addCallback(lambda x: defer.succeed(x + 1))
        return self.settle(d)

    def links(self, n):
        ds = [Deferred() for _ in range(n + 1)]
        for i in range(n):
            ds[i].addCallback(lambda _, nxt=ds[i + 1]: nxt)
        return ds

    def deep_outer_first(self, n, v):
        ds = self.links(n)
        for d in ds[:-1]:
            d.callback(None)
        ds[-1].callback(v)
        return self.settle(ds[0])

    def deep_inner_first(self, n, v):
        ds = self.links(n)
        for d in reversed(ds):
            d.callback(v)
        return self.settle(ds[0])

    def deep_errors(self, n, v):
        ds = self.links(n)
        for d in ds[:-1]:
            d.callback(None)
        ds[-1].errback(E(v))
        return self.settle(ds[0])

    def deep_cancel(self, n, v):
        self.cancel_limit = n + 60
        ds = self.links(n)
        for d in ds[:-1]:
            d.callback(None)
        ds[0].cancel()
        return self.settle(ds[0])

    def deep_drop(self, n, v):
        for d in self.links(n)[:-1]:
            d.callback(None)
        return "pending"

    def deep_tail(self, n, v):
        fired = []

        def again(k):
            if not k:
                return v
            d = Deferred()
            d.addCallback(lambda _: again(k - 1))
            fired.append(d)
            return d

        top = Deferred()
        top.addCallback(lambda _: again(n))
        top.callback(None)
        while fired:
            fired.pop().callback(None)
        return self.settle(top)

    def deep_list(self, n, v):
        ds = [Deferred() for _ in range(n)]
        both = defer.gatherResults(ds)
        for d in ds:
            d.callback(v)
        both.addCallback(sum)
        return self.settle(both)

    def deep_await(self, n, v):
        async def body():
            total = 0
            for _ in range(n):
                total += await defer.succeed(v)
            return total

        return self.settle(defer.ensureDeferred(body()))

    # ---------------------------------------------------------- feedback
    def status(self, ident):
        """For the generator: the state of a deferred, handle moved or not."""
        d = self.deferreds.get(ident)
        if d is None:
            return "absent"
        if d._runningCallbacks:
            return "running"
        if not d.called:
            return "unfired"
        if isinstance(d.result, Deferred):
            return "waiting"
        if d.paused:
            return "paused"
        return "err" if isinstance(d.result, Failure) else "ok"


def static_tags(ops, tags):
    """Tags that can be read off the program text."""
    for op in ops:
        name = op["op"]
        for tag, names in STATIC.items():
            if name in names:
                tags.add(tag)
        if name == "list" and not op["consume"]:
            tags.add("list-noconsume")
        for nested in nested_ops(op):
            if nested["op"] not in ("new", "succeed", "fail"):
                tags.add("reentrant")
            static_tags([nested], tags)


STATIC = {
    "chain": {"chain"},
    "pause": {"pause", "unpause"},
    "cancel": {"cancel"},
    "list": {"list", "gather"},
    "race": {"race"},
    "clock": {"advance", "later", "later_cancel", "later_reset", "later_delay",
              "timeout", "defer_later", "lc_start", "coop"},
    "timeout": {"timeout"},
    "lock": {"lock"},
    "queue": {"queue"},
    "future": FUTURE_OPS,
    "coro": {"coro"},
    "loopingcall": {"lc_start"},
    "cooperator": {"coop"},
    "describe": {"describe"},
    "deep": {"deep"},
    "drop": {"drop"},
    "maybe": {"maybe"},
}


def bodies(op):
    for key in ("f", "cb", "eb", "on"):
        if isinstance(op.get(key), dict):
            yield op[key]


def nested_ops(op):
    for b in bodies(op):
        yield from b.get("acts") or ()
    if isinstance(op.get("canceller"), dict):
        yield from op["canceller"].get("acts") or ()
    yield from op.get("acts") or ()
    for s in op.get("steps") or ():
        yield from s.get("acts") or ()


def execute(program):
    """Run a program; returns (expect, tags), or raises ValueError."""
    run = Run(program["mode"], program.get("drain", False),
              program.get("debug", False))
    for op in program["ops"]:
        run.step(op)
        if run.invalid:
            break
    expect = run.finish()
    if run.invalid:
        raise ValueError(run.invalid)
    tags = set(run.tags)
    static_tags(program["ops"], tags)
    if program["mode"] == "shared":
        tags.add("shared")
    if program.get("debug"):
        tags.add("debug")
    return expect, sorted(tags)


def op_count(ops):
    return sum(1 + op_count(list(nested_ops(op))) for op in ops)


def dumps(obj):
    return json.dumps(obj, separators=(",", ":"), sort_keys=False)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--sort", action="store_true",
                    help="order the output by program size (deep programs last), then seed")
    args = ap.parse_args()
    install()
    records = []
    for line in sys.stdin:
        line = line.strip()
        if not line:
            continue
        program = json.loads(line)
        program = program.get("program", program)
        try:
            expect, tags = execute(program)
        except ValueError as e:
            sys.exit("program %s is outside the language: %s"
                     % (program.get("seed"), e))
        record = dumps({"program": program, "expect": expect, "tags": tags})
        if args.sort:
            # Kept as text: live objects would slow every later gc.collect() down.
            key = ("deep" in tags, op_count(program["ops"]), program.get("seed", 0))
            records.append((key, record))
        else:
            print(record)
    for _, record in sorted(records):
        print(record)


if __name__ == "__main__":
    main()
