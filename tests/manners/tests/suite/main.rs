//! Every bad manner of the library, on every loop.
//!
//! A case is an async function in an `every_loop!`. Under a sanitizer or valgrind, `ci/foreign.sh` runs all of them.

#![allow(unsafe_code)]

mod at_exit;
mod every_loop;
mod loop_gone;
mod many;
mod once;
mod shared;
mod tokens;

use interloop::{Deferred, Reactor};
use interloop_manners::{Answer, Ended, MannersError};

type Asked = Deferred<Answer, MannersError>;

/// Answered once, and what it was answered with was given back.
const ONCE: Ended = Ended {
    called: 1,
    results_left: 0,
};

/// Answered twice, and what it was answered with was given back both times.
const TWICE: Ended = Ended {
    called: 2,
    results_left: 0,
};

/// Never answered.
const NEVER: Ended = Ended {
    called: 0,
    results_left: 0,
};

/// Awaits an answer in a task of the loop, and gives its value.
async fn value_of(reactor: &Reactor, asked: Asked) -> Result<i32, MannersError> {
    let value = reactor.spawn(async move {
        let answer = asked.await?;
        Ok::<_, MannersError>(answer.value())
    });
    value.await
}
