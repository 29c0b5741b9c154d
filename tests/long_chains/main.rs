//! A million of everything that can be long, on a thread whose stack a recursive implementation would overflow; and all of the
//! memory is freed. The allocator counts for each thread by itself.

mod callbacks;
mod cancelling;
mod coroutines;
mod pauses;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    thread,
};

use interloop::{Aborted, Completer, Deferred};

const MILLION: u64 = 1_000_000;

thread_local! {
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: passes everything on to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.set(LIVE_BYTES.get() + layout.size() as isize);
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.set(LIVE_BYTES.get() - layout.size() as isize);
        // SAFETY: as promised to us.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs with little stack, and checks that nothing stays allocated.
fn in_little_space(test: impl FnOnce() + Send + 'static) {
    let checked = move || {
        let before = LIVE_BYTES.get();
        test();
        assert_eq!(LIVE_BYTES.get(), before, "bytes stay allocated");
    };
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(checked).unwrap();
    thread.join().unwrap();
}

/// How a chain comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Fail,
    Cancel,
    DropCompleter,
    DropDeferred,
}

const ENDS: [End; 5] = [
    End::Complete,
    End::Fail,
    End::Cancel,
    End::DropCompleter,
    End::DropDeferred,
];

impl End {
    /// Brings about the end of a chain, as far as its completer and its deferred can. What comes back is what is left of it.
    fn bring_about(
        self,
        completer: Completer<u64>,
        chain: Deferred<u64>,
    ) -> (Option<Completer<u64>>, Option<Deferred<u64>>) {
        match self {
            End::Complete => completer.complete(0),
            End::Fail => completer.fail(Aborted::timed_out()),
            End::Cancel => {
                chain.cancel();
                return (Some(completer), Some(chain));
            }
            End::DropCompleter => drop(completer),
            End::DropDeferred => {
                drop(chain);
                completer.complete(0);
                return (None, None);
            }
        }
        (None, Some(chain))
    }

    /// Checks what a chain has come to that adds one a million times.
    fn check(self, chain: Option<Deferred<u64>>) {
        let Some(chain) = chain else {
            return;
        };
        let result = chain.try_take().unwrap();
        match self {
            End::Complete => assert_eq!(result.unwrap(), MILLION),
            End::Fail => assert!(result.unwrap_err().is_timed_out()),
            End::Cancel => assert!(result.unwrap_err().is_cancelled()),
            End::DropCompleter => assert!(result.unwrap_err().is_dropped()),
            End::DropDeferred => unreachable!("it is gone"),
        }
    }
}

/// Attaches callbacks that add one.
fn add(mut deferred: Deferred<u64>, count: u64) -> Deferred<u64> {
    for _ in 0..count {
        deferred = deferred.map_ok(|n| n + 1);
    }
    deferred
}

/// Deferreds of which each waits for the one after it, once they have all been fired but the last one: the completer of that,
/// and the first. `make` makes each of them.
fn nested(make: impl Fn() -> (Completer<u64>, Deferred<u64>)) -> (Completer<u64>, Deferred<u64>) {
    let (innermost, mut inner) = make();
    let mut completers = Vec::new();
    for _ in 0..MILLION {
        let (completer, deferred) = make();
        inner = deferred.and_then(move |_| inner).map_ok(|n| n + 1);
        completers.push(completer);
    }
    for completer in completers.into_iter().rev() {
        completer.complete(0);
    }
    (innermost, inner)
}
