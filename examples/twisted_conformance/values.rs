//! Values, failures, and how both are written in a log.

use interloop::{Aborted, AsAborted};
use serde::Deserialize;
use serde_json::json;

use crate::program::{Id, Trap};

/// A line of a log, in the form in which it is compared.
pub(crate) type Event = serde_json::Value;

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    // The rest are no literals: only the library makes them.
    #[serde(skip)]
    List(Vec<Value>),
    #[serde(skip)]
    Results(Vec<Outcome>),
    #[serde(skip)]
    First(Box<Value>, usize),
    #[serde(skip)]
    Won(usize, Box<Value>),
    #[serde(skip)]
    Lock(Id),
    #[serde(skip)]
    LoopingCall(Id),
    #[serde(skip)]
    Task(Id),
}

impl Value {
    pub(crate) fn to_json(&self) -> Event {
        match self {
            Value::Null => Event::Null,
            Value::Int(n) => json!(n),
            Value::Text(text) => json!(text),
            Value::List(values) => json!({"list": values.iter().map(Value::to_json).collect::<Vec<_>>()}),
            Value::Results(results) => json!({"results": results.iter().map(outcome_to_json).collect::<Vec<_>>()}),
            Value::First(value, index) => json!({"first": [value.to_json(), index]}),
            Value::Won(index, value) => json!({"won": [index, value.to_json()]}),
            Value::Lock(id) => json!({"lock": id}),
            Value::LoopingCall(id) => json!({"lc": id}),
            Value::Task(id) => json!({"task": id}),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The program's own.
    E(i64),
    /// The library's word for a result that never came.
    Aborted(Aborted),
    Timeout(i64),
    FirstError(usize, Box<Failure>),
    Group(Vec<Failure>),
    /// One that has a name, and nothing else to tell.
    Named(&'static str),
}

pub(crate) const ALREADY_CALLED: Failure = Failure::Named("already_called");
pub(crate) const FUTURE_CANCELLED: Failure = Failure::Named("future_cancelled");

impl Failure {
    pub(crate) fn to_json(&self) -> Event {
        match self {
            Failure::E(k) => json!({"e": k}),
            Failure::Aborted(aborted) if aborted.is_cancelled() => json!("cancelled"),
            // No program expects these.
            Failure::Aborted(aborted) => json!({"aborted": aborted.to_string()}),
            Failure::Timeout(t) => json!({"timeout": t}),
            Failure::FirstError(index, failure) => json!({"first_error": [index, failure.to_json()]}),
            Failure::Group(failures) => json!({"group": failures.iter().map(Failure::to_json).collect::<Vec<_>>()}),
            Failure::Named(name) => json!(name),
        }
    }

    pub(crate) fn is(&self, kind: Trap) -> bool {
        match (kind, self) {
            (Trap::E, Failure::E(_))
            | (Trap::Timeout, Failure::Timeout(_))
            | (Trap::FirstError, Failure::FirstError(..))
            | (Trap::Group, Failure::Group(_))
            | (Trap::AlreadyCalled, Failure::Named("already_called"))
            | (Trap::FutureCancelled, Failure::Named("future_cancelled")) => true,
            (Trap::Cancelled, Failure::Aborted(aborted)) => aborted.is_cancelled(),
            _ => false,
        }
    }
}

impl From<Aborted> for Failure {
    fn from(aborted: Aborted) -> Self {
        Failure::Aborted(aborted)
    }
}

impl AsAborted for Failure {
    fn as_aborted(&self) -> Option<&Aborted> {
        match self {
            Failure::Aborted(aborted) => Some(aborted),
            _ => None,
        }
    }
}

pub(crate) type Outcome = Result<Value, Failure>;

pub(crate) fn outcome_to_json(outcome: &Outcome) -> Event {
    match outcome {
        Ok(value) => json!({"ok": value.to_json()}),
        Err(failure) => json!({"err": failure.to_json()}),
    }
}
