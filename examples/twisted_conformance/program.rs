//! The language in which programs are written, as `tests/twisted/FORMAT.md` describes it.

use std::collections::HashSet;

use serde::{Deserialize, de::IgnoredAny};

use crate::values::{Event, Value};

/// Whatever a program calls by number: deferreds, timers, locks, queues, futures and tasks.
pub(crate) type Id = u64;

/// One line of a corpus: a program, and what it did on Twisted.
#[derive(Deserialize)]
pub(crate) struct Record {
    pub(crate) program: Program,
    pub(crate) expect: Trace,
    pub(crate) tags: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Program {
    #[serde(rename = "cat")]
    pub(crate) category: String,
    pub(crate) mode: Mode,
    #[serde(default)]
    pub(crate) drain: bool,
    pub(crate) ops: Vec<Op>,
}

/// Whether handles are moved, as Rust's are, or shared, as Python's are.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Owned,
    Shared,
}

/// What is to be known of a program before it runs.
#[derive(Default)]
pub(crate) struct Hints {
    /// The locks that it releases by their numbers.
    pub(crate) released: HashSet<Id>,
    /// Whether it has cancellers that raise.
    pub(crate) raises: bool,
}

impl Hints {
    pub(crate) fn of(program: &Event) -> Self {
        let mut hints = Self::default();
        hints.read(program);
        hints
    }

    fn read(&mut self, text: &Event) {
        match text {
            Event::Array(texts) => texts.iter().for_each(|text| self.read(text)),
            Event::Object(fields) => {
                if fields.get("op").is_some_and(|op| op == "release") {
                    self.released.extend(fields["k"].as_u64());
                }
                if fields
                    .get("canceller")
                    .is_some_and(|canceller| !canceller["raise"].is_null())
                {
                    self.raises = true;
                }
                fields.values().for_each(|text| self.read(text));
            }
            _ => {}
        }
    }
}

/// What a program did.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Trace {
    /// The events of every top-level operation.
    pub(crate) log: Vec<Vec<Event>>,
    /// The events of the epilogue.
    pub(crate) end: Vec<Event>,
    /// The failures that nobody handled, in no order.
    pub(crate) unhandled: Vec<Event>,
}

/// An operation: one line each, as in the description.
#[rustfmt::skip]
#[derive(Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Op {
    // Making deferreds.
    New { d: Id, canceller: Option<Canceller> },
    Succeed { d: Id, v: Value },
    Fail { d: Id, e: i64 },
    Maybe { d: Id, f: Body },
    // Firing them.
    Callback { d: Id, v: Value },
    Errback { d: Id, e: i64 },
    // Using them.
    Add { d: Id, on: On, f: Body },
    AddPair { d: Id, cb: Body, eb: Body },
    Pause { d: Id },
    Unpause { d: Id },
    Cancel { d: Id },
    Timeout { d: Id, t: i64, on: Option<Body> },
    Describe { d: Id },
    // Giving them away.
    Drop { d: Id },
    Chain { d: Id, to: Id },
    List { d: Id, ds: Vec<Id>, one_cb: bool, one_eb: bool, consume: bool },
    Gather { d: Id, ds: Vec<Id>, consume: bool },
    Race { d: Id, ds: Vec<Id> },
    // The clock.
    Advance { t: i64 },
    Later { k: Id, t: i64, id: i64, #[serde(default)] acts: Vec<Op> },
    LaterCancel { k: Id },
    LaterReset { k: Id, t: i64 },
    LaterDelay { k: Id, t: i64 },
    DeferLater { d: Id, t: i64, f: Option<Body> },
    // Locks and queues.
    Lock { k: Id, kind: LockKind, n: Option<usize> },
    Acquire { k: Id, d: Id },
    Release { k: Id },
    LockRun { k: Id, d: Id, f: Body },
    Queue { k: Id, size: Option<usize>, backlog: Option<usize> },
    Put { k: Id, v: Value },
    Get { k: Id, d: Id },
    // Coroutines.
    Coro { d: Id, steps: Vec<Step>, ret: Ret },
    // Futures and their loop.
    FutNew { k: Id },
    FutSet { k: Id, v: Value },
    FutFail { k: Id, e: i64 },
    AsFuture { d: Id, k: Id },
    FromFuture { k: Id, d: Id },
    FutCb { k: Id, id: i64 },
    FutCancel { k: Id },
    Loop {},
    // Periodic work.
    LcStart { k: Id, d: Id, interval: i64, now: bool, count: bool, plan: Vec<Run> },
    LcStop { k: Id },
    LcReset { k: Id },
    Coop { k: Id, started: bool },
    Cooperate { k: Id, t: Id, items: Vec<Item> },
    WhenDone { t: Id, d: Id },
    TaskPause { t: Id },
    TaskResume { t: Id },
    TaskStop { t: Id },
    CoopStop { k: Id },
    CoopStart { k: Id },
    // Long chains.
    Deep { kind: Deep, n: usize, v: i64 },
}

#[derive(Clone, Deserialize)]
pub(crate) struct Canceller {
    #[serde(default)]
    pub(crate) acts: Vec<Op>,
    pub(crate) raise: Option<i64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum On {
    Cb,
    Eb,
    Both,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LockKind {
    Lock,
    Sem,
}

/// A callback.
#[derive(Clone, Deserialize)]
pub(crate) struct Body {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) acts: Vec<Op>,
    pub(crate) ret: Ret,
}

/// What a callback makes of its input.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Ret {
    Trap { trap: Trap, v: Value },
    Plain(PlainRet),
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlainRet {
    Pass,
    Const(Value),
    Inc(i64),
    // Raised or returned is all the same to whoever is called back.
    #[serde(alias = "fail")]
    Raise(i64),
    D(Id),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trap {
    E,
    Cancelled,
    Timeout,
    AlreadyCalled,
    FutureCancelled,
    FirstError,
    Group,
}

/// A step of a coroutine.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Step {
    Acts { acts: Vec<Op> },
    Await { r#await: Id, id: i64, catch: bool },
}

/// A run of a looping call.
#[derive(Clone, Deserialize)]
pub(crate) struct Run {
    pub(crate) ret: Ret,
    #[serde(default)]
    pub(crate) stop: bool,
}

/// A work unit of a cooperative task.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Item {
    V(IgnoredAny),
    D(Id),
    Raise(i64),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deep {
    Callbacks,
    Flip,
    Fired,
    OuterFirst,
    InnerFirst,
    Errors,
    Cancel,
    Drop,
    Tail,
    List,
    Await,
}
