//! When the result of several deferreds is there, and what it is.

use std::marker::PhantomData;

use super::{FailureGroup, FirstError};
use crate::Aborted;

/// What an arrival comes to.
pub(super) enum Decision<T, E, R> {
    Wait,
    Fire(R),
    /// It came when all was decided.
    Late(Result<T, E>),
}

type DecisionOf<R> = Decision<<R as Rule>::Item, <R as Rule>::Error, Result<<R as Rule>::Output, <R as Rule>::Failure>>;

/// Called under a lock: it moves values, and neither drops nor calls what is the user's.
pub(super) trait Rule: Send + Sized + 'static {
    type Item: Send + 'static;
    type Error: From<Aborted> + Send + 'static;
    type Output: Send + 'static;
    type Failure: From<Aborted> + Send + 'static;

    const LOSERS_ARE_CANCELLED: bool = false;

    /// The output of no deferreds, if there is one.
    fn of_none(&mut self) -> Option<Self::Output>;

    fn arrived(&mut self, index: usize, result: Result<Self::Item, Self::Error>) -> DecisionOf<Self>;
}

/// Places for as many as will arrive.
struct Places<T> {
    taken: Vec<Option<T>>,
    missing: usize,
}

impl<T> Places<T> {
    fn new(count: usize) -> Self {
        Self {
            taken: std::iter::repeat_with(|| None).take(count).collect(),
            missing: count,
        }
    }

    /// Gives all, once the last has arrived.
    fn take(&mut self, index: usize, value: T) -> Option<Vec<T>> {
        self.taken[index] = Some(value);
        self.missing -= 1;
        // In place: an `Option` of a type with a niche is of its size.
        (self.missing == 0).then(|| std::mem::take(&mut self.taken).into_iter().flatten().collect())
    }
}

pub(super) struct All<T, E>(Places<Result<T, E>>);

impl<T, E> All<T, E> {
    pub(super) fn new(count: usize) -> Self {
        Self(Places::new(count))
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> Rule for All<T, E> {
    type Item = T;
    type Error = E;
    type Output = Vec<Result<T, E>>;
    type Failure = Aborted;

    fn of_none(&mut self) -> Option<Self::Output> {
        Some(Vec::new())
    }

    fn arrived(&mut self, index: usize, result: Result<T, E>) -> DecisionOf<Self> {
        self.0
            .take(index, result)
            .map_or(Decision::Wait, |results| Decision::Fire(Ok(results)))
    }
}

pub(super) struct Gather<T, E> {
    values: Places<T>,
    error: PhantomData<fn(E)>,
}

impl<T, E> Gather<T, E> {
    pub(super) fn new(count: usize) -> Self {
        Self {
            values: Places::new(count),
            error: PhantomData,
        }
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> Rule for Gather<T, E> {
    type Item = T;
    type Error = E;
    type Output = Vec<T>;
    type Failure = FirstError<E>;

    fn of_none(&mut self) -> Option<Self::Output> {
        Some(Vec::new())
    }

    fn arrived(&mut self, index: usize, result: Result<T, E>) -> DecisionOf<Self> {
        match result {
            Ok(value) => self
                .values
                .take(index, value)
                .map_or(Decision::Wait, |values| Decision::Fire(Ok(values))),
            Err(error) => Decision::Fire(Err(FirstError {
                index: Some(index),
                error,
            })),
        }
    }
}

pub(super) struct First<T, E>(PhantomData<fn(T, E)>);

impl<T, E> First<T, E> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static> Rule for First<T, E> {
    type Item = T;
    type Error = E;
    type Output = (usize, T);
    type Failure = FirstError<E>;

    fn of_none(&mut self) -> Option<Self::Output> {
        None
    }

    fn arrived(&mut self, index: usize, result: Result<T, E>) -> DecisionOf<Self> {
        Decision::Fire(match result {
            Ok(value) => Ok((index, value)),
            Err(error) => Err(FirstError {
                index: Some(index),
                error,
            }),
        })
    }
}

/// The first success; as a race, it cancels the others.
pub(super) struct Successes<T, E, const RACE: bool> {
    errors: Places<E>,
    value: PhantomData<fn(T)>,
}

impl<T, E, const RACE: bool> Successes<T, E, RACE> {
    pub(super) fn new(count: usize) -> Self {
        Self {
            errors: Places::new(count),
            value: PhantomData,
        }
    }
}

impl<T: Send + 'static, E: From<Aborted> + Send + 'static, const RACE: bool> Rule for Successes<T, E, RACE> {
    type Item = T;
    type Error = E;
    type Output = (usize, T);
    type Failure = FailureGroup<E>;

    const LOSERS_ARE_CANCELLED: bool = RACE;

    fn of_none(&mut self) -> Option<Self::Output> {
        None
    }

    fn arrived(&mut self, index: usize, result: Result<T, E>) -> DecisionOf<Self> {
        match result {
            Ok(value) => Decision::Fire(Ok((index, value))),
            Err(error) => self
                .errors
                .take(index, error)
                .map_or(Decision::Wait, |errors| Decision::Fire(Err(FailureGroup { errors }))),
        }
    }
}
