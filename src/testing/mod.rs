//! Tests on any loop.
pub use crate::reactor::Watch;
