//! When the result of several deferreds is there, and what it is.

use std::marker::PhantomData;

use super::{FailureGroup, FirstError};
use crate::Aborted;

/// What becomes of a result that has arrived.
pub(super) enum Arrival<K, R> {
    /// It waits for the others.
    Keep(K),
    /// It decides.
    Decide(R),
}

/// What a rule makes of a result that has arrived.
pub(super) type ArrivalOf<R> = Arrival<<R as Rule>::Kept, Result<<R as Rule>::Output, <R as Rule>::Failure>>;

pub(super) trait Rule: 'static {
    type Item: 'static;
    type Error: From<Aborted> + 'static;
    /// What is kept of a result.
    type Kept: 'static;
    type Output: 'static;
    type Failure: From<Aborted> + 'static;

    const LOSERS_ARE_CANCELLED: bool = false;

    fn arrived(index: usize, result: Result<Self::Item, Self::Error>) -> ArrivalOf<Self>;

    /// What it comes to when all have arrived and none decided, or there are none.
    fn all(kept: Vec<Self::Kept>) -> Result<Self::Output, Self::Failure>;
}

pub(super) struct All<T, E>(PhantomData<fn(T, E)>);

impl<T: 'static, E: From<Aborted> + 'static> Rule for All<T, E> {
    type Item = T;
    type Error = E;
    type Kept = Result<T, E>;
    type Output = Vec<Result<T, E>>;
    type Failure = Aborted;

    fn arrived(_: usize, result: Result<T, E>) -> ArrivalOf<Self> {
        Arrival::Keep(result)
    }

    fn all(kept: Vec<Self::Kept>) -> Result<Self::Output, Self::Failure> {
        Ok(kept)
    }
}

pub(super) struct Gather<T, E>(PhantomData<fn(T, E)>);

impl<T: 'static, E: From<Aborted> + 'static> Rule for Gather<T, E> {
    type Item = T;
    type Error = E;
    type Kept = T;
    type Output = Vec<T>;
    type Failure = FirstError<E>;

    fn arrived(index: usize, result: Result<T, E>) -> ArrivalOf<Self> {
        match result {
            Ok(value) => Arrival::Keep(value),
            Err(error) => Arrival::Decide(Err(FirstError::new(index, error))),
        }
    }

    fn all(kept: Vec<T>) -> Result<Self::Output, Self::Failure> {
        Ok(kept)
    }
}

pub(super) struct First<T, E>(PhantomData<fn(T, E)>);

impl<T: 'static, E: From<Aborted> + 'static> Rule for First<T, E> {
    type Item = T;
    type Error = E;
    /// Whatever arrives decides.
    type Kept = std::convert::Infallible;
    type Output = (usize, T);
    type Failure = FirstError<E>;

    fn arrived(index: usize, result: Result<T, E>) -> ArrivalOf<Self> {
        Arrival::Decide(match result {
            Ok(value) => Ok((index, value)),
            Err(error) => Err(FirstError::new(index, error)),
        })
    }

    fn all(kept: Vec<Self::Kept>) -> Result<Self::Output, Self::Failure> {
        match kept.into_iter().next() {
            Some(never) => match never {},
            // There were none.
            None => Err(FirstError::from(Aborted::dropped())),
        }
    }
}

/// The first success; as a race, it cancels the others.
pub(super) struct Successes<T, E, const RACE: bool>(PhantomData<fn(T, E)>);

impl<T: 'static, E: From<Aborted> + 'static, const RACE: bool> Rule for Successes<T, E, RACE> {
    type Item = T;
    type Error = E;
    type Kept = E;
    type Output = (usize, T);
    type Failure = FailureGroup<E>;

    const LOSERS_ARE_CANCELLED: bool = RACE;

    fn arrived(index: usize, result: Result<T, E>) -> ArrivalOf<Self> {
        match result {
            Ok(value) => Arrival::Decide(Ok((index, value))),
            Err(error) => Arrival::Keep(error),
        }
    }

    fn all(errors: Vec<E>) -> Result<Self::Output, Self::Failure> {
        Err(FailureGroup {
            errors,
            is_aborted: false,
        })
    }
}
