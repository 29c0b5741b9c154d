//! Random chains that are built on one thread while others fire what they wait for, and end their pauses. What comes out must not
//! depend on who is faster: the result, the failures that are reported as unhandled, and that nothing is left.

use std::{
    sync::{
        Arc, Barrier,
        mpsc::{Sender, channel},
    },
    thread,
};

use interloop::{Deferred, Pause};
use proptest::prelude::*;

use crate::{
    library,
    program::{Failure, Outcome, outcome},
};

type D = Deferred<u32, Failure>;

/// How a deferred is made.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    /// By another thread.
    Source(Outcome),
    Ready(Outcome),
    Add(Box<Expr>),
    Fail(Box<Expr>),
    Recover(Box<Expr>),
    /// Waits for the second, if the first has a value.
    And(Box<Expr>, Box<Expr>),
    /// Waits for the second, if the first has failed.
    Or(Box<Expr>, Box<Expr>),
    /// Is paused, until another thread ends that.
    Paused(Box<Expr>),
    /// Goes through another pair.
    Chained(Box<Expr>),
}

pub(crate) fn exprs() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        4 => outcome().prop_map(Expr::Source),
        1 => outcome().prop_map(Expr::Ready),
    ];
    leaf.prop_recursive(8, 40, 2, |inner| {
        let one = inner.clone().prop_map(Box::new);
        let two = (one.clone(), one.clone());
        prop_oneof![
            1 => one.clone().prop_map(Expr::Add),
            1 => one.clone().prop_map(Expr::Fail),
            1 => one.clone().prop_map(Expr::Recover),
            3 => two.clone().prop_map(|(first, second)| Expr::And(first, second)),
            3 => two.prop_map(|(first, second)| Expr::Or(first, second)),
            1 => one.clone().prop_map(Expr::Paused),
            1 => one.prop_map(Expr::Chained),
        ]
    })
}

impl Expr {
    /// The outcome, while failures that nobody takes go to `unhandled`.
    fn value(&self, unhandled: &mut Vec<Failure>) -> Outcome {
        match self {
            Expr::Source(outcome) | Expr::Ready(outcome) => *outcome,
            Expr::Add(of) => of.value(unhandled).map(|n| n + 1),
            Expr::Fail(of) => of.value(unhandled).and_then(|n| Err(Failure::Own(n))),
            Expr::Recover(of) => of.value(unhandled).or_else(recover),
            Expr::Paused(of) | Expr::Chained(of) => of.value(unhandled),
            Expr::And(first, second) | Expr::Or(first, second) => {
                let waits_if_ok = matches!(self, Expr::And(..));
                let (first, second) = (first.value(unhandled), second.value(unhandled));
                if first.is_ok() == waits_if_ok {
                    return second;
                }
                unhandled.extend(second.err());
                first
            }
        }
    }

    /// The outcomes that other threads are to fire with, in the order in which [`build`](Build::build) takes the deferreds.
    fn sources(&self, sources: &mut Vec<Outcome>) {
        match self {
            Expr::Source(outcome) => sources.push(*outcome),
            Expr::Ready(_) => {}
            Expr::Add(of) | Expr::Fail(of) | Expr::Recover(of) | Expr::Paused(of) | Expr::Chained(of) => {
                of.sources(sources);
            }
            Expr::And(first, second) | Expr::Or(first, second) => {
                first.sources(sources);
                second.sources(sources);
            }
        }
    }
}

fn recover(failure: Failure) -> Outcome {
    match failure {
        Failure::Own(n) => Ok(n),
        other => Err(other),
    }
}

struct Build {
    sources: std::vec::IntoIter<D>,
    pauses: Sender<Pause>,
    /// Is with every callback, so that those that are never dropped show.
    token: Arc<()>,
}

impl Build {
    fn build(&mut self, expr: &Expr) -> D {
        let token = self.token.clone();
        match expr {
            Expr::Source(_) => self.sources.next().expect("there is one for each"),
            Expr::Ready(outcome) => D::settled(*outcome),
            Expr::Add(of) => self.build(of).map_ok(move |n| with(token, n + 1)),
            Expr::Fail(of) => self
                .build(of)
                .and_then(move |n| with(token, Err::<u32, _>(Failure::Own(n)))),
            Expr::Recover(of) => self.build(of).or_else(move |failure| with(token, recover(failure))),
            Expr::And(first, second) => {
                let (first, second) = (self.build(first), self.build(second));
                first.and_then(move |_| with(token, second))
            }
            Expr::Or(first, second) => {
                let (first, second) = (self.build(first), self.build(second));
                first.or_else(move |_| with(token, second))
            }
            Expr::Paused(of) => {
                let mut deferred = self.build(of);
                self.pauses.send(deferred.pause()).expect("somebody ends them");
                deferred
            }
            Expr::Chained(of) => {
                let (completer, deferred) = D::pair();
                self.build(of).chain(completer).detach();
                deferred
            }
        }
    }
}

fn with<T>(token: Arc<()>, value: T) -> T {
    drop(token);
    value
}

/// Runs it, and says what came out, what was reported, and whether something is left.
fn run(expr: &Expr) -> (Outcome, Vec<Failure>, bool) {
    let mut outcomes = Vec::new();
    expr.sources(&mut outcomes);
    let (mut sources, mut shares) = (Vec::new(), [Vec::new(), Vec::new()]);
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let (completer, deferred) = D::pair();
        sources.push(deferred);
        // Some in the order in which they are waited for, some against it.
        shares[number % 2].push((completer, outcome));
    }
    shares[1].reverse();
    let token = Arc::new(());
    let (pauses, paused) = channel();
    let mut build = Build {
        sources: sources.into_iter(),
        pauses,
        token: token.clone(),
    };
    let begin = Barrier::new(shares.len() + 1);
    let all_at_once = || {
        thread::scope(|scope| {
            for share in shares {
                scope.spawn(|| {
                    begin.wait();
                    share
                        .into_iter()
                        .for_each(|(completer, outcome)| completer.settle(outcome));
                });
            }
            scope.spawn(|| paused.into_iter().for_each(Pause::resume));
            let built = scope.spawn(|| {
                begin.wait();
                let deferred = build.build(expr);
                drop(build);
                futures_executor::block_on(deferred)
            });
            built.join().expect("it does not panic")
        })
    };
    let (outcome, reported) = library::watching(all_at_once);
    (outcome, reported, Arc::strong_count(&token) > 1)
}

/// What must come of it, and what does.
pub(crate) fn compare(expr: &Expr) -> [(Outcome, Vec<Failure>, bool); 2] {
    let mut unhandled = Vec::new();
    let outcome = expr.value(&mut unhandled);
    let (got, mut reported, is_left) = run(expr);
    let number = |failure: &Failure| match failure {
        Failure::Own(n) => *n,
        _ => u32::MAX,
    };
    unhandled.sort_by_key(number);
    reported.sort_by_key(number);
    [(outcome, unhandled, false), (got, reported, is_left)]
}
