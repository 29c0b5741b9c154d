//! What stays allocated, counted by an allocator, so in a process of its own. Each thread counts for
//! itself: the test harness allocates on its own thread meanwhile.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{Arc, Mutex},
};

use interloop::{Completer, Deferred};

thread_local! {
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
}

fn live_bytes() -> isize {
    LIVE_BYTES.get()
}

struct Counting;

// SAFETY: passes everything on to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.set(live_bytes() + layout.size() as isize);
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.set(live_bytes() - layout.size() as isize);
        // SAFETY: as promised to us.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Next = Arc<Mutex<Option<Completer<u64>>>>;

/// A loop without end: each round waits for a completion, then for the next round.
fn rounds(next: Next) -> Deferred<u64> {
    let (completer, deferred) = Deferred::pair();
    *next.lock().unwrap() = Some(completer);
    deferred.and_then(move |_| Deferred::ready(1).and_then(move |_| rounds(next)))
}

fn fire(next: &Next) {
    let completer = next.lock().unwrap().take().unwrap();
    completer.complete(1);
}

#[test]
fn nothing_leaks_and_a_recursive_loop_takes_constant_memory() {
    let before = live_bytes();
    {
        let next = Next::default();
        let whole = rounds(next.clone()).map_ok(|n| n);
        (0..100).for_each(|_| fire(&next));
        let early = live_bytes();
        (0..10_000).for_each(|_| fire(&next));
        assert_eq!(live_bytes(), early);
        whole.cancel();
        assert!(whole.try_take().unwrap().unwrap_err().is_cancelled());
    }
    assert_eq!(live_bytes(), before);

    for way in 0..6 {
        let (completer, deferred) = Deferred::<u64>::pair();
        let (inner, returned) = Deferred::<u64>::pair();
        let chain = deferred
            .map_ok(|n| n + 1)
            .and_then(move |_| returned)
            .map_ok(|n| [n; 9]);
        match way {
            0 => {
                completer.complete(1);
                inner.complete(2);
                drop(chain);
            }
            1 => {
                drop(chain);
                completer.complete(1);
                inner.complete(2);
            }
            2 => {
                chain.cancel();
                completer.complete(1);
                inner.complete(2);
                assert!(chain.try_take().is_ok());
            }
            3 => {
                completer.complete(1);
                chain.cancel();
                inner.complete(2);
                assert!(chain.try_take().is_ok());
            }
            4 => {
                chain.cancel();
                assert!(chain.map_ok(|n| n[0]).try_take().is_ok());
                completer.complete(1);
            }
            _ => {
                inner.complete(2);
                completer.complete(1);
                assert!(chain.map_ok(|n| n[0]).try_take().is_ok());
            }
        }
    }
    assert_eq!(live_bytes(), before);
}
