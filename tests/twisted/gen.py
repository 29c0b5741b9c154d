#!/usr/bin/env python3
"""Seeded generator of Deferred programs (see FORMAT.md).

    gen.py --seed-start 0 --count 2000 [--category C] [--size S] > programs.jsonl

Needs Twisted (see requirements.txt).

A program is a pure function of (seed, --category, --size): the generator grows
it one op at a time while running it on Twisted, so that it can aim at states
that matter (fire what something waits for, cancel what is unfired, ...), and
throws away draws in which nothing of interest happened.
"""

import argparse
import sys
from collections import Counter

sys.dont_write_bytecode = True  # leaves no __pycache__ in the source tree

import run_twisted
from run_twisted import Deferred, Run, dumps

MASK = (1 << 64) - 1


class Rng:
    """SplitMix64: stable across Python versions."""

    def __init__(self, *parts):
        self.s = 0
        for p in parts:
            self.s = (self.s ^ (p & MASK)) & MASK
            self.next()

    def next(self):
        self.s = (self.s + 0x9E3779B97F4A7C15) & MASK
        z = self.s
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        return self.next() % n

    def chance(self, percent):
        return self.below(100) < percent

    def pick(self, seq):
        return seq[self.below(len(seq))]

    def weighted(self, table):
        total = sum(w for _, w in table)
        n = self.below(total)
        for item, w in table:
            n -= w
            if n < 0:
                return item
        raise AssertionError

    def shuffled(self, seq):
        seq = list(seq)
        for i in range(len(seq) - 1, 0, -1):
            j = self.below(i + 1)
            seq[i], seq[j] = seq[j], seq[i]
        return seq


SIZES = {"tiny": (3, 5), "small": (6, 10), "medium": (11, 18), "large": (19, 30)}

# Op mixes.  Each entry is op-name:weight; the names are Gen.g_* methods.
FIRE = {"callback": 16, "errback": 9, "refire": 2}
BUILD = {"new": 16, "succeed": 3, "fail": 3, "add": 26, "add_pair": 7}
MINOR = {"drop": 1, "describe": 1, "maybe": 2}

RET = {"pass": 22, "const": 16, "inc": 16, "raise": 12, "fail": 7, "d": 12, "trap": 9}


def mix(*tables):
    out = {}
    for t in tables:
        for k, v in t.items():
            out[k] = out.get(k, 0) + v
    return out


CATS = {
    "core": dict(
        weight=11, acts=3, canceller=5,
        ops=mix(FIRE, BUILD, MINOR, {"refire": 3, "maybe": 3}),
        ret=mix(RET, {"d": -11}),
        need=lambda f: f["cb"] >= 3 and f["ok"] and f["err"]),
    "chain": dict(
        weight=14, acts=6, canceller=10,
        ops=mix(FIRE, BUILD, MINOR, {"chain": 4, "cancel": 2}),
        ret=mix(RET, {"d": 40}),
        need=lambda f: f["ret_d"] >= 1 and f["cb"] >= 3),
    "cancel": dict(
        weight=12, acts=8, canceller=55,
        ops=mix(FIRE, BUILD, MINOR, {"cancel": 26, "refire": 8, "chain": 3,
                                     "timeout": 1, "list": 2}),
        ret=mix(RET, {"d": 25, "trap": 6}),
        need=lambda f: f["cancel"] >= 1 and f["cb"] >= 2),
    "pause": dict(
        weight=8, acts=8, canceller=10,
        ops=mix(FIRE, BUILD, MINOR, {"pause": 15, "unpause": 12, "cancel": 4,
                                     "chain": 2, "list": 2}),
        ret=mix(RET, {"d": 12}),
        need=lambda f: f["pause"] >= 1 and f["cb"] >= 2),
    "reentrant": dict(
        weight=11, acts=55, canceller=20,
        ops=mix(FIRE, BUILD, MINOR, {"cancel": 5, "chain": 3, "pause": 3,
                                     "unpause": 2}),
        ret=mix(RET, {"d": 12}),
        need=lambda f: f["act"] >= 2 and f["cb"] >= 3),
    "multi": dict(
        weight=12, acts=8, canceller=30,
        ops=mix(FIRE, BUILD, MINOR, {"new": 8, "list": 10, "gather": 8, "race": 8,
                                     "cancel": 7, "timeout": 1}),
        ret=mix(RET, {"d": 6}),
        need=lambda f: f["multi"] >= 1 and f["multi_done"] >= 1),
    "timeout": dict(
        weight=12, acts=15, canceller=25,
        ops=mix(FIRE, BUILD, MINOR, {"timeout": 16, "advance": 16, "later": 7,
                                     "later_cancel": 2, "later_reset": 3,
                                     "later_delay": 2, "defer_later": 7,
                                     "cancel": 6, "list": 1}),
        ret=mix(RET, {"d": 10}),
        need=lambda f: f["timed"] >= 1 and f["cb"] + f["call"] >= 2),
    "sync": dict(
        weight=9, acts=25, canceller=5,
        ops=mix(FIRE, BUILD, {"lock": 6, "queue": 5, "acquire": 20, "release": 14,
                              "lock_run": 10, "put": 14, "get": 14, "cancel": 8}),
        ret=mix(RET, {"d": 10}),
        need=lambda f: f["sync"] >= 3 and f["cb"] >= 1),
    "future": dict(
        weight=9, acts=10, canceller=30,
        ops=mix(FIRE, BUILD, {"as_future": 12, "fut_cb": 12, "fut_new": 9,
                              "from_future": 10, "fut_set": 8, "fut_fail": 4,
                              "fut_cancel": 7, "cancel": 9, "loop": 1}),
        ret=mix(RET, {"d": 14}),
        need=lambda f: f["fut"] >= 2 and f["cb"] + f["fut_cb"] >= 2),
    "coro": dict(
        weight=7, acts=8, canceller=25,
        ops=mix(FIRE, BUILD, {"new": 8, "coro": 20, "cancel": 9, "callback": 6}),
        ret=mix(RET, {"d": 10}),
        need=lambda f: f["resume"] >= 1),
    "task": dict(
        weight=7, acts=10, canceller=10,
        ops=mix(FIRE, BUILD, {"lc_start": 12, "lc_stop": 5, "lc_reset": 4,
                              "coop": 6, "cooperate": 10, "when_done": 8,
                              "task_pause": 4, "task_resume": 4, "task_stop": 3,
                              "coop_stop": 1, "coop_start": 1, "advance": 30,
                              "cancel": 3}),
        ret=mix(RET, {"d": 10}),
        need=lambda f: f["lc"] + f["work"] >= 3),
    "shared": dict(
        weight=9, acts=25, canceller=25, mode="shared",
        ops=mix(FIRE, BUILD, MINOR, {"cancel": 8, "chain": 5, "pause": 5,
                                     "unpause": 5, "list": 4, "gather": 3,
                                     "race": 3, "refire": 3, "timeout": 2,
                                     "advance": 2, "add": 6}),
        ret=mix(RET, {"d": 25}),
        need=lambda f: f["use-after-move"] and f["cb"] >= 3),
    "quirk": dict(
        weight=4, acts=45, canceller=25, mode="shared",
        ops=mix(FIRE, BUILD, MINOR, {"cancel": 6, "chain": 4, "pause": 10,
                                     "unpause": 12, "list": 4}),
        ret=mix(RET, {"d": 40}),
        need=lambda f: f["quirk"]),
    "deep": dict(
        weight=2, acts=0, canceller=0,
        ops=mix(FIRE, BUILD, {"deep": 40}),
        ret=RET,
        need=lambda f: f["deep"] >= 1),
}

# Ops allowed inside callbacks, cancellers and timers, beyond each category's own.
NESTED = {"callback": 22, "errback": 10, "add": 18, "cancel": 8, "new": 6,
          "succeed": 3, "fail": 2, "pause": 3, "unpause": 3, "chain": 2,
          "refire": 2}
NESTED_EXTRA = {
    "multi": {"list": 4, "gather": 4, "race": 4},
    "timeout": {"timeout": 6, "later": 6, "later_cancel": 3, "later_reset": 3,
                "defer_later": 5, "advance": 2},
    "sync": {"acquire": 14, "release": 24, "put": 14, "get": 12, "lock_run": 5},
    "future": {"fut_set": 8, "fut_fail": 4, "as_future": 6, "from_future": 6,
               "fut_cb": 8, "fut_cancel": 3},
    "coro": {"coro": 6},
    "task": {"lc_stop": 6, "task_pause": 4, "task_resume": 4, "task_stop": 4,
             "coop_stop": 1},
}

QUIRKS = {"cycle", "steal-running", "pause-running", "unbalanced-unpause", "stalled"}
NOT_OWNED = {"cycle", "steal-running", "unbalanced-unpause"}

DEEP_CAP = {"callbacks": 10000, "flip": 5000, "fired": 10000, "outer_first": 100000,
            "inner_first": 100000, "errors": 100000, "cancel": 200, "drop": 100000,
            "tail": 100000, "list": 100000, "await": 100000}


STATS = Counter()  # draws that met their category's aim, and those that did not


class Abort(Exception):
    """The program drawn so far leaves the language (endless recursion, ...)."""


class Gen:
    """One attempt at one program."""

    def __init__(self, rng, cat, size):
        self.r = rng
        self.cat = cat
        self.cfg = CATS[cat]
        self.mode = self.cfg.get("mode", "owned")
        self.drain = cat == "future" and rng.chance(80)
        self.debug = rng.chance(4) and cat != "deep"
        self.run = Run(self.mode, self.drain, self.debug)
        self.size = size
        self.nid = 0
        self.ncid = 0
        self.ops = []
        self.kinds = {}  # id -> kind, for handles that are not deferreds
        self.scope = []  # deferreds that the act list being written will create
        self.pauses = Counter()
        self.multi_ids = []
        self.depth = 0

    # ------------------------------------------------------------ small draws
    def fresh(self, kind="d"):
        self.nid += 1
        self.kinds[self.nid] = kind
        return self.nid

    def cid(self):
        self.ncid += 1
        return self.ncid

    def val(self):
        return self.r.weighted([(self.r.below(10), 12), (None, 2),
                                (self.r.pick(["a", "b", "c"]), 3)])

    def err(self):
        return 1 + self.r.below(9)

    def dt(self):
        return self.r.below(6)

    # ------------------------------------------------------------ feedback
    def live(self):
        run = self.run
        return [i for i, o in run.h.items()
                if isinstance(o, Deferred) and run.peek(i) is None]

    def handles(self, kind):
        return [i for i in self.run.h if self.kinds.get(i) == kind]

    def unfired(self):
        return [i for i, d in self.run.res.items()
                if isinstance(d, Deferred) and not d.called]

    def fired(self):
        return [i for i, d in self.run.res.items()
                if isinstance(d, Deferred) and d.called]

    def target(self, weights=None):
        """A live deferred, favouring states in which something can happen."""
        w = weights or {"unfired": 8, "waiting": 5, "paused": 3, "ok": 3, "err": 4,
                        "running": 2}
        pool = [(i, w.get(self.run.status(i), 1)) for i in self.live()]
        pool += [(i, 4) for i in self.scope]
        pool = [p for p in pool if p[1] > 0]
        return self.r.weighted(pool) if pool else None

    def several(self, lo, hi):
        pool = self.r.shuffled(self.live())
        pool.sort(key=lambda i: self.run.status(i) != "unfired" and self.r.chance(60))
        n = lo + self.r.below(hi - lo + 1)
        return pool[:n]

    # ------------------------------------------------------------ behaviours
    def body(self, owner=None, owner_err=False):
        b = {"id": self.cid()}
        acts = []
        saved, self.scope = self.scope, list(self.scope)
        self.depth += 1
        if self.depth <= 3 and self.r.chance(self.cfg["acts"]):
            acts = self.acts(owner)
        ret = self.ret(owner, acts)
        self.depth -= 1
        self.scope = saved
        if acts:
            b["acts"] = acts
        b["ret"] = ret
        return b

    def acts(self, owner=None):
        table = mix(NESTED, NESTED_EXTRA.get(self.cat, {}))
        out = []
        for _ in range(1 + self.r.below(2 if self.depth > 1 else 3)):
            if owner is not None and self.r.chance(18):
                op = self.self_act(owner)
            else:
                op = self.draw(table)
            if op is not None:
                out.append(op)
                if op["op"] in ("new", "succeed", "fail"):
                    self.scope.append(op["d"])
        return out

    def self_act(self, owner):
        """Re-entrant op on the deferred whose callback this is."""
        kind = self.r.weighted([("add", 8), ("callback", 3), ("cancel", 3),
                                ("pause", 2), ("errback", 1)])
        if self.mode == "owned" and self.run.status(owner) not in ("unfired", "absent"):
            # It would run at once, with the handle held: nothing but "busy".
            kind = "callback"
        if kind == "add":
            return {"op": "add", "d": owner, "on": self.on(), "f": self.body(owner)}
        if kind == "callback":
            return {"op": "callback", "d": owner, "v": self.val()}
        if kind == "errback":
            return {"op": "errback", "d": owner, "e": self.err()}
        return {"op": kind, "d": owner}

    def on(self):
        return self.r.weighted([("cb", 45), ("eb", 25), ("both", 30)])

    def ret(self, owner, acts, allow_d=True):
        kind = self.r.weighted([(k, w) for k, w in self.cfg["ret"].items()
                                if w > 0 and (allow_d or k != "d")])
        if kind == "pass":
            return "pass"
        if kind == "const":
            return {"const": self.val()}
        if kind == "inc":
            return {"inc": 1 + self.r.below(3)}
        if kind in ("raise", "fail"):
            return {kind: self.err()}
        if kind == "trap":
            what = self.r.weighted([("e", 6), ("cancelled", 5), ("timeout", 2),
                                    ("already_called", 1), ("first_error", 1),
                                    ("group", 1), ("future_cancelled", 1)])
            return {"trap": what, "v": self.val()}
        return self.ret_d(owner, acts)

    def ret_d(self, owner, acts):
        if self.cat == "quirk" and owner is not None and self.r.chance(12):
            return {"d": owner}
        pool = [i for i in self.live() + self.scope if i != owner]
        if pool and self.r.chance(65):
            w = {"unfired": 6, "waiting": 4, "paused": 2, "ok": 2, "err": 3,
                 "running": 2 if self.cat == "quirk" else 0, "absent": 4}
            table = [(i, w[self.run.status(i)]) for i in pool]
            if any(x[1] for x in table):
                return {"d": self.r.weighted(table)}
        op = self.r.weighted([(self.g_new, 7), (self.g_succeed, 2), (self.g_fail, 2)])()
        acts.append(op)
        if op["op"] == "new" and self.r.chance(35):
            acts.append({"op": "add", "d": op["d"], "on": self.on(),
                         "f": self.simple_body()})
        return {"d": op["d"]}

    def simple_body(self):
        return {"id": self.cid(),
                "ret": self.r.weighted([("pass", 3), ({"inc": 1}, 3),
                                        ({"const": self.val()}, 2),
                                        ({"raise": self.err()}, 2)])}

    def canceller(self, own):
        kind = self.r.weighted([("quiet", 30), ("cb", 16), ("eb", 16), ("other", 22),
                                ("raise", 5)])
        if kind == "quiet":
            return {"acts": []}
        if kind == "cb":
            return {"acts": [{"op": "callback", "d": own, "v": self.val()}]}
        if kind == "eb":
            return {"acts": [{"op": "errback", "d": own, "e": self.err()}]}
        if kind == "raise":
            return {"acts": [], "raise": self.err()}
        self.depth += 1
        saved, self.scope = self.scope, list(self.scope)
        acts = self.acts()
        self.scope = saved
        self.depth -= 1
        if self.r.chance(35):
            acts.append({"op": "callback", "d": own, "v": self.val()})
        return {"acts": acts}

    # ------------------------------------------------------------ ops
    def draw(self, table):
        for _ in range(12):
            name = self.r.weighted([(k, w) for k, w in table.items() if w > 0])
            op = getattr(self, "g_" + name)()
            if op is not None:
                return op
        return None

    def g_new(self):
        d = self.fresh()
        op = {"op": "new", "d": d}
        if self.depth < 2 and self.r.chance(self.cfg["canceller"]):
            op["canceller"] = self.canceller(d)
        return op

    def g_succeed(self):
        return {"op": "succeed", "d": self.fresh(), "v": self.val()}

    def g_fail(self):
        return {"op": "fail", "d": self.fresh(), "e": self.err()}

    def g_maybe(self):
        d = self.fresh()
        return {"op": "maybe", "d": d, "f": self.body()}

    def g_callback(self):
        pool = self.unfired() + self.scope
        if not pool:
            return None
        return {"op": "callback", "d": self.r.pick(pool), "v": self.val()}

    def g_errback(self):
        pool = self.unfired() + self.scope
        if not pool:
            return None
        return {"op": "errback", "d": self.r.pick(pool), "e": self.err()}

    def g_refire(self):
        pool = self.fired()
        if not pool:
            return None
        d = self.r.pick(pool)
        if self.r.chance(60):
            return {"op": "callback", "d": d, "v": self.val()}
        return {"op": "errback", "d": d, "e": self.err()}

    def g_add(self):
        d = self.target()
        if d is None:
            return None
        on = self.on()
        if self.run.status(d) == "err" and self.r.chance(50):
            on = self.r.pick(["eb", "both"])
        return {"op": "add", "d": d, "on": on, "f": self.body(d)}

    def g_add_pair(self):
        d = self.target()
        if d is None:
            return None
        return {"op": "add_pair", "d": d, "cb": self.body(d), "eb": self.body(d)}

    def on_target(self, name, weights=None):
        d = self.target(weights)
        return None if d is None else {"op": name, "d": d}

    def g_cancel(self):
        return self.on_target("cancel", {"unfired": 8, "waiting": 9, "paused": 2,
                                         "ok": 1, "err": 1, "running": 2})

    def g_pause(self):
        op = self.on_target("pause", {"unfired": 8, "waiting": 4, "paused": 2, "ok": 4,
                                      "err": 3, "running": 2})
        if op is not None and not self.depth:
            self.pauses[op["d"]] += 1
        return op

    def g_unpause(self):
        pool = [i for i in self.live() if self.pauses[i] > 0]
        if self.cat == "quirk" and self.r.chance(25):
            pool = self.live()
        if not pool:
            return None
        d = self.r.pick(pool)
        if not self.depth:
            self.pauses[d] -= 1
        return {"op": "unpause", "d": d}

    def g_drop(self):
        return self.on_target("drop")

    def g_describe(self):
        return self.on_target("describe")

    def g_chain(self):
        d = self.target()
        pool = [i for i in self.run.res if i != d
                and isinstance(self.run.res[i], Deferred)]
        pool = [i for i in pool if not self.run.res[i].called] or pool
        if d is None or not pool:
            return None
        return {"op": "chain", "d": d, "to": self.r.pick(pool)}

    def group(self):
        """Children for a list, gather or race: now and then none at all."""
        if self.r.chance(5):
            return []
        return self.several(1, 4) or None

    def g_list(self):
        ds = self.group()
        if ds is None:
            return None
        d = self.fresh()
        self.multi_ids.append(d)
        return {"op": "list", "d": d, "ds": ds, "one_cb": self.r.chance(25),
                "one_eb": self.r.chance(30), "consume": self.r.chance(45)}

    def g_gather(self):
        ds = self.group()
        if ds is None:
            return None
        d = self.fresh()
        self.multi_ids.append(d)
        return {"op": "gather", "d": d, "ds": ds, "consume": self.r.chance(55)}

    def g_race(self):
        ds = self.group()
        if ds is None:
            return None
        d = self.fresh()
        self.multi_ids.append(d)
        return {"op": "race", "d": d, "ds": ds}

    # -- time
    def g_timeout(self):
        d = self.target({"unfired": 8, "waiting": 5, "paused": 2, "ok": 1, "err": 1,
                         "running": 1})
        if d is None:
            return None
        op = {"op": "timeout", "d": d, "t": 1 + self.dt()}
        if self.r.chance(30):
            op["on"] = self.body(d)
        return op

    def g_advance(self):
        if self.depth and not self.r.chance(30):
            return None
        return {"op": "advance", "t": self.dt()}

    def g_later(self):
        k = self.fresh("timer")
        op = {"op": "later", "k": k, "t": self.dt(), "id": self.cid()}
        if self.depth < 2 and self.r.chance(70):
            saved, self.scope = self.scope, list(self.scope)
            self.depth += 1
            acts = self.acts()
            self.depth -= 1
            self.scope = saved
            if acts:
                op["acts"] = acts
        return op

    def on_handle(self, name, kind, key="k"):
        pool = self.handles(kind)
        return {"op": name, key: self.r.pick(pool)} if pool else None

    def g_later_cancel(self):
        return self.on_handle("later_cancel", "timer")

    def g_later_reset(self):
        op = self.on_handle("later_reset", "timer")
        return op and dict(op, t=self.dt())

    def g_later_delay(self):
        op = self.on_handle("later_delay", "timer")
        return op and dict(op, t=self.r.below(7) - 2)

    def g_defer_later(self):
        op = {"op": "defer_later", "d": self.fresh(), "t": self.dt()}
        if self.r.chance(70):
            op["f"] = self.body()
        return op

    # -- locks and queues
    def g_lock(self):
        if len(self.handles("lock")) >= 2:
            return None
        k = self.fresh("lock")
        if self.r.chance(55):
            return {"op": "lock", "k": k, "kind": "lock"}
        return {"op": "lock", "k": k, "kind": "sem", "n": 1 + self.r.below(3)}

    def g_queue(self):
        if len(self.handles("queue")) >= 2:
            return None
        def limit():
            return self.r.weighted([(None, 5), (0, 1), (1, 3), (2, 3)])
        return {"op": "queue", "k": self.fresh("queue"), "size": limit(),
                "backlog": limit()}

    def g_acquire(self):
        op = self.on_handle("acquire", "lock")
        return op and dict(op, d=self.fresh())

    def g_release(self):
        return self.on_handle("release", "lock")

    def g_lock_run(self):
        op = self.on_handle("lock_run", "lock")
        return op and dict(op, d=self.fresh(), f=self.body())

    def g_put(self):
        op = self.on_handle("put", "queue")
        return op and dict(op, v=self.val())

    def g_get(self):
        op = self.on_handle("get", "queue")
        return op and dict(op, d=self.fresh())

    # -- futures
    def g_loop(self):
        return None if self.drain or self.depth else {"op": "loop"}

    def g_fut_new(self):
        return {"op": "fut_new", "k": self.fresh("fut")}

    def setters(self):
        return [i for i, f in self.run.res.items() if not isinstance(f, Deferred)]

    def g_fut_set(self):
        pool = self.setters()
        return {"op": "fut_set", "k": self.r.pick(pool), "v": self.val()} if pool else None

    def g_fut_fail(self):
        pool = self.setters()
        return {"op": "fut_fail", "k": self.r.pick(pool), "e": self.err()} if pool else None

    def g_fut_cancel(self):
        return self.on_handle("fut_cancel", "fut")

    def g_fut_cb(self):
        op = self.on_handle("fut_cb", "fut")
        return op and dict(op, id=self.cid())

    def g_as_future(self):
        d = self.target()
        return None if d is None else {"op": "as_future", "d": d, "k": self.fresh("fut")}

    def g_from_future(self):
        op = self.on_handle("from_future", "fut")
        return op and dict(op, d=self.fresh())

    # -- coroutines
    def g_coro(self):
        pool = [i for i in self.several(1, 3)]
        if not pool:
            return None
        d = self.fresh()
        steps = []
        saved, self.scope = self.scope, list(self.scope)
        self.depth += 1
        for i in pool:
            if self.r.chance(20) and self.depth < 3:
                steps.append({"acts": self.acts()})
            steps.append({"await": i, "id": self.cid(), "catch": self.r.chance(55)})
        self.depth -= 1
        self.scope = saved
        return {"op": "coro", "d": d, "via": self.r.pick(["await", "yield"]),
                "steps": steps, "ret": self.ret(None, [], allow_d=False)}

    # -- periodic work
    def plan_ret(self):
        """A result for one LoopingCall tick, or one item of a cooperative task."""
        pool = [i for i in self.live() if self.run.status(i) in ("unfired", "ok")]
        if pool and self.r.chance(25):
            return {"d": self.r.pick(pool)}
        return self.r.weighted([("v", 9), ("raise", 1)])

    def g_lc_start(self):
        if len(self.handles("lc")) >= 2:
            return None
        plan = []
        for _ in range(1 + self.r.below(4)):
            ret = self.plan_ret()
            ret = ret if isinstance(ret, dict) else (
                {"raise": self.err()} if ret == "raise" else {"const": self.val()})
            plan.append({"ret": ret, "stop": self.r.chance(10)})
        return {"op": "lc_start", "k": self.fresh("lc"), "d": self.fresh(),
                "interval": 1 + self.r.below(4), "now": self.r.chance(60),
                "count": self.r.chance(50), "plan": plan}

    def g_lc_stop(self):
        return self.on_handle("lc_stop", "lc")

    def g_lc_reset(self):
        return self.on_handle("lc_reset", "lc")

    def g_coop(self):
        if self.handles("coop"):
            return None
        return {"op": "coop", "k": self.fresh("coop"), "started": self.r.chance(85)}

    def g_cooperate(self):
        op = self.on_handle("cooperate", "coop")
        if op is None:
            return None
        items = []
        for _ in range(self.r.below(4)):
            x = self.plan_ret()
            items.append(x if isinstance(x, dict) else
                         {"raise": self.err()} if x == "raise" else {"v": self.val()})
        return dict(op, t=self.fresh("task"), items=items)

    def g_when_done(self):
        op = self.on_handle("when_done", "task", "t")
        return op and dict(op, d=self.fresh())

    def g_task_pause(self):
        return self.on_handle("task_pause", "task", "t")

    def g_task_resume(self):
        return self.on_handle("task_resume", "task", "t")

    def g_task_stop(self):
        return self.on_handle("task_stop", "task", "t")

    def g_coop_stop(self):
        return self.on_handle("coop_stop", "coop")

    def g_coop_start(self):
        return self.on_handle("coop_start", "coop")

    def g_deep(self):
        kind = self.r.pick(sorted(DEEP_CAP))
        n = min(DEEP_CAP[kind], self.r.pick([3, 50, 1000, 20000, 100000]))
        return {"op": "deep", "kind": kind, "n": n, "v": self.r.below(10)}

    # ------------------------------------------------------------ scenarios
    # Each one plays a short randomised version of one rule of the semantics.
    def add(self, d, on=None, ret=None, acts=None):
        f = {"id": self.cid()}
        if acts:
            f["acts"] = acts
        f["ret"] = ret if ret is not None else self.ret(d, [], allow_d=False)
        return {"op": "add", "d": d, "on": on or self.on(), "f": f}

    def new(self, percent=0):
        d = self.fresh()
        op = {"op": "new", "d": d}
        if self.r.chance(percent):
            op["canceller"] = self.canceller(d)
        self.push(op)
        return d

    def fire(self, d, errs=30):
        if self.r.chance(errs):
            self.push({"op": "errback", "d": d, "e": self.err()})
        else:
            self.push({"op": "callback", "d": d, "v": self.val()})

    def some_adds(self, d, lo=0, hi=2):
        for _ in range(lo + self.r.below(hi - lo + 1)):
            self.push(self.add(d))

    def s_core(self):
        d = self.new()
        cut = self.r.below(5)
        for i in range(5):
            if i == cut:
                self.fire(d)
            if self.r.chance(25):
                self.push({"op": "add_pair", "d": d, "cb": self.simple_body(),
                           "eb": self.simple_body()})
            else:
                self.push(self.add(d))

    def s_chain(self):
        """A tower of deferreds, each returned by a callback of the one above."""
        n = 2 + self.r.below(4)
        ds = [self.new(self.cfg["canceller"]) for _ in range(n)]
        if self.r.chance(25):
            op = {"op": "succeed", "d": self.fresh(), "v": self.val()}
            if self.r.chance(50):
                op = {"op": "fail", "d": self.fresh(), "e": self.err()}
            self.push(op)
            ds.append(op["d"])
        for up, down in zip(ds, ds[1:]):
            self.some_adds(up, 0, 1)
            on = self.r.weighted([("both", 6), ("cb", 3), ("eb", 1)])
            self.push(self.add(up, on, {"d": down}))
            self.some_adds(up, 0, 1)
        for d in self.r.shuffled(ds[:n]):
            self.fire(d, 20)
            if self.r.chance(30):
                self.some_adds(ds[0], 1, 1)

    def s_cancel(self):
        n = 1 + self.r.below(3)
        ds = [self.new(60) for _ in range(n)]
        for up, down in zip(ds, ds[1:]):
            self.push(self.add(up, "both", {"d": down}))
        for d in ds[:-1]:
            self.fire(d, 10)
        self.some_adds(ds[0], 0, 1)
        self.push({"op": "cancel", "d": ds[0]})
        if self.r.chance(40):
            self.push({"op": "cancel", "d": ds[0]})
        self.some_adds(ds[0], 1, 2)
        for _ in range(self.r.below(3)):
            self.fire(ds[-1])

    def s_pause(self):
        d, inner = self.new(), self.new()
        if self.r.chance(25):
            for what in self.r.shuffled(["pause", "fire"]):
                if what == "pause":
                    self.push({"op": "pause", "d": inner})
                else:
                    self.fire(inner)
            self.some_adds(inner, 0, 1)
        if self.r.chance(50):
            self.push(self.add(d, "both", {"d": inner}))
        self.some_adds(d, 1, 2)
        n = 1 + self.r.below(2)
        todo = ["pause"] * n + ["fire", "fire2"] + ["add"] * self.r.below(2)
        for what in self.r.shuffled(todo):
            if what == "pause":
                self.push({"op": "pause", "d": d})
            elif what == "add":
                self.some_adds(d, 1, 1)
            else:
                self.fire(d if what == "fire" else inner)
        for _ in range(n):
            if self.r.chance(40):
                self.some_adds(d, 1, 1)
            self.push({"op": "unpause", "d": d})

    def s_reentrant(self):
        a, b = self.new(), self.new(30)
        self.some_adds(b, 0, 1)
        inside = []
        for _ in range(1 + self.r.below(3)):
            inside.append(self.r.weighted([
                (self.add(a), 4), (self.add(b), 2),
                ({"op": "callback", "d": b, "v": self.val()}, 4),
                ({"op": "errback", "d": b, "e": self.err()}, 2),
                ({"op": "cancel", "d": b}, 2),
                ({"op": "callback", "d": a, "v": self.val()}, 1),
                ({"op": "cancel", "d": a}, 1),
                ({"op": "pause", "d": b}, 1)]))
        ret = {"d": b} if self.r.chance(25) else None
        self.push(self.add(a, "both", ret, inside))
        self.some_adds(a, 1, 2)
        self.some_adds(b, 0, 1)
        self.fire(a)
        self.some_adds(a, 0, 1)

    def s_multi(self):
        ds = []
        for _ in range(2 + self.r.below(3)):
            kind = self.r.weighted([("new", 8), ("succeed", 1), ("fail", 1)])
            if kind == "new":
                ds.append(self.new(self.cfg["canceller"]))
                self.some_adds(ds[-1], 0, 1)
            else:
                op = self.g_succeed() if kind == "succeed" else self.g_fail()
                self.push(op)
                ds.append(op["d"])
        d = self.fresh()
        self.multi_ids.append(d)
        kind = self.r.pick(["list", "list", "gather", "race"])
        op = {"op": kind, "d": d, "ds": ds}
        if kind == "list":
            op.update(one_cb=self.r.chance(30), one_eb=self.r.chance(40))
        if kind != "race":
            op["consume"] = self.r.chance(55)
        self.push(op)
        self.some_adds(d, 0, 2)
        for i, c in enumerate(self.r.shuffled(ds)):
            if c in self.run.res and self.r.chance(90):
                if self.r.chance(12):
                    self.push({"op": "cancel", "d": d})
                self.fire(c)
        if self.r.chance(30):
            self.push({"op": "cancel", "d": d})

    def s_timeout(self):
        d = self.new(45)
        special = self.r.chance(30)
        if special:
            # What the timeout then sees is not "cancelled".
            self.push(self.add(d, "eb", {"raise": self.err()} if self.r.chance(60)
                               else {"const": self.val()}))
        else:
            self.some_adds(d, 0, 1)
        t = 1 + self.r.below(5)
        op = {"op": "timeout", "d": d, "t": t}
        if self.r.chance(35):
            op["on"] = self.simple_body()
        self.push(op)
        if self.r.chance(20):
            self.push({"op": "timeout", "d": d, "t": 1 + self.r.below(5)})
        if self.r.chance(55):
            inner = self.new(50)
            self.push(self.add(d, "both", {"d": inner}))
        self.some_adds(d, 0, 1)
        for what in ["advance", "advance", "fire"] if special else self.r.weighted([
                (["advance", "advance"], 4), (["fire", "advance"], 5),
                (["advance", "fire"], 3), (["cancel", "advance"], 2),
                (["advance", "fire", "advance"], 3),
                (["advance", "cancel", "advance"], 2)]):
            if what == "advance":
                self.push({"op": "advance", "t": 1 + self.r.below(t + 3)})
            elif what == "fire":
                self.fire(d)
            else:
                self.push({"op": "cancel", "d": d})

    def s_timers(self):
        ks = []
        for _ in range(2 + self.r.below(4)):
            op = self.g_later()
            op["t"] = self.r.below(4)
            self.push(op)
            ks.append(op["k"])
        if self.r.chance(30):
            self.push({"op": "advance", "t": 1})
        for _ in range(self.r.below(5)):
            name = self.r.pick(["later_reset", "later_reset", "later_delay",
                                "later_cancel"])
            op = {"op": name, "k": self.r.pick(ks)}
            if name != "later_cancel":
                op["t"] = self.r.below(6) - (2 if name == "later_delay" else 0)
            self.push(op)
        for _ in range(1 + self.r.below(3)):
            self.push({"op": "advance", "t": self.r.below(5)})

    def s_sync(self):
        op = self.g_lock()
        if op is None:
            return
        self.push(op)
        k = op["k"]
        got = []
        for _ in range(2 + self.r.below(3)):
            d = self.fresh()
            if self.r.chance(65):
                self.push({"op": "acquire", "k": k, "d": d})
                acts = [{"op": "release", "k": k}] if self.r.chance(30) else None
                self.push(self.add(d, "cb", "pass" if self.r.chance(50) else None, acts))
            else:
                inner = self.new()
                self.push({"op": "lock_run", "k": k, "d": d,
                           "f": {"id": self.cid(), "ret": {"d": inner}}})
            got.append(d)
        for _ in range(2 + self.r.below(4)):
            what = self.r.weighted([("release", 6), ("cancel", 3), ("fire", 3)])
            waiting = [d for d in got if self.run.status(d) == "unfired"]
            if what == "release":
                self.push({"op": "release", "k": k})
            elif what == "cancel":
                if waiting or self.r.chance(30):
                    self.push({"op": "cancel", "d": self.r.pick(waiting or got)})
            elif self.unfired():
                self.fire(self.r.pick(self.unfired()))

    def s_queue(self):
        op = self.g_queue()
        if op is None:
            return
        self.push(op)
        got = []
        for _ in range(3 + self.r.below(5)):
            what = self.r.weighted([("put", 5), ("get", 5), ("cancel", 3)])
            if what == "put":
                self.push({"op": "put", "k": op["k"], "v": self.val()})
            elif what == "get":
                got.append(self.fresh())
                self.push({"op": "get", "k": op["k"], "d": got[-1]})
                if self.run.status(got[-1]) != "absent":
                    self.some_adds(got[-1], 0, 1)
            elif got:
                waiting = [d for d in got if self.run.status(d) == "unfired"]
                self.push({"op": "cancel", "d": self.r.pick(waiting or got)})

    def s_future(self):
        if self.r.chance(50):
            end = self.r.weighted([("fut_cb", 4), ("fut_cancel", 5), ("from_future", 4)])
            d = self.new(100 if end == "fut_cancel" else 50)
            self.some_adds(d, 1 if end == "fut_cancel" else 0, 1)
            if self.r.chance(20):
                inner = self.new(70)
                self.push(self.add(d, "both", {"d": inner}))
                self.fire(d)
            elif self.r.chance(15):
                self.fire(d)
            k = self.fresh("fut")
            self.push({"op": "as_future", "d": d, "k": k})
            if end == "fut_cb":
                self.push({"op": "fut_cb", "k": k, "id": self.cid()})
            elif end == "fut_cancel":
                self.push({"op": "fut_cancel", "k": k})
            else:
                d2 = self.fresh()
                self.push({"op": "from_future", "k": k, "d": d2})
                self.some_adds(d2, 1, 2)
                if self.r.chance(50):
                    self.push({"op": "cancel", "d": d2})
            if self.r.chance(75):
                self.fire(d)
        else:
            k, d = self.fresh("fut"), self.fresh()
            self.push({"op": "fut_new", "k": k})
            early = self.r.chance(25)
            if early:
                self.push(self.g_fut_set())
            self.push({"op": "from_future", "k": k, "d": d})
            self.some_adds(d, 0, 2)
            if self.r.chance(40):
                self.push({"op": "cancel", "d": d})
            self.push({"op": "fut_set", "k": k, "v": self.val()} if self.r.chance(60)
                      else {"op": "fut_fail", "k": k, "e": self.err()})
        if not self.drain:
            self.push({"op": "loop"})

    def s_coro(self):
        """Coroutines stacked on each other, over one or two plain deferreds."""
        ds = [self.new(40) for _ in range(1 + self.r.below(2))]
        base = list(ds)
        top = None
        for _ in range(1 + self.r.below(3)):
            d = self.fresh()
            steps = [{"await": i, "id": self.cid(), "catch": self.r.chance(50)}
                     for i in ds]
            self.push({"op": "coro", "d": d, "via": self.r.pick(["await", "yield"]),
                       "steps": steps, "ret": self.ret(None, [], allow_d=False)})
            top, ds = d, [d]
            if self.r.chance(30):
                self.some_adds(d, 1, 1)
        self.some_adds(top, 0, 1)
        for b in base:
            if self.r.chance(35):
                self.push({"op": "cancel", "d": top})
            if self.r.chance(80):
                self.fire(b)
        if self.r.chance(25):
            self.push({"op": "cancel", "d": top})

    def s_task(self):
        if self.r.chance(50):
            op = self.g_lc_start()
            if op is None:
                return
            self.push(op)
            self.some_adds(op["d"], 0, 1)
            for _ in range(2 + self.r.below(4)):
                self.push({"op": "advance", "t": 1 + self.r.below(2 * op["interval"] + 1)})
                if self.r.chance(15):
                    self.push({"op": self.r.pick(["lc_stop", "lc_reset"]), "k": op["k"]})
        else:
            if not self.handles("coop"):
                self.push(self.g_coop())
            coop = self.handles("coop")[0]
            ts = []
            for _ in range(1 + self.r.below(3)):
                op = self.g_cooperate()
                self.push(op)
                ts.append(op["t"])
                if self.r.chance(70):
                    op = {"op": "when_done", "t": op["t"], "d": self.fresh()}
                    self.push(op)
                    self.some_adds(op["d"], 0, 1)
            if not self.run.h[coop].running and self.r.chance(70):
                self.push({"op": "coop_start", "k": coop})
            for _ in range(3 + self.r.below(5)):
                if self.r.chance(30):
                    name = self.r.pick(["task_pause", "task_resume", "task_resume",
                                        "task_stop"])
                    self.push({"op": name, "t": self.r.pick(ts)})
                elif self.r.chance(8):
                    self.push({"op": "coop_stop", "k": coop})
                self.push({"op": "advance", "t": 1})

    def s_shared(self):
        """Keep using an inner deferred after it was given away."""
        outer, inner = self.new(), self.new(20)
        other = self.new()
        self.push(self.add(outer, "both", {"d": inner}))
        self.some_adds(inner, 0, 1)
        how = self.r.weighted([("twice", 3), ("list", 3), ("chain", 2), ("late", 3)])
        todo = [("fire", outer), ("fire", inner), ("adds", inner), ("adds", outer)]
        if how == "twice":
            self.push(self.add(other, "both", {"d": inner}))
            todo += [("fire", other), ("adds", other)]
        elif how == "list":
            d = self.fresh()
            self.multi_ids.append(d)
            self.push({"op": "list", "d": d, "ds": [inner, other], "one_cb": False,
                       "one_eb": self.r.chance(40), "consume": self.r.chance(50)})
            todo += [("fire", other), ("adds", d)]
        elif how == "chain":
            self.push({"op": "chain", "d": inner, "to": other})
            todo += [("adds", other)]
        if self.r.chance(30):
            todo.append(("cancel", self.r.pick([outer, inner, other])))
        if self.r.chance(30):
            todo += [("pause", inner), ("unpause", inner)]
        for what, d in self.r.shuffled(todo):
            if what == "fire":
                self.fire(d)
            elif what == "adds":
                self.some_adds(d, 1, 2)
            elif what == "pause":
                self.pauses[d] += 1
                self.push({"op": "pause", "d": d})
            elif what == "unpause":
                if self.pauses[d]:
                    self.pauses[d] -= 1
                    self.push({"op": "unpause", "d": d})
            else:
                self.push({"op": what, "d": d})

    def s_quirk(self):
        how = self.r.pick(["stall", "stall", "self", "unbalanced", "steal", "pause"])
        a = self.new()
        if how == "stall":
            # The inner of a paused outer keeps its later callbacks until poked.
            b = self.new()
            self.push(self.add(b, "both", {"d": a}))
            self.fire(b)
            self.push({"op": "pause", "d": b})
            self.some_adds(a, 1, 2)
            self.fire(a)
            for d in self.r.shuffled([a, b]):
                if d == b:
                    self.push({"op": "unpause", "d": b})
                self.some_adds(d, 0, 1)
        elif how == "self":
            self.push(self.add(a, "both", {"d": a}))
            self.some_adds(a, 0, 1)
            self.fire(a)
            self.some_adds(a, 0, 1)
        elif how == "unbalanced":
            self.some_adds(a, 1, 2)
            for what in self.r.shuffled(["unpause", "fire", "add", "pause"]):
                if what == "fire":
                    self.fire(a)
                elif what == "add":
                    self.some_adds(a, 1, 1)
                else:
                    self.push({"op": what, "d": a})
        elif how == "steal":
            b = self.new()
            self.push(self.add(b, "both", {"d": a}))
            self.push(self.add(a, "both", None, [
                {"op": "callback", "d": b, "v": self.val()}]))
            self.some_adds(a, 0, 1)
            self.some_adds(b, 0, 1)
            self.fire(a)
        else:
            self.push(self.add(a, "both", None, [{"op": "pause", "d": a}]))
            self.some_adds(a, 1, 2)
            self.fire(a)
            self.some_adds(a, 1, 1)
            self.push({"op": "unpause", "d": a})

    SCENARIOS = {"timeout": ["timeout", "timers"], "sync": ["sync", "sync", "queue"],
                 "deep": []}

    # ------------------------------------------------------------ the program
    def push(self, op):
        if op is not None:
            self.ops.append(op)
            self.run.step(op)
        if self.run.invalid is not None:
            raise Abort

    def build(self):
        """Grow the program; False when this draw must be thrown away."""
        try:
            self.grow()
            return True
        except Abort:
            return False

    def grow(self):
        lo, hi = SIZES[self.size]
        n = lo + self.r.below(hi - lo + 1)
        scenarios = self.SCENARIOS.get(self.cat, [self.cat])
        play = scenarios and self.r.chance(35 if self.size == "tiny" else 65)
        if play and self.r.chance(60):
            getattr(self, "s_" + self.r.pick(scenarios))()
            play = False
        if not self.ops:
            opening = {"sync": [self.g_lock, self.g_queue], "task": [self.g_coop],
                       "future": [self.g_fut_new]}.get(self.cat, [self.g_new])
            self.push(self.r.pick(opening)())
        table = self.cfg["ops"]
        while len(self.ops) < n:
            if play and len(self.ops) * 2 >= n:
                getattr(self, "s_" + self.r.pick(scenarios))()
                play = False
            else:
                self.push(self.draw(table))
        if self.r.chance(80):
            self.settle()

    def settle(self):
        """Finish open business so that long chains get to unwind."""
        if self.cat in ("timeout", "task") and self.r.chance(50):
            self.push({"op": "advance", "t": 3 + self.r.below(8)})
        for d in self.r.shuffled(self.unfired())[:4]:
            if d in self.unfired():
                self.fire(d)
        for d in [i for i in self.live() if self.pauses[i] > 0][:2]:
            self.pauses[d] -= 1
            self.push({"op": "unpause", "d": d})
        if self.debug:
            for _ in range(2):
                self.push(self.g_refire())
        if self.cat == "future" and not self.drain:
            self.push({"op": "loop"})

    def features(self):
        f = Counter()
        text = [e for group in self.run.log for e in group]
        for e in text:
            (kind, arg), = e.items()
            f[kind] += 1
            if kind == "cb":
                f["err" if "err" in arg[1] else "ok"] += 1
        f.update(self.run.counts)
        names = Counter(op["op"] for op in self.ops)
        f["multi"] = len([i for i in self.multi_ids if i in self.run.deferreds])
        f["multi_done"] = len([i for i in self.multi_ids
                               if self.run.status(i) not in ("absent", "unfired")])
        f["timed"] = names["timeout"] + names["defer_later"] + names["later"]
        f["timed"] *= 1 if names["advance"] else 0
        f["sync"] = sum(names[x] for x in ("acquire", "get", "put", "lock_run", "release"))
        f["fut"] = sum(names[x] for x in ("as_future", "from_future", "fut_cb"))
        for t in self.run.tags:
            f[t] += 1
        f["quirk"] = len(QUIRKS & self.run.tags)
        f["events"] = len(text)
        return f

    def program(self, seed):
        p = {"seed": seed, "cat": self.cat, "mode": self.mode}
        if self.drain:
            p["drain"] = True
        if self.debug:
            p["debug"] = True
        p["ops"] = self.ops
        return p


def generate(seed, category=None, size=None):
    """The program for a seed."""
    head = Rng(seed, 0x5EED)
    cat = category or head.weighted([(c, cfg["weight"]) for c, cfg in CATS.items()])
    sz = size or head.weighted([("tiny", 16), ("small", 36), ("medium", 32),
                                ("large", 16)])
    if cat == "deep":
        sz = "tiny"
    fallback = None
    for attempt in range(200):
        g = Gen(Rng(seed, attempt, 0xA77E), cat, sz)
        ok = g.build()
        feats = g.features() if ok else None
        tags = set(g.run.tags)
        program = g.program(seed)
        expect = g.run.finish()
        if not ok or g.run.invalid:
            continue
        if g.mode == "owned" and NOT_OWNED & tags:
            continue
        if len(dumps(program)) + len(dumps(expect)) > 9000:
            continue
        if g.cfg["need"](feats):
            STATS["good"] += 1
            return program
        if fallback is None:
            fallback = program
        if attempt > 60:
            break
    if fallback is None:
        raise SystemExit("no valid program for seed %d" % seed)
    STATS["dull"] += 1
    return fallback


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--seed-start", type=int, default=0)
    ap.add_argument("--count", type=int, default=10)
    ap.add_argument("--category", choices=sorted(CATS))
    ap.add_argument("--size", choices=sorted(SIZES))
    args = ap.parse_args()
    run_twisted.install()
    for seed in range(args.seed_start, args.seed_start + args.count):
        sys.stdout.write(dumps(generate(seed, args.category, args.size)) + "\n")
    sys.stderr.write("%d programs met the aim of their category, %d did not\n"
                     % (STATS["good"], STATS["dull"]))


if __name__ == "__main__":
    main()
