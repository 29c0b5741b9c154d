//! A callback that comes many times, as a stream.
//!
//! The [`Sender`] goes to the callback, which may come on any thread. The [`Receiver`] is a stream of what it brought:
//!
//! ```
//! use std::{num::NonZeroUsize, ops::ControlFlow, thread};
//! use futures_util::StreamExt;
//! use interloop::{Aborted, callback::stream::{self, Overflow}};
//!
//! /// Somebody's API: it calls back on a thread of its own, until it is told to stop.
//! fn watch_sensor(mut callback: impl FnMut(u32) -> ControlFlow<()> + Send + 'static) {
//!     thread::spawn(move || (20..).try_for_each(|celsius| callback(celsius)));
//! }
//!
//! # futures_executor::block_on(async {
//! let capacity = NonZeroUsize::new(16).unwrap();
//! let (sender, mut temperatures) = stream::bounded::<u32, Aborted>(capacity, Overflow::Wait);
//! watch_sensor(sender.into_callback());
//! assert_eq!(temperatures.next().await.unwrap()?, 20);
//! assert_eq!(temperatures.next().await.unwrap()?, 21);
//! drop(temperatures); // the next callback says stop
//! # Ok::<_, Aborted>(())
//! # }).unwrap();
//! ```
//!
//! # Items
//!
//! They are `Result`s, so that a failure of the callback's has a place, and so that nothing is lost in silence: a stream that
//! [overflowed](Overflow::Fail), or whose callback panicked, has an error at its end. There are no errors where nobody makes one. The error
//! type is any that is made `From<Aborted>`, as with a [`Deferred`](crate::Deferred).
//!
//! What one thread pushes keeps its order. What several threads push arrives in the order in which they got hold of the stream.
//!
//! # The end
//!
//! The producer ends the stream when the last [`Sender`] is dropped, with [`close`](Sender::close), or with an error
//! ([`fail`](Sender::fail)). The consumer ends it with [`stop`](Receiver::stop), or by dropping the [`Receiver`]. However it ended, what
//! was queued before comes first, and the next push says that nothing is taken any more.
//!
//! # From C
//!
//! [`Sender::into_raw`] makes the pointer that C calls `user_data` of a sender, and [`raw`] has functions for C to call with it.
//!
//! # Cost
//!
//! A push takes a lock, and allocates only where the queue grows. Under the lock things are moved, and nothing else: no waker, no callback, no
//! destructor.

mod error;
pub mod raw;
mod receiver;
mod sender;
mod shared;

use std::num::NonZeroUsize;

use self::shared::Shared;
pub use self::{
    error::PushError,
    receiver::{Receiver, StopHandle},
    sender::{Sender, Verdict},
};

/// What becomes of a push when the stream has as many items as its capacity allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The thread that pushes waits until there is room, or the stream has ended.
    ///
    /// On a thread that runs a loop that could keep the consumer from running, so the push is an error there
    /// ([`PushError::is_deadlock`]). It is known of tasks and calls of a [`Reactor`](crate::Reactor), and of what runs inside
    /// an adapter's `block_on`, as with [`Deferred::wait`](crate::Deferred::wait).
    Wait,
    /// The item that is pushed is dropped, and [counted](Receiver::dropped). The producer is not told.
    DropNewest,
    /// The item that has waited longest is dropped, and [counted](Receiver::dropped). The producer is not told.
    DropOldest,
    /// The stream ends: after what is queued comes [`Aborted::overflowed`](crate::Aborted::overflowed), which says how many
    /// items were taken before, and the producer gets the item back with an error ([`PushError::is_overflowed`]).
    Fail,
}

/// Makes a stream that holds at most `capacity` items.
///
/// ```
/// use std::num::NonZeroUsize;
/// use futures_util::StreamExt;
/// use interloop::{Aborted, callback::stream::{self, Overflow}};
///
/// let two = NonZeroUsize::new(2).unwrap();
/// let (sender, items) = stream::bounded::<u8, Aborted>(two, Overflow::DropOldest);
/// for n in 1..=5 {
///     sender.push(n).unwrap();
/// }
/// drop(sender);
/// assert_eq!(items.dropped(), 3);
/// let left = futures_executor::block_on(items.map(Result::unwrap).collect::<Vec<_>>());
/// assert_eq!(left, [4, 5]);
/// ```
pub fn bounded<T, E>(capacity: NonZeroUsize, overflow: Overflow) -> (Sender<T, E>, Receiver<T, E>) {
    pair(capacity.get(), overflow)
}

/// Makes a stream that holds as many items as are pushed: for callbacks that cannot outrun their consumer for long.
pub fn unbounded<T, E>() -> (Sender<T, E>, Receiver<T, E>) {
    // Memory ends before this.
    pair(usize::MAX, Overflow::Wait)
}

fn pair<T, E>(capacity: usize, overflow: Overflow) -> (Sender<T, E>, Receiver<T, E>) {
    let shared = Shared::new(capacity, overflow);
    (Sender::new(shared.clone()), Receiver::new(shared))
}
