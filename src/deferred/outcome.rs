use crate::{Aborted, Deferred};

/// What a callback came to: a result, or a deferred that the chain is to wait for.
///
/// [`and_then`](Deferred::and_then), [`or_else`](Deferred::or_else) and [`then`](Deferred::then)
/// take callbacks that return anything that [becomes an outcome](IntoOutcome): a `Result`, a
/// `Deferred`, or an `Outcome` where one callback sometimes has the one and sometimes the other.
///
/// ```
/// use interloop::{Aborted, Deferred, Outcome};
///
/// fn lookup(name: &str) -> Deferred<u32, Aborted> {
///     Deferred::ready(name.len() as u32)
/// }
///
/// let deferred = Deferred::<_, Aborted>::ready("cached").and_then(|name| match name {
///     "cached" => Outcome::Settled(Ok(7)),
///     other => Outcome::Waiting(lookup(other)),
/// });
/// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
/// ```
#[derive(Debug)]
pub enum Outcome<T: 'static, E: From<Aborted> + 'static> {
    /// The result is there.
    Settled(Result<T, E>),
    /// The result is that of another deferred, when it fires.
    Waiting(Deferred<T, E>),
}

/// What a callback may return (Twisted's `maybeDeferred`, as a trait).
pub trait IntoOutcome {
    /// The value on success.
    type Ok: 'static;
    /// The failure.
    type Err: From<Aborted> + 'static;

    /// Converts a callback's return value.
    fn into_outcome(self) -> Outcome<Self::Ok, Self::Err>;
}

impl<T: 'static, E: From<Aborted> + 'static> IntoOutcome for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_outcome(self) -> Outcome<T, E> {
        Outcome::Settled(self)
    }
}

impl<T: 'static, E: From<Aborted> + 'static> IntoOutcome for Deferred<T, E> {
    type Ok = T;
    type Err = E;

    fn into_outcome(self) -> Outcome<T, E> {
        Outcome::Waiting(self)
    }
}

impl<T: 'static, E: From<Aborted> + 'static> IntoOutcome for Outcome<T, E> {
    type Ok = T;
    type Err = E;

    fn into_outcome(self) -> Outcome<T, E> {
        self
    }
}
