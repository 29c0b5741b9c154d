//! A C library of bad manners, for tests of what becomes of them: `c/manners.c`, and its bindings; [`many`] has what calls back many
//! times.
//!
//! A [`Request`] is answered in the [`Manner`] that it is asked for, and ended by who has started it. What a request is
//! answered with is an [`Answer`], which gives the C library's memory back when it is dropped.

#![allow(unsafe_code)]

pub mod many;

use std::{
    ffi::{c_int, c_void},
    ptr::NonNull,
};

use interloop::{Aborted, callback::Convention};

/// The bindings.
pub mod sys {
    use super::{Manner, c_int, c_void};

    /// `struct mn_request`
    #[derive(Debug)]
    #[repr(C)]
    pub struct Request {
        opaque: [u8; 0],
    }

    /// `struct mn_result`
    #[derive(Debug)]
    #[repr(C)]
    pub struct Outcome {
        /// What the request was started with.
        pub value: c_int,
        request: *mut Request,
    }

    /// `mn_callback`
    pub type Callback = unsafe extern "C" fn(*mut c_void, c_int, *mut Outcome);
    /// `mn_release`
    pub type Release = unsafe extern "C" fn(*mut c_void);
    /// `mn_id_callback`
    pub type IdCallback = unsafe extern "C" fn(u64, c_int);

    unsafe extern "C" {
        pub(super) fn mn_start(
            manner: Manner,
            value: c_int,
            callback: Callback,
            user_data: *mut c_void,
            release: Option<Release>,
        ) -> *mut Request;
        pub(super) fn mn_open(request: *mut Request);
        pub(super) fn mn_cancel(request: *mut Request) -> c_int;
        pub(super) fn mn_end(request: *mut Request, results_left: *mut c_int) -> c_int;
        pub(super) fn mn_result_free(result: *mut Outcome);
        pub(super) fn mn_crowd(threads: c_int, count: c_int, callback: Callback, user_data: *const *mut c_void);
        pub(super) fn mn_id_crowd(threads: c_int, count: c_int, callback: IdCallback, ids: *const u64);
        pub(super) fn mn_id_call(id: u64, value: c_int, times: c_int, callback: IdCallback);
        pub(super) fn mn_at_exit(callback: Callback, user_data: *mut c_void) -> c_int;
    }
}

/// How a request is answered: `enum mn_manner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Manner {
    /// Once, on a thread of the library.
    OnAThread,
    /// Once, before the call that makes the request returns.
    Inside,
    /// Twice, by the same thread.
    Twice,
    /// Twice, by two threads at the same time.
    TwiceAtOnce,
    /// Never.
    Never,
    /// Once, on a thread of the library, but not before it is opened.
    WhenOpened,
    /// Once, while a thread of the library exits.
    WhileExiting,
    /// It is refused, and nothing is called.
    Refused,
    /// It is refused, and the user data is released.
    RefusedAndReleased,
}

/// What a request failed with.
#[derive(Debug)]
pub enum MannersError {
    /// The library refused it.
    Refused,
    /// The library answered with a status.
    Status(c_int),
    /// No answer came.
    Aborted(Aborted),
}

impl MannersError {
    /// Why no answer came, if none did.
    pub fn aborted(&self) -> Option<&Aborted> {
        match self {
            MannersError::Aborted(aborted) => Some(aborted),
            _ => None,
        }
    }
}

impl From<Aborted> for MannersError {
    fn from(aborted: Aborted) -> Self {
        MannersError::Aborted(aborted)
    }
}

/// What a request was answered with. Dropping it gives it back to the library.
#[derive(Debug)]
pub struct Answer {
    result: NonNull<sys::Outcome>,
}

// SAFETY: the library's results may be used and freed on any thread.
unsafe impl Send for Answer {}

impl Answer {
    /// What the request was started with.
    pub fn value(&self) -> c_int {
        // SAFETY: the result is ours until it is freed.
        unsafe { self.result.as_ref() }.value
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: the result is ours, and is freed once. Its request has not ended.
        unsafe { sys::mn_result_free(self.result.as_ptr()) }
    }
}

/// How the library answers.
#[derive(Debug)]
pub enum Answers {}

impl Convention<(c_int, *mut sys::Outcome)> for Answers {
    type Ok = Answer;
    type Err = MannersError;

    unsafe fn result((status, result): (c_int, *mut sys::Outcome)) -> Result<Answer, MannersError> {
        match (status, NonNull::new(result)) {
            (0, Some(result)) => Ok(Answer { result }),
            (status, _) => Err(MannersError::Status(status)),
        }
    }
}

/// A request that was started. To be [ended](Request::end), after its last answer was dropped.
#[derive(Clone, Copy, Debug)]
#[must_use = "its thread and its memory are the library's until it is ended"]
pub struct Request(NonNull<sys::Request>);

// SAFETY: any thread may call any of the library's functions.
unsafe impl Send for Request {}
// SAFETY: as above.
unsafe impl Sync for Request {}

/// What the library tells of a request when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How often it was answered.
    pub called: c_int,
    /// How many answers nobody has given back.
    pub results_left: c_int,
}

impl Request {
    /// Starts a request. `None` if it is refused.
    ///
    /// # Safety
    /// The callback, and the function that releases, can be called with the user data, on any thread, as the manner says.
    pub unsafe fn start(
        manner: Manner,
        value: c_int,
        callback: sys::Callback,
        user_data: *mut c_void,
        release: Option<sys::Release>,
    ) -> Option<Self> {
        // SAFETY: promised by the caller.
        NonNull::new(unsafe { sys::mn_start(manner, value, callback, user_data, release) }).map(Self)
    }

    /// Lets a request that waits for it be answered.
    ///
    /// # Safety
    /// The request has not ended.
    pub unsafe fn open(self) {
        // SAFETY: promised by the caller.
        unsafe { sys::mn_open(self.0.as_ptr()) }
    }

    /// Has a request answered at once that waits to be opened, with `ECANCELED`, inside of this call. Says whether it was.
    ///
    /// # Safety
    /// The request has not ended.
    pub unsafe fn cancel(self) -> bool {
        // SAFETY: promised by the caller.
        unsafe { sys::mn_cancel(self.0.as_ptr()) != 0 }
    }

    /// Waits until the library has called what it will, and frees the request.
    ///
    /// # Safety
    /// The request has not ended, and nobody uses it, or an answer of it, any more.
    pub unsafe fn end(self) -> Ended {
        let mut results_left = 0;
        // SAFETY: promised by the caller.
        let called = unsafe { sys::mn_end(self.0.as_ptr(), &mut results_left) };
        Ended { called, results_left }
    }
}

/// Calls back for each user data, from many threads at once, with its number as the value. Returns when all have been called.
///
/// # Safety
/// The callback can be called once with each, on any thread.
pub unsafe fn crowd(threads: c_int, callback: sys::Callback, user_data: &[*mut c_void]) {
    // SAFETY: promised by the caller.
    unsafe { sys::mn_crowd(threads, user_data.len() as c_int, callback, user_data.as_ptr()) }
}

/// As [`crowd`], with numbers for user data.
///
/// # Safety
/// The callback can be called with any number, on any thread.
pub unsafe fn id_crowd(threads: c_int, callback: sys::IdCallback, ids: &[u64]) {
    // SAFETY: promised by the caller.
    unsafe { sys::mn_id_crowd(threads, ids.len() as c_int, callback, ids.as_ptr()) }
}

/// Calls back with a number on a thread of the library, as many times as is said, and returns when it has.
///
/// # Safety
/// The callback can be called with any number, on any thread.
pub unsafe fn id_call(id: u64, value: c_int, times: c_int, callback: sys::IdCallback) {
    // SAFETY: promised by the caller.
    unsafe { sys::mn_id_call(id, value, times, callback) }
}

/// Calls back when the process exits. Says whether it will.
///
/// # Safety
/// The callback can be called with the user data then.
pub unsafe fn at_exit(callback: sys::Callback, user_data: *mut c_void) -> bool {
    // SAFETY: promised by the caller.
    unsafe { sys::mn_at_exit(callback, user_data) == 0 }
}
