//! Futures that code in C starts, and which call it back.
//!
//! A library written in async Rust offers a function like this to C:
//!
//! ```c
//! typedef void (*answer_done)(void *user_data, int status, const uint32_t *answer);
//! operation *answer_start(service *service, answer_done done, void *user_data);
//! void operation_cancel(const operation *operation);
//! void operation_release(operation *operation);
//! ```
//!
//! [`start`] is what stands behind the first, [`cancel`] and [`release`] are the others:
//!
//! ```
//! use std::{ffi::{c_int, c_void}, io, num::NonZero, ptr};
//! use interloop::{Aborted, AsAborted, Reactor, callback::entry::{self, Callback, Done, Operation}};
//!
//! pub struct Service { reactor: Reactor }
//!
//! async fn answer(reactor: Reactor) -> io::Result<u32> {
//!     reactor.sleep(std::time::Duration::from_millis(1)).await?;
//!     Ok(42)
//! }
//!
//! /// What the library's header says of its errors.
//! fn status(error: &io::Error) -> NonZero<c_int> {
//!     let status = if error.as_aborted().is_some_and(Aborted::is_cancelled) { 1 } else { 2 };
//!     NonZero::new(status).unwrap()
//! }
//!
//! /// # Safety
//! /// As the header says.
//! #[unsafe(no_mangle)]
//! pub unsafe extern "C" fn answer_start(
//!     service: *const Service,
//!     done: Option<Done<u32>>,
//!     user_data: *mut c_void,
//! ) -> *mut Operation {
//!     entry::no_unwind(ptr::null_mut(), || {
//!         // SAFETY: the header says that it is null, or a service that was not freed.
//!         let (Some(service), Some(done)) = (unsafe { service.as_ref() }, done) else {
//!             return ptr::null_mut();
//!         };
//!         // SAFETY: the header says that `done` may be called with `user_data` on any thread.
//!         let callback = unsafe { Callback::new(done, user_data) };
//!         entry::start(&service.reactor, answer(service.reactor.clone()), callback, status).into_raw()
//!     })
//! }
//! # extern "C" fn done(user_data: *mut c_void, status: c_int, answer: *const u32) {
//! #     let to = unsafe { &*user_data.cast::<std::sync::mpsc::Sender<(c_int, Option<u32>)>>() };
//! #     to.send((status, unsafe { answer.as_ref() }.copied())).unwrap();
//! # }
//! # let service = Service { reactor: interloop_smol::global() };
//! # let (to, from) = std::sync::mpsc::channel::<(c_int, Option<u32>)>();
//! # let operation = unsafe { answer_start(&service, Some(done), (&raw const to).cast_mut().cast()) };
//! # assert_eq!(from.recv().unwrap(), (0, Some(42)));
//! # unsafe { entry::release(operation) };
//! ```
//!
//! The example `c_library` is a whole one, with its header, and a program in C that uses it.
//!
//! # What C can rely on
//!
//! - The callback is called exactly once for each operation that was started, whatever becomes of it: with status 0 and the result, or with another status
//!   and null, if it failed, was cancelled, panicked, or its loop has shut down. The result is good until the callback returns.
//! - It is called on a thread of the loop, or inside of [`cancel`], on the thread that cancels. If that loop has shut down, it is called by whoever
//!   finds that out, and so perhaps before the starting function returns. [`Callback::on`] chooses another loop to be called on, always.
//! - The operation is released by [`release`], once, at any time: before the callback, which comes all the same; in it; or after it. Until
//!   then it can be cancelled any number of times, from any thread, also in the callback and after it, when nothing happens any more.
//! - No panic crosses.
//!
//! # The same in Rust
//!
//! A function that takes a completion handler needs nothing of this: [`Reactor::spawn`] gives a deferred, which calls
//! the handler exactly once on the same conditions.
//!
//! ```
//! use std::io;
//! use interloop::{Aborted, CancelHandle, Reactor};
//!
//! async fn answer() -> io::Result<u32> {
//!     Ok(42)
//! }
//!
//! fn start(reactor: &Reactor, handler: impl FnOnce(io::Result<u32>) + Send + 'static) -> CancelHandle {
//!     let mut answer = reactor.spawn(answer());
//!     let handle = answer.cancel_handle();
//!     answer.then(|result| Ok::<_, Aborted>(handler(result))).detach();
//!     handle
//! }
//! # let (sender, receiver) = std::sync::mpsc::channel();
//! # start(&interloop_smol::global(), move |result| sender.send(result).unwrap());
//! # assert_eq!(receiver.recv().unwrap().unwrap(), 42);
//! ```
#![allow(unsafe_code)]
// INVARIANT: a pointer that `Operation::into_raw` has given is that of a box, until `from_raw` takes it back. Nothing here is borrowed from the box
// while foreign code runs, so that this may release it.

use std::{
    ffi::{c_int, c_void},
    fmt,
    future::Future,
    mem,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use crate::{Aborted, CancelHandle, Deferred, Reactor};

/// What C is called with when it is done: its `user_data`, a status, which is zero if there is a result, and the result, or null.
pub type Done<R> = unsafe extern "C" fn(user_data: *mut c_void, status: c_int, result: *const R);

/// The status of an error for which the library's own function for that has panicked.
pub const UNKNOWN: c_int = c_int::MAX;

/// A callback of C's that is to be called once, with its `user_data`.
#[must_use = "it is called by what it is given to"]
pub struct Callback<R> {
    done: Done<R>,
    user_data: *mut c_void,
    on: Option<Reactor>,
}

// SAFETY: whoever made it has promised that it may be called on any thread.
unsafe impl<R> Send for Callback<R> {}

impl<R> Callback<R> {
    /// Makes one of what C has passed.
    ///
    /// # Safety
    /// `done` may be called with `user_data`, on any thread, once, at any time from now on; with [`on`](Self::on), on any thread of that
    /// loop, and where it ends.
    pub unsafe fn new(done: Done<R>, user_data: *mut c_void) -> Self {
        Self {
            done,
            user_data,
            on: None,
        }
    }

    /// Has it called on a loop of choice, by [`Reactor::call_soon`]: never inside of [`cancel`] or of the function that starts, and never
    /// at the same time as another. Only if that loop has shut down it is called elsewhere, with the status of
    /// [`Aborted::shut_down`].
    pub fn on(mut self, reactor: &Reactor) -> Self {
        self.on = Some(reactor.clone());
        self
    }

    fn call(self, status: c_int, result: *const R) {
        // SAFETY: the promise of `new`. This takes the callback, so it is the only call; and the result is borrowed until it returns.
        unsafe { (self.done)(self.user_data, status, result) }
    }

    fn fail<E>(self, status: impl FnOnce(&E) -> NonZero<c_int>, error: &E) {
        let status = no_unwind(UNKNOWN, || status(error).get());
        self.call(status, ptr::null());
    }
}

impl<R> fmt::Debug for Callback<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("on", &self.on).finish_non_exhaustive()
    }
}

/// Starts a future on a reactor, and calls back when it is done.
///
/// `status` makes a number of an error. Should it panic, that is [`UNKNOWN`]. Panics, a loop that has shut down, and cancellations are errors made
/// `From<Aborted>`, as everywhere.
#[track_caller]
pub fn start<R, E>(
    reactor: &Reactor,
    future: impl Future<Output = Result<R, E>> + Send + 'static,
    callback: Callback<R>,
    status: impl FnOnce(&E) -> NonZero<c_int> + Send + 'static,
) -> Operation
where
    R: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    finish(reactor.spawn(future), callback, status)
}

/// Like [`start`], for what has been started already.
#[track_caller]
pub fn finish<R, E>(
    mut deferred: Deferred<R, E>,
    callback: Callback<R>,
    status: impl FnOnce(&E) -> NonZero<c_int> + Send + 'static,
) -> Operation
where
    R: Send + 'static,
    E: From<Aborted> + Send + 'static,
{
    let handle = deferred.cancel_handle();
    deferred
        .then(move |result| {
            let on = callback.on.clone();
            let mut delivery = Delivery {
                pending: Some((callback, status, result)),
            };
            match on {
                None => delivery.deliver(),
                Some(reactor) => reactor.call_soon(move || delivery.deliver()),
            }
            Ok::<_, Aborted>(())
        })
        .detach();
    Operation { handle }
}

/// What the callback is to be called with. Dropped before it was, it says that the loop has shut down.
struct Delivery<R, E, S>
where
    E: From<Aborted>,
    S: FnOnce(&E) -> NonZero<c_int>,
{
    /// Empty once it was called.
    pending: Option<(Callback<R>, S, Result<R, E>)>,
}

impl<R, E, S> Delivery<R, E, S>
where
    E: From<Aborted>,
    S: FnOnce(&E) -> NonZero<c_int>,
{
    fn deliver(&mut self) {
        if let Some((callback, status, result)) = self.pending.take() {
            match &result {
                Ok(value) => callback.call(0, value),
                Err(error) => callback.fail(status, error),
            }
        }
    }
}

impl<R, E, S> Drop for Delivery<R, E, S>
where
    E: From<Aborted>,
    S: FnOnce(&E) -> NonZero<c_int>,
{
    fn drop(&mut self) {
        if let Some((callback, status, unseen)) = self.pending.take() {
            match no_unwind(None, || Some(E::from(Aborted::shut_down()))) {
                Some(error) => callback.fail(status, &error),
                None => callback.call(UNKNOWN, ptr::null()),
            }
            no_unwind((), || drop(unseen));
        }
    }
}

/// What C has of an operation that was started: something to cancel it with. Dropping it cancels nothing.
#[derive(Debug)]
pub struct Operation {
    handle: CancelHandle,
}

impl Operation {
    /// Cancels the operation, unless it is done. The callback is called with the status of [`Aborted::cancelled`], inside of this, unless
    /// the operation is just making progress on another thread, or the callback has [a loop of its own](Callback::on).
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// Makes a pointer of it for C, which owns it.
    #[must_use = "a pointer that is not released is a leak"]
    pub fn into_raw(self) -> *mut Self {
        Box::into_raw(Box::new(self))
    }

    /// Takes it back.
    ///
    /// # Safety
    /// The pointer comes from [`into_raw`](Self::into_raw), and is not used any more.
    pub unsafe fn from_raw(operation: *mut Self) -> Self {
        // SAFETY: by the invariant it is that of a box, which the caller gives up.
        *unsafe { Box::from_raw(operation) }
    }
}

/// `void (*)(const operation *)`: see [`Operation::cancel`]. Nothing, for a pointer that is null.
///
/// # Safety
/// The pointer is null, or comes from [`Operation::into_raw`], and was not released before this call began.
pub unsafe extern "C" fn cancel(operation: *const Operation) {
    // SAFETY: by the invariant, and the caller's promise. The borrow ends before anything foreign runs.
    let handle = unsafe { operation.as_ref() }.map(|operation| operation.handle.clone());
    if let Some(handle) = handle {
        no_unwind((), || handle.cancel());
    }
}

/// `void (*)(operation *)`: frees what C has of an operation, which goes on. Nothing, for a pointer that is null.
///
/// # Safety
/// The pointer is null, or comes from [`Operation::into_raw`], and is not used any more.
pub unsafe extern "C" fn release(operation: *mut Operation) {
    if !operation.is_null() {
        // SAFETY: the caller's promise is the one asked for here.
        let operation = unsafe { Operation::from_raw(operation) };
        no_unwind((), || drop(operation));
    }
}

/// Keeps panics from crossing into C, for the body of an `extern "C"` function: gives what `f` returns, or `otherwise`, if it
/// panics. The program's panic hook has seen it then.
pub fn no_unwind<R>(otherwise: R, f: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        // Dropping what it was made with may panic again, and what that throws is not looked at any more.
        mem::forget(catch_unwind(AssertUnwindSafe(|| drop(panic))));
        otherwise
    })
}
