//! Deferreds that stay on their thread.

use super::flavour;
pub use super::task::local::Task;

flavour::flavour! {
    module: "local::",
    bounds: [],
    marker: *const (),
    awaited_when: is_running_at_home,
    deferred: {
        /// A result that is not there yet, and stays on its thread: a chain of callbacks, and a future.
        ///
        /// All is as with [`crate::Deferred`], except that nothing needs to be `Send`, and neither is this: time limits and
        /// [`via`](Self::via) take a [`local::Reactor`](crate::local::Reactor), and a coroutine is resumed on this thread, see
        /// [`from_coroutine`](Self::from_coroutine).
    },
    completer: {
        /// The half that fires its [`Deferred`]: once, from the same thread.
        ///
        /// All is as with [`crate::Completer`], except that nothing needs to be `Send`, and neither is this.
    },
}
