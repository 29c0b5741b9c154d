//! Callbacks of other libraries, in C or in Rust, and what they become here.
//!
//! | a callback that comes | becomes |
//! |---|---|
//! | once | a [`Deferred`](crate::Deferred), by the means of this page; in Rust, a closure that owns a [`Completer`](crate::Completer) is all that it takes |
//! | many times | a [`stream`], with a capacity and a rule for when it is full |
//!
//! The other way round, [`entry`] starts a future for code in C, and calls that back when it is done.
//!
//! A C library takes a function and a `void *user_data`, and calls the one with the other: on a thread of its own, from inside of the
//! call that registered it, late, twice, or never. This module carries such a call to a [`Deferred`](crate::Deferred), whatever
//! it does.
//!
//! # The nouns
//!
//! | noun | is |
//! |---|---|
//! | user data | the pointer that a library carries: [a completer itself](crate::Completer::into_raw), a reference to a [`SharedCompleter`], or a [`Token`] |
//! | trampoline | the `extern "C"` function that turns a call of the library into a result: ready-made in [`once`] and [`shared`], written by [`trampoline!`](crate::trampoline) otherwise |
//! | [`Convention`] | how a library says what came of a call: the callback's arguments as a `Result` |
//! | [`Tokens`] | a table of completers behind integers |
//! | [`Misfire`] | why a callback came to nothing: it had been called before, was cancelled, was never given out |
//!
//! # The life of a callback
//!
//! A library promises to call once. Its user data is the completer, which is one word, so nothing is allocated beside
//! the deferred's own pair:
//!
//! ```
//! use std::ffi::{c_int, c_void};
//! use interloop::{Aborted, Deferred, callback::{self, Convention, once}};
//! # // Stands for the C library.
//! # #[allow(non_camel_case_types)] type sensor_callback = unsafe extern "C" fn(*mut c_void, c_int, f64);
//! # struct UserData(*mut c_void);
//! # unsafe impl Send for UserData {}
//! # unsafe extern "C" fn sensor_read(sensor: c_int, callback: sensor_callback, user_data: *mut c_void) -> c_int {
//! #     if sensor < 0 {
//! #         return -1;
//! #     }
//! #     let user_data = UserData(user_data);
//! #     std::thread::spawn(move || {
//! #         let UserData(user_data) = { user_data };
//! #         unsafe { callback(user_data, 0, 21.5) }
//! #     });
//! #     0
//! # }
//!
//! #[derive(Debug)]
//! enum SensorError {
//!     Status(c_int),
//!     Aborted(Aborted),
//! }
//!
//! impl From<Aborted> for SensorError {
//!     fn from(aborted: Aborted) -> Self {
//!         SensorError::Aborted(aborted)
//!     }
//! }
//!
//! /// `void (*)(void *user_data, int status, double celsius)`
//! enum Reading {}
//!
//! impl Convention<(c_int, f64)> for Reading {
//!     type Ok = f64;
//!     type Err = SensorError;
//!
//!     unsafe fn result((status, celsius): (c_int, f64)) -> Result<f64, SensorError> {
//!         if status == 0 { Ok(celsius) } else { Err(SensorError::Status(status)) }
//!     }
//! }
//!
//! fn read(sensor: c_int) -> Deferred<f64, SensorError> {
//!     let (completer, deferred) = Deferred::pair();
//!     // SAFETY: the library calls once, on a thread of its own, if it gives 0, and never otherwise.
//!     unsafe {
//!         callback::register(completer, |user_data| {
//!             match sensor_read(sensor, once::first_2::<Reading, _, _>, user_data) {
//!                 0 => Ok(()),
//!                 status => Err(SensorError::Status(status)),
//!             }
//!         });
//!     }
//!     deferred
//! }
//!
//! # futures_executor::block_on(async {
//! let fahrenheit = read(0).map_ok(|celsius| celsius * 1.8 + 32.0); // runs on the library's thread
//! assert!((fahrenheit.await.unwrap() - 70.7).abs() < 1e-9);
//! assert!(matches!(read(-1).await, Err(SensorError::Status(-1))));
//! # });
//! ```
//!
//! Callbacks attached to the deferred run inside of the library's, on its thread; [`via`](crate::Deferred::via) brings the rest of a
//! chain to a reactor, and a task that awaits it goes on where its loop runs it.
//!
//! # Whose is the user data?
//!
//! The one question that a header leaves to its documentation. The answer says what to use:
//!
//! | the library | user data | trampolines | what frees it |
//! |---|---|---|---|
//! | calls once, always | [`Completer::into_raw`](crate::Completer::into_raw) | [`once`] | the call |
//! | calls one of two functions, once | the same | two of [`once`], of two conventions | whichever is called |
//! | calls once, or calls a `free` instead | the same | [`once`], [`once::release`] | whichever is called |
//! | calls as it likes, and a destroy notification at last | [`SharedCompleter::into_raw`] | [`shared`], [`shared::release`] | the notification |
//! | counts references (`retain`, `release`) | the same | [`shared`], [`shared::retain`], [`shared::release_const`] | the last of them |
//! | may call twice, late or never, and frees nothing | [`Token::to_ptr`] | [`trampoline!`](crate::trampoline) with `token(..)` | the table |
//! | carries an integer | [`Token`], [`Tokens::narrow`] for an `int` | the same | the table |
//!
//! # What goes wrong, and what comes of it
//!
//! | the library | comes to |
//! |---|---|
//! | refuses the call | its error, by [`register`]; or what [`SharedCompleter::settle`] is given, if it has released the user data |
//! | calls inside of the registering call | a deferred that has fired before it is looked at |
//! | calls on a thread of its own, one that is exiting, or while the process exits | the same as anywhere: what goes through has to be `Send`, and that is checked |
//! | never calls, and releases the user data | [`Aborted::dropped`](crate::Aborted::dropped) |
//! | never calls, and never releases | nothing, if the user data is a pointer: it leaks, so set a time limit, and use a token |
//! | calls after the deferred was cancelled, or its loop has ended | the result is dropped, silently; what it owns is freed |
//! | calls twice | [`Misfire::Fired`], reported; *undefined behaviour* where the call owns the user data |
//! | calls with a number that nobody gave out | [`Misfire::Unknown`], reported |
//!
//! Reported is to the hook for [unhandled](crate::unhandled) failures, as a C function has nobody to give an error to;
//! [`Tokens::fire`] and [`SharedCompleter::settle`] give it to their callers.
//!
//! No panic crosses into C. One in the body of a trampoline or in a [`Convention`] fails the deferred with [`Aborted::panicked`](crate::Aborted::panicked),
//! one in a callback attached to it fails the chain; what is left (wakers, destructors, the hook itself) is caught, and
//! reported where there is somebody to report it to.
//!
//! # Cancelling
//!
//! A [canceller](crate::Deferred::with_canceller) calls the library's function for it. Whether that calls back inside, later, or not at
//! all, makes no difference: the completer works while the canceller runs, so a library that answers "cancelled" at once
//! has the last word; otherwise the deferred fails with [`Aborted::cancelled`](crate::Aborted::cancelled) as soon as the canceller has returned, and the callback
//! that comes later frees its user data.
//!
//! ```
//! use std::{ffi::{c_int, c_void}, io, sync::{Arc, OnceLock}};
//! use interloop::{Deferred, callback::{self, NegativeErrno, once}};
//! # // Stands for the C library.
//! # type Callback = unsafe extern "C" fn(c_int, *mut c_void);
//! # static WAITING: std::sync::Mutex<Vec<(Callback, usize)>> = std::sync::Mutex::new(Vec::new());
//! # unsafe extern "C" fn lib_start(callback: Callback, user_data: *mut c_void) -> c_int {
//! #     let mut waiting = WAITING.lock().unwrap();
//! #     waiting.push((callback, user_data.expose_provenance()));
//! #     waiting.len() as c_int
//! # }
//! # unsafe extern "C" fn lib_cancel(_id: c_int) {
//! #     let (callback, user_data) = WAITING.lock().unwrap().pop().unwrap();
//! #     unsafe { callback(-125, std::ptr::with_exposed_provenance_mut(user_data)) }
//! # }
//!
//! /// `int lib_start(void (*)(int, void *), void *)` gives an id for `void lib_cancel(int id)`, which calls back with `-ECANCELED`,
//! /// and does nothing when the call has ended.
//! fn start() -> Deferred<c_int, io::Error> {
//!     let id = Arc::new(OnceLock::new());
//!     let (completer, deferred) = Deferred::with_canceller({
//!         let id = id.clone();
//!         move |_cancellation| {
//!             if let Some(id) = id.get() {
//!                 // SAFETY: the library takes any id.
//!                 unsafe { lib_cancel(*id) }
//!             }
//!         }
//!     });
//!     // SAFETY: the library calls once, and does not fail.
//!     let started = unsafe { callback::register(completer, |user_data| Ok(lib_start(once::last::<NegativeErrno, _>, user_data))) };
//!     if let Some(started) = started {
//!         id.get_or_init(|| started);
//!     }
//!     deferred
//! }
//!
//! let deferred = start();
//! deferred.cancel();
//! assert_eq!(deferred.try_take().unwrap().unwrap_err().raw_os_error(), Some(125));
//! ```
//!
//! [`Tokens::with_canceller`] does so for a library that carries an integer.
//!
//! # What libraries do
//!
//! | library | callback | what to use |
//! |---|---|---|
//! | libcurl | `CURLMOPT_SOCKETFUNCTION`, `CURLOPT_WRITEFUNCTION`, `CURLOPT_XFERINFOFUNCTION`: many times, `void *clientp` last or first | [`stream::raw::bytes`] and its like; the end of a transfer comes by `curl_multi_info_read`: `CURLINFO_PRIVATE` carries [`Completer::into_raw`](crate::Completer::into_raw) |
//! | libuv | `void (*uv_fs_cb)(uv_fs_t *)`, `void (*uv_connect_cb)(uv_connect_t *, int status)`, `void (*uv_getaddrinfo_cb)(uv_getaddrinfo_t *, int, struct addrinfo *)`; the user data is in `req->data`; once, also when cancelled | [`trampoline!`](crate::trampoline) with `once(unsafe { (*req).data })`; the status as [`NegativeErrno`] has it |
//! | paho MQTT | `void MQTTAsync_onSuccess(void *context, MQTTAsync_successData *)`, `void MQTTAsync_onFailure(void *context, MQTTAsync_failureData *)`: one of the two, once | [`once::first`] twice, of two conventions with the same types |
//! | libpq | asynchronous calls are a socket to wait for; `void (*PQnoticeProcessor)(void *arg, const char *message)`: many times | a [descriptor](crate::net); [`stream::raw::first`], of a copy |
//! | SQLite | `int (*)(void *, int, char **, char **)` of `sqlite3_exec`, hooks: many times, on the calling thread; `void (*xDestroy)(void *)` of `sqlite3_create_function_v2`, called also when that fails; `void (*)(void **, int)` of `sqlite3_unlock_notify`, for several at once | [`stream`] for what comes many times; [`SharedCompleter`] and [`shared::release`] where there is an `xDestroy`; [`once::fire`] for each of the pointers of `sqlite3_unlock_notify` |
//! | libusb | `void (*libusb_transfer_cb_fn)(struct libusb_transfer *)`, user data in `transfer->user_data`; once for each submission, also when cancelled | [`trampoline!`](crate::trampoline) with `once(..)`; the canceller calls `libusb_cancel_transfer` |
//! | c-ares | `void (*ares_callback)(void *arg, int status, int timeouts, unsigned char *, int)`, `void (*ares_addrinfo_callback)(void *arg, int status, int timeouts, struct ares_addrinfo *)`; once, maybe inside of the call, also when cancelled or destroyed | [`once::first_4`], [`once::first_3`] |
//! | GLib | `void (*GAsyncReadyCallback)(GObject *, GAsyncResult *, gpointer)`: once; `gboolean (*GSourceFunc)(gpointer)` with a `GDestroyNotify` | [`once::last_2`]; [`trampoline!`](crate::trampoline) with `shared(..)` and `return 0`, and [`shared::release`] |
//! | CoreFoundation | `void (*)(CFRunLoopTimerRef, void *info)` and its like; a context of `info`, `retain`, `release` | [`shared::last`], [`shared::retain`], [`shared::release_const`]; the own reference is released after the context was copied |
//! | libdispatch | `void (*dispatch_function_t)(void *)` of `dispatch_async_f` and its like: once; `dispatch_set_finalizer_f` | [`once::done`]; [`once::release`] |
//! | CUDA | `void (*cudaStreamCallback_t)(cudaStream_t, cudaError_t, void *)`: once; an `uint64_t` in io_uring, an `int` in many protocols | [`once::last_2`]; [`Tokens`] |
//!
//! What a panic, a foreign thread and a late call come to is the same for a [`stream`].

pub mod entry;
pub mod stream;

mod contain;
mod misfire;
mod raw;
mod token;
mod tokens;

pub use self::{
    misfire::{FiredAgain, Misfire, StaleToken},
    raw::{Convention, Done, Errno, NegativeErrno, SharedCompleter, once, register, shared},
    token::{Token, WideToken},
    tokens::Tokens,
};
