//! Callbacks of other libraries, in C or in Rust, and what they become here.
//!
//! | a callback that comes | becomes |
//! |---|---|
//! | many times | a [`stream`], with a capacity and a rule for when it is full |
//!
//! The other way round, [`entry`] starts a future for code in C, and calls that back when it is done.

pub mod entry;
pub mod stream;
