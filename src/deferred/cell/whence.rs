//! Where a failure arose: carried in the state word of the node that holds it.

use std::{
    mem,
    panic::Location,
    ptr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use super::{Header, state};

/// Whether the links that a failure passes are remembered.
static TRACING: AtomicBool = AtomicBool::new(false);

/// See [`unhandled::trace`](crate::unhandled::trace).
pub(in crate::deferred) fn trace(on: bool) {
    TRACING.store(on, Relaxed);
}

/// Where a failure arose, and where it has passed.
#[derive(Debug)]
#[repr(align(8))]
pub(in crate::deferred) struct Trace {
    pub(in crate::deferred) failed_at: &'static Location<'static>,
    pub(in crate::deferred) passed: Vec<&'static Location<'static>>,
}

/// The state word of a node that has fired: [`state::FIRED`] for a value, and for a failure a pointer to where it arose.
///
/// Locations and traces are aligned to four bytes at least, traces to eight. The two lowest bits of the word say which it is;
/// what is left of the alignment tells a node that is [firing](firing) from one that has fired.
#[derive(Debug)]
pub(super) struct Whence(*mut Header);

/// A location, fired.
const LOCATION: usize = 1;
/// A trace, fired.
const TRACE: usize = 2;
/// A location, firing.
const FIRING_LOCATION: usize = 3;
/// A trace, firing.
const FIRING_TRACE: usize = 6;
const KIND: usize = 3;
const TRACE_KIND: usize = 7;

impl Whence {
    /// A value.
    pub(super) const VALUE: Self = Self(state::FIRED);

    /// A failure that arises at a place.
    pub(super) fn at(location: &'static Location<'static>) -> Self {
        Self(
            ptr::from_ref(location)
                .cast_mut()
                .cast::<Header>()
                .map_addr(|addr| addr | LOCATION),
        )
    }

    /// A result that comes from a place.
    #[inline]
    pub(super) fn of<T, E>(result: &Result<T, E>, location: &'static Location<'static>) -> Self {
        if result.is_ok() {
            Self::VALUE
        } else {
            Self::at(location)
        }
    }

    /// What a link made of a result that came from here.
    #[inline]
    pub(super) fn after(self, is_failure: bool, link: &'static Location<'static>) -> Self {
        if is_failure { self.passed(link) } else { Self::VALUE }
    }

    #[cold]
    fn passed(self, link: &'static Location<'static>) -> Self {
        if self.is_value() {
            return Self::at(link);
        }
        if !TRACING.load(Relaxed) {
            return self;
        }
        let mut trace = self.into_trace().unwrap_or_else(|failed_at| {
            Box::new(Trace {
                failed_at,
                passed: Vec::new(),
            })
        });
        trace.passed.push(link);
        Self(Box::into_raw(trace).cast::<Header>().map_addr(|addr| addr | TRACE))
    }

    fn is_value(&self) -> bool {
        self.0 == state::FIRED
    }

    /// The trace, or the place where there is only that. A value counts as having come from here.
    fn into_trace(self) -> Result<Box<Trace>, &'static Location<'static>> {
        let word = mem::ManuallyDrop::new(self).0;
        let bits = word.addr() & KIND;
        let pointer = word.map_addr(|addr| addr & !TRACE_KIND);
        if word == state::FIRED {
            Err(Location::caller())
        } else if bits == TRACE {
            // SAFETY: the tag says that it is a trace, which the word owns.
            Ok(unsafe { Box::from_raw(pointer.cast::<Trace>()) })
        } else {
            // SAFETY: the tag says that it is a location. One may be aligned to four bytes only.
            Err(unsafe { &*word.map_addr(|addr| addr & !KIND).cast::<Location<'static>>() })
        }
    }

    /// What is to be told of a failure.
    pub(super) fn into_told(self) -> Trace {
        match self.into_trace() {
            Ok(trace) => *trace,
            Err(failed_at) => Trace {
                failed_at,
                passed: Vec::new(),
            },
        }
    }

    /// The word of a node that has fired. Whoever takes the result takes this, too, with
    /// [`from_word`](Self::from_word).
    #[inline]
    pub(super) fn fired(self) -> *mut Header {
        mem::ManuallyDrop::new(self).0
    }

    /// Takes what is in the word of a node that has fired, or is firing. For any other word it is a value.
    ///
    /// # Safety
    /// The caller takes the node's result, and nobody does so again.
    #[inline]
    pub(super) unsafe fn from_word(word: *mut Header) -> Self {
        if !is_failure(word) {
            return Self::VALUE;
        }
        let to = if word.addr() & KIND == TRACE { TRACE } else { LOCATION };
        let mask = if to == TRACE { TRACE_KIND } else { KIND };
        Self(word.map_addr(|addr| addr & !mask | to))
    }
}

impl Drop for Whence {
    #[inline]
    fn drop(&mut self) {
        if is_failure(self.0) && self.0.addr() & KIND == TRACE {
            drop(Self(self.0).into_trace());
        }
    }
}

/// The word of a node that is firing, given its word when it has fired.
#[inline]
pub(super) fn firing(fired: *mut Header) -> *mut Header {
    if fired == state::FIRED {
        return state::FIRING;
    }
    let to = if fired.addr() & KIND == TRACE {
        FIRING_TRACE
    } else {
        FIRING_LOCATION
    };
    fired.map_addr(|addr| addr & !KIND | to)
}

/// Whether the word of a node says that a failure is there.
#[inline(always)]
pub(super) fn is_failure(word: *mut Header) -> bool {
    word.addr() > state::ABANDONED.addr() && word.addr() & KIND != 0
}

/// Whether the node has fired: the result is there, and the node is the consumer's alone.
#[inline(always)]
pub(super) fn has_fired(word: *mut Header) -> bool {
    word == state::FIRED || is_failure(word) && !is_firing(word)
}

/// Whether the node is firing: the result is there, and the producer is not done with the node.
#[inline(always)]
pub(super) fn is_firing(word: *mut Header) -> bool {
    word == state::FIRING
        || is_failure(word) && (word.addr() & KIND == FIRING_LOCATION || word.addr() & TRACE_KIND == FIRING_TRACE)
}
