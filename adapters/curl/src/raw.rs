//! The handles of libcurl as one value that may go from thread to thread, and the only `unsafe` code of this crate.

#![allow(unsafe_code)]

use std::{
    any::Any,
    collections::HashMap,
    ffi::c_long,
    os::fd::{BorrowedFd, RawFd},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use curl::{
    MultiError,
    easy::{Easy2, Handler},
    multi::{Events, Multi, SocketEvents},
};

use crate::{
    Error,
    options::Options,
    transfer::{Active, Settle, Waiting},
};

/// A multi handle, with the easy handles that are in it.
///
/// # Invariant
/// None of the handles is reachable from elsewhere. What goes in is an easy handle by value, which is `Send`, and what comes
/// out is one that was removed from the multi handle before.
pub(crate) struct Handles {
    // Dropped before the multi handle: removing them runs callbacks that this owns.
    active: HashMap<usize, Box<dyn Active>>,
    multi: Multi,
    /// In no transfer. Asked whether a callback has panicked on this thread.
    probe: Easy2<Nothing>,
}

// SAFETY: libcurl's handles belong to no thread; what its documentation asks for is that a multi handle and its easy handles are
// used by one thread at a time. All of them are in here and reachable by nobody else (the invariant), and as this is not `Sync`,
// whoever uses one has them all. What runs inside, handlers and our callbacks, is `Send` by the bounds of `Waiting` and of
// the multi handle's setters.
unsafe impl Send for Handles {}

/// The handler of a handle that transfers nothing.
struct Nothing;

impl Handler for Nothing {}

impl Handles {
    /// Makes a multi handle. `on_socket` is told what to wait for on a socket, `on_timer` when time is to be told.
    ///
    /// # Errors
    /// If there are no descriptors or no memory for it.
    pub(crate) fn new(
        options: &Options,
        on_socket: impl FnMut(RawFd, SocketEvents) + Send + 'static,
        mut on_timer: impl FnMut(Option<Duration>) + Send + 'static,
    ) -> Result<Self, MultiError> {
        // It panics where libcurl has given none, which says no more than that.
        let multi = catch_unwind(Multi::new).map_err(|_| MultiError::new(curl_sys::CURLM_OUT_OF_MEMORY))?;
        quick_exit(&multi);
        let mut handles = Self {
            active: HashMap::new(),
            multi,
            probe: Easy2::new(Nothing),
        };
        let mut on_socket = on_socket;
        let multi = &mut handles.multi;
        multi.socket_function(move |socket, events, _| on_socket(socket, events))?;
        multi.timer_function(move |after| {
            on_timer(after);
            true
        })?;
        options.apply(multi)?;
        Ok(handles)
    }

    /// Starts a transfer. Fails what waits for it if libcurl does not take it.
    pub(crate) fn add(&mut self, id: usize, waiting: Box<dyn Waiting>) -> Result<(), Box<dyn Settle>> {
        let active = waiting.start(&self.multi, id)?;
        self.active.insert(id, active);
        Ok(())
    }

    /// Takes a transfer off the multi handle, wherever it stands.
    pub(crate) fn end(&mut self, id: usize, why: Error) -> Option<Box<dyn Settle>> {
        let active = self.active.remove(&id)?;
        Some(active.end(&self.multi, Err(why)))
    }

    /// Takes all transfers off the multi handle.
    pub(crate) fn end_all(&mut self, why: impl Fn() -> Error, settled: &mut Vec<Box<dyn Settle>>) {
        for (_, active) in self.active.drain() {
            settled.push(active.end(&self.multi, Err(why())));
        }
    }

    /// Lets a transfer go on that its handler has paused.
    pub(crate) fn resume(&mut self, id: usize) {
        if let Some(active) = self.active.get(&id) {
            active.resume();
        }
    }

    /// Tells libcurl that something has happened on a socket. It looks for itself what that is.
    pub(crate) fn act(&mut self, socket: RawFd) -> Result<(), MultiError> {
        self.multi.action(socket, &Events::new()).map(drop)
    }

    /// Tells libcurl that its time has come.
    pub(crate) fn time_out(&mut self) -> Result<(), MultiError> {
        self.multi.timeout().map(drop)
    }

    /// Takes the transfers that have ended; of those that have failed only if `failed` says so.
    pub(crate) fn take_ended(&mut self, failed: bool, settled: &mut Vec<Box<dyn Settle>>) {
        let mut ended = Vec::new();
        let active = &self.active;
        self.multi.messages(|message| {
            if let Ok(id) = message.token() {
                let result = active.get(&id).and_then(|active| active.result(&message));
                ended.extend(
                    result
                        .filter(|result| failed || result.is_ok())
                        .map(|result| (id, result)),
                );
            }
        });
        for (id, result) in ended {
            if let Some(active) = self.active.remove(&id) {
                settled.push(active.end(&self.multi, result));
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// What a callback has panicked with on this thread. From then on until this is asked, the crate `curl` runs no callbacks
    /// here, ours included.
    pub(crate) fn take_panic(&mut self) -> Option<Box<dyn Any + Send>> {
        // This handle is in no transfer, so the call does nothing but raise the panic that was kept.
        catch_unwind(AssertUnwindSafe(|| drop(self.probe.upkeep()))).err()
    }
}

/// Has the end of the handle not wait for threads that look a name up: that may take as long as the system's time limits, and
/// would hold the loop up.
fn quick_exit(multi: &Multi) {
    /// `CURLMOPT_QUICK_EXIT`, which the crate has no name for yet.
    const QUICK_EXIT: curl_sys::CURLMoption = curl_sys::CURLOPTTYPE_LONG + 21;
    let on: c_long = 1;
    // SAFETY: the handle is that of `multi`, which lives, and the option takes a `long`. Where libcurl does not know it, it says so and
    // does nothing.
    let _ = unsafe { curl_sys::curl_multi_setopt(multi.raw(), QUICK_EXIT, on) };
}

/// Lends a socket that libcurl has announced, and not taken back yet or is about to take back.
pub(crate) fn with_socket<R>(socket: RawFd, f: impl FnOnce(BorrowedFd<'_>) -> R) -> R {
    // SAFETY: libcurl has the socket open from announcing it until after it says that it is to be forgotten, which it does before it
    // closes it. It does not come to closing it while this runs: the caller has the handles, or is inside of libcurl's callback.
    f(unsafe { BorrowedFd::borrow_raw(socket) })
}
