//! An allocator that counts what each thread allocates.
//!
//! Declare it in the binary that counts, and ask [`count`]:
//!
//! ```
//! use interloop_benches::counting::{CountingAllocator, count};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! assert_eq!(count(|| Box::new(7_u64)), (1, 8));
//! ```

#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Of all threads, as one frees what another has allocated.
static LIVE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // Of the thread, as the harness and the other tests allocate at the same time.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counted.
#[derive(Debug)]
pub struct CountingAllocator;

/// Runs `f`, drops what it returns, and gives the number of allocations and of bytes that this thread
/// made for it. Both are zero for ever in a binary without the [`CountingAllocator`].
pub fn count<R>(f: impl FnOnce() -> R) -> (usize, usize) {
    let (allocations, bytes) = (ALLOCATIONS.get(), BYTES.get());
    // Optimized away, an allocation would not be counted either.
    drop(black_box(f()));
    (ALLOCATIONS.get() - allocations, BYTES.get() - bytes)
}

/// The bytes that the whole process has allocated and not freed. Zero in a binary without the [`CountingAllocator`].
pub fn live() -> usize {
    LIVE.load(Relaxed)
}

fn record(bytes: usize) {
    LIVE.fetch_add(bytes, Relaxed);
    // While the thread ends its locals may be gone; what it allocates then belongs to no `count`.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
    let _ = BYTES.try_with(|total| total.set(total.get() + bytes));
}

// SAFETY: every method hands its arguments to the system's allocator and its result back; counting
// allocates nothing, as the counters are constants at first and need no destructor.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        // SAFETY: the caller's promise is the one asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        record(new_size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as in `alloc`; `pointer` came from the system's allocator, like all of ours.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as in `realloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
