//! Chains that are deep enough to overflow the stack of whoever runs or drops them by recursion.

use std::sync::{Arc, Mutex, PoisonError};

use interloop::{Completer, Deferred, Outcome as Answer, gather};
use serde_json::json;

use crate::{
    program::Deep,
    values::{Failure, Value, outcome_to_json},
    world::World,
};

type Link = Deferred<i64, Failure>;
type Fire = Completer<i64, Failure>;

impl World {
    pub(crate) fn deep(&self, kind: Deep, n: usize, v: i64) {
        let end = match kind {
            Deep::Callbacks => Some(callbacks(n, v)),
            Deep::Flip => Some(flip(n, v)),
            Deep::Fired => Some((0..n).fold(Link::ready(v), |link, _| link.and_then(|x| Link::ready(x + 1)))),
            Deep::OuterFirst => Some(all_but_the_last_fired(n, |last, _| last.complete(v))),
            Deep::InnerFirst => Some(inner_first(n, v)),
            Deep::Errors => Some(all_but_the_last_fired(n, |last, _| last.fail(Failure::E(v)))),
            Deep::Cancel => {
                // The last completer is dropped after that, when it has nothing to say any more.
                Some(all_but_the_last_fired(n, |_, first| first.cancel()))
            }
            Deep::Drop => {
                drop_chain(n);
                None
            }
            Deep::Tail => Some(tail(n, v)),
            Deep::List => Some(list(n, v)),
            Deep::Await => Some(awaited(n, v)),
        };
        let outcome = end.and_then(|end| end.try_take().ok());
        self.log(json!({"deep": match outcome {
            Some(outcome) => outcome_to_json(&outcome.map(Value::Int)),
            None => json!("pending"),
        }}));
    }
}

fn callbacks(n: usize, v: i64) -> Link {
    let (fire, link) = Link::pair();
    let end = (0..n).fold(link, |link, _| link.map_ok(|x| x + 1));
    fire.complete(v);
    end
}

fn flip(n: usize, v: i64) -> Link {
    let (fire, link) = Link::pair();
    let end = (0..n).fold(link, |link, _| {
        link.and_then(move |_| Err::<i64, _>(Failure::E(v)))
            .or_else(move |_| Ok::<_, Failure>(v))
    });
    fire.complete(v);
    end
}

/// Deferreds of which each, but the last, has a callback that returns the next. Gives the first, and what fires them.
fn links(n: usize) -> (Link, Vec<Fire>) {
    let (fire, last) = Link::pair();
    let mut fires = vec![fire];
    let first = (0..n).fold(last, |inner, _| {
        let (fire, outer) = Link::pair();
        fires.push(fire);
        outer.and_then(move |_| inner)
    });
    fires.reverse();
    (first, fires)
}

fn all_but_the_last_fired(n: usize, end: impl FnOnce(Fire, &Link)) -> Link {
    let (first, mut fires) = links(n);
    let last = fires.pop().expect("there is one more than `n`");
    fires.into_iter().for_each(|fire| fire.complete(0));
    end(last, &first);
    first
}

fn inner_first(n: usize, v: i64) -> Link {
    let (first, fires) = links(n);
    fires.into_iter().rev().for_each(|fire| fire.complete(v));
    first
}

fn drop_chain(n: usize) {
    let (first, mut fires) = links(n);
    let last = fires.pop();
    fires.into_iter().for_each(|fire| fire.complete(0));
    drop(first);
    drop(last);
}

fn tail(n: usize, v: i64) -> Link {
    type Fires = Arc<Mutex<Vec<Fire>>>;

    fn again(k: usize, v: i64, fires: Fires) -> Answer<i64, Failure> {
        if k == 0 {
            return Answer::Settled(Ok(v));
        }
        let (fire, link) = Link::pair();
        fires.lock().unwrap_or_else(PoisonError::into_inner).push(fire);
        Answer::Waiting(link.and_then(move |_| again(k - 1, v, fires)))
    }

    let fires = Fires::default();
    let (top, link) = Link::pair();
    let end = link.and_then({
        let fires = fires.clone();
        move |_| again(n, v, fires)
    });
    top.complete(0);
    loop {
        // In a statement of its own, so that the lock is not held while the callbacks run.
        let newest = fires.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match newest {
            Some(fire) => fire.complete(0),
            None => return end,
        }
    }
}

fn list(n: usize, v: i64) -> Link {
    let (fires, links): (Vec<_>, Vec<_>) = (0..n).map(|_| Link::pair()).unzip();
    let sum = gather(links)
        .map_ok(|values| values.into_iter().sum())
        .map_err(|error| error.into_error());
    fires.into_iter().for_each(|fire| fire.complete(v));
    sum
}

fn awaited(n: usize, v: i64) -> Link {
    Link::from_coroutine(async move {
        let mut total = 0;
        for _ in 0..n {
            total += Link::ready(v).await?;
        }
        Ok(total)
    })
}
