//! Programs, and how they are made at random.
//!
//! An operation names what it works on by a number, which counts around those that are there. So every operation of a shorter
//! program still works on something, which is what makes programs shrink well.

use interloop::Aborted;
use proptest::{collection::vec, prelude::*, sample::select};

/// The failures of all deferreds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Own(u32),
    Cancelled,
    Dropped,
    Panicked,
}

impl From<Aborted> for Failure {
    fn from(aborted: Aborted) -> Self {
        if aborted.is_cancelled() {
            Self::Cancelled
        } else if aborted.is_panicked() {
            Self::Panicked
        } else {
            assert!(aborted.is_dropped());
            Self::Dropped
        }
    }
}

pub(crate) type Outcome = Result<u32, Failure>;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    New(Option<Canceller>),
    Settled(Outcome),
    Attach(usize, How, Callback),
    Chain(usize, usize),
    Settle(usize, Outcome),
    DropCompleter(usize),
    Cancel(usize),
    MakeHandle(usize),
    CancelBy(usize),
    Pause(usize),
    Resume(usize),
    Poll(usize),
    Take(usize),
    Look(usize),
    Drop(usize),
    /// Makes it a future that cancels when it is dropped, and drops that.
    DropFuture(usize),
}

/// By which function a callback is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    MapOk,
    MapErr,
    InspectOk,
    InspectErr,
    AndThen,
    OrElse,
    Then,
    ThenEither,
    /// Two callbacks, which take the value through a type of another size.
    Resize,
}

#[derive(Clone, Debug)]
pub(crate) struct Callback {
    pub(crate) acts: Vec<Op>,
    pub(crate) gives: Gives,
}

/// What a callback comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gives {
    Pass,
    Settled(Outcome),
    /// The deferred of that number; if there is none, as `Pass`.
    Waiting(usize),
    Panic,
}

#[derive(Clone, Debug)]
pub(crate) struct Canceller {
    pub(crate) acts: Vec<Op>,
    pub(crate) answer: Answer,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Silence,
    Settle(Outcome),
    Refuse,
    Panic,
}

pub(crate) fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        (0..9_u32).prop_map(Ok),
        (0..9_u32).prop_map(|number| Err(Failure::Own(number))),
    ]
}

fn how() -> impl Strategy<Value = How> {
    use How::*;
    // Those that can wait are the more interesting ones.
    select(vec![
        MapOk, MapErr, InspectOk, InspectErr, AndThen, AndThen, AndThen, OrElse, OrElse, Then, Then, ThenEither, Resize,
    ])
}

fn gives() -> impl Strategy<Value = Gives> {
    prop_oneof![
        3 => Just(Gives::Pass),
        3 => outcome().prop_map(Gives::Settled),
        6 => any::<usize>().prop_map(Gives::Waiting),
        1 => Just(Gives::Panic),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        3 => Just(Answer::Silence),
        3 => outcome().prop_map(Answer::Settle),
        2 => Just(Answer::Refuse),
        1 => Just(Answer::Panic),
    ]
}

/// Operations whose callbacks and cancellers perform some of `acts`.
fn op(acts: impl Strategy<Value = Op> + Clone + 'static) -> impl Strategy<Value = Op> + Clone {
    let few = vec(acts, 0..3).boxed();
    let canceller = (few.clone(), answer()).prop_map(|(acts, answer)| Canceller { acts, answer });
    let callback = (few, gives()).prop_map(|(acts, gives)| Callback { acts, gives });
    let number = any::<usize>;
    prop_oneof![
        5 => Just(Op::New(None)),
        2 => canceller.prop_map(|canceller| Op::New(Some(canceller))),
        2 => outcome().prop_map(Op::Settled),
        14 => (number(), how(), callback).prop_map(|(deferred, how, callback)| Op::Attach(deferred, how, callback)),
        1 => (number(), number()).prop_map(|(deferred, to)| Op::Chain(deferred, to)),
        10 => (number(), outcome()).prop_map(|(completer, outcome)| Op::Settle(completer, outcome)),
        1 => number().prop_map(Op::DropCompleter),
        3 => number().prop_map(Op::Cancel),
        2 => number().prop_map(Op::MakeHandle),
        3 => number().prop_map(Op::CancelBy),
        3 => number().prop_map(Op::Pause),
        4 => number().prop_map(Op::Resume),
        2 => number().prop_map(Op::Poll),
        2 => number().prop_map(Op::Take),
        2 => number().prop_map(Op::Look),
        2 => number().prop_map(Op::Drop),
        1 => number().prop_map(Op::DropFuture),
    ]
    .boxed()
}

/// Chains of which each waits for the next, up to some depth, with a handle here and there.
fn nest(acts: impl Strategy<Value = Op> + Clone) -> impl Strategy<Value = Vec<Op>> {
    let chain = (any::<bool>(), vec(acts, 0..2));
    (vec(chain, 2..5), 0..5_usize).prop_map(|(chains, depth)| {
        let mut ops = Vec::new();
        for (number, (has_handle, _)) in chains.iter().enumerate() {
            ops.push(Op::New(None));
            ops.extend(has_handle.then_some(Op::MakeHandle(number)));
        }
        let length = chains.len();
        for (number, (_, acts)) in chains.into_iter().enumerate().take(length - 1) {
            // Those before it are waited for by then, the first aside.
            let gives = Gives::Waiting(1);
            ops.push(Op::Attach(number, How::Then, Callback { acts, gives }));
        }
        ops.extend((0..depth.min(length)).map(|_| Op::Settle(0, Ok(1))));
        ops
    })
}

pub(crate) fn programs() -> impl Strategy<Value = Vec<Op>> {
    // A callback may attach callbacks, which perform acts of their own; those attach nothing that performs any.
    let leaf = op(Just(Op::New(None)));
    let any = op(op(leaf.clone()));
    prop_oneof![
        3 => vec(any.clone(), 1..40),
        1 => (nest(leaf), vec(any, 0..20)).prop_map(|(nest, rest)| [nest, rest].concat()),
    ]
}
