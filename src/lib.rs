//! One library on every event loop.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod aborted;
pub mod deferred;

pub use crate::{
    aborted::Aborted,
    deferred::{Completer, Deferred, IntoOutcome, Outcome, Task, unhandled},
};
