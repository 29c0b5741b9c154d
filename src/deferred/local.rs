//! Deferreds that stay on their thread, for callbacks that own `Rc`s, or objects of a GUI.
//!
//! The names and the rules are those of [`Deferred`](crate::Deferred), on whose machinery these stand, without the bounds
//! of `Send`. What another thread completes belongs in one of those.
//!
//! ```
//! use std::{cell::RefCell, rc::Rc};
//! use interloop::{Aborted, local::Deferred};
//!
//! let lines = Rc::new(RefCell::new(Vec::new()));
//! let (completer, deferred) = Deferred::<&str, Aborted>::pair();
//! deferred.map_ok({
//!     let lines = lines.clone();
//!     move |line| lines.borrow_mut().push(line)
//! })
//! .detach();
//! completer.complete("hello");
//! assert_eq!(*lines.borrow(), ["hello"]);
//! ```

use super::flavour;

flavour::flavour! {
    module: "local::",
    bounds: [],
    marker: *const (),
    deferred: {
        /// A result that is not there yet, and stays on its thread: a chain of callbacks, and a future.
        ///
        /// All is as with [`crate::Deferred`], except that nothing needs to be `Send`, and neither is this. What goes from thread to
        /// thread by its nature is not here: reactors and their time limits, coroutines, sharing, fan-in and locks.
    },
    completer: {
        /// The half that fires its [`Deferred`]: once, from the same thread.
        ///
        /// All is as with [`crate::Completer`], except that nothing needs to be `Send`, and neither is this.
    },
}
