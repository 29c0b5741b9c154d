//! A small library for C, `include/fetchline.h`: async Rust behind functions that call back.
//!
//! ```text
//! cargo run -p interloop-example-c-library
//! ```
//!
//! builds it, builds the C program `c/main.c` with it, and runs that against a server.
//!
//! [`fetch`] is what the library does, and knows nothing of C. The functions here are what the header says, on
//! [`interloop::callback::entry`].

#![allow(unsafe_code)]

pub mod fetch;

use std::{
    ffi::{CStr, c_char, c_int, c_uint, c_void},
    io, ptr,
    sync::Mutex,
};

use fetch::Line;
use futures_util::StreamExt;
use interloop::{
    Aborted, Reactor,
    callback::{
        entry::{self, Callback, Done, Operation},
        stream::{self, Receiver, Sender},
    },
};
use tokio::runtime::{Builder, Handle, Runtime};

/// What the functions say that can be misused.
const MISUSE: c_int = 7;

/// `fetchline_loop`.
#[derive(Debug)]
pub struct Loop {
    reactor: Reactor,
    runtime: Runtime,
    /// Of a loop that is driven.
    stop: Option<Stop>,
}

/// Whoever stops a loop pushes, and whoever runs it waits for that.
#[derive(Debug)]
struct Stop {
    says: Sender<()>,
    hears: Mutex<Receiver<()>>,
}

impl Loop {
    fn new(mut builder: Builder, stop: Option<Stop>) -> io::Result<Self> {
        let runtime = builder.enable_all().build()?;
        let reactor = interloop_tokio::from_handle(runtime.handle()).map_err(io::Error::other)?;
        Ok(Self { reactor, runtime, stop })
    }

    fn into_raw(self) -> *mut Self {
        Box::into_raw(Box::new(self))
    }

    fn run(&self) -> Result<(), c_int> {
        let stop = self.stop.as_ref().ok_or(MISUSE)?;
        let mut stopped = stop.hears.try_lock().map_err(|_| MISUSE)?;
        let ran = interloop_tokio::block_on_runtime(&self.runtime, async |_| stopped.next().await);
        ran.map(drop).map_err(|_| MISUSE)
    }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn fetchline_loop_new_threads(threads: c_uint) -> *mut Loop {
    entry::no_unwind(ptr::null_mut(), || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads.max(1) as usize);
        Loop::new(builder, None).map_or(ptr::null_mut(), Loop::into_raw)
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn fetchline_loop_new_driven() -> *mut Loop {
    entry::no_unwind(ptr::null_mut(), || {
        let (says, hears) = stream::unbounded::<(), Aborted>();
        let hears = Mutex::new(hears);
        Loop::new(Builder::new_current_thread(), Some(Stop { says, hears })).map_or(ptr::null_mut(), Loop::into_raw)
    })
}

/// See the header.
///
/// # Safety
/// The loop is null, or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fetchline_loop_run(event_loop: *const Loop) -> c_int {
    entry::no_unwind(MISUSE, || {
        // SAFETY: the caller's promise.
        match unsafe { event_loop.as_ref() }.ok_or(MISUSE).and_then(Loop::run) {
            Ok(()) => 0,
            Err(status) => status,
        }
    })
}

/// See the header.
///
/// # Safety
/// The loop is null, or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fetchline_loop_stop(event_loop: *const Loop) {
    // SAFETY: the caller's promise.
    let stop = unsafe { event_loop.as_ref() }.and_then(|event_loop| event_loop.stop.as_ref());
    if let Some(stop) = stop {
        entry::no_unwind((), || {
            // The loop is there, and so is whoever hears.
            let _ = stop.says.push(());
        });
    }
}

/// See the header.
///
/// # Safety
/// The loop is null, or was not freed, and nobody runs it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fetchline_loop_free(event_loop: *mut Loop) -> c_int {
    // A runtime cannot end on a thread that runs one.
    if Handle::try_current().is_ok() {
        return MISUSE;
    }
    if !event_loop.is_null() {
        // SAFETY: the caller's promise; it is of `Loop::into_raw`.
        let event_loop = unsafe { Box::from_raw(event_loop) };
        entry::no_unwind((), || drop(event_loop));
    }
    0
}

/// See the header.
///
/// # Safety
/// The loops are null, or were not freed, and `host` is null, or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fetchline_start(
    event_loop: *const Loop,
    call_on: *const Loop,
    host: *const c_char,
    port: u16,
    done: Option<Done<Line>>,
    user_data: *mut c_void,
) -> *mut Operation {
    entry::no_unwind(ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let (event_loop, call_on) = unsafe { (event_loop.as_ref(), call_on.as_ref()) };
        let (Some(event_loop), Some(done), false) = (event_loop, done, host.is_null()) else {
            return ptr::null_mut();
        };
        // SAFETY: the caller's promise.
        let Ok(host) = unsafe { CStr::from_ptr(host) }.to_str() else {
            return ptr::null_mut();
        };
        // SAFETY: the header says that it may be called on any thread.
        let mut callback = unsafe { Callback::new(done, user_data) };
        if let Some(call_on) = call_on {
            callback = callback.on(&call_on.reactor);
        }
        let reactor = &event_loop.reactor;
        let line = fetch::line(reactor.clone(), host.to_owned(), port);
        entry::start(reactor, line, callback, fetch::status).into_raw()
    })
}

/// See the header.
///
/// # Safety
/// The operation is null, or was not released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fetchline_cancel(operation: *const Operation) {
    // SAFETY: the caller's promise is the one asked for here.
    unsafe { entry::cancel(operation) }
}

/// See the header.
///
/// # Safety
/// The operation is null, or was not released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fetchline_release(operation: *mut Operation) {
    // SAFETY: the caller's promise is the one asked for here.
    unsafe { entry::release(operation) }
}
