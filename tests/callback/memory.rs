//! What goes through C is as small as it was, and costs no allocation.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ffi::c_void,
    sync::Arc,
};

use interloop::{
    Aborted, Completer, Deferred,
    callback::{Done, SharedCompleter, Token, Tokens, once, shared},
};

// Checked when this is compiled.
const _: () = assert!(size_of::<Completer<[u64; 9], Aborted>>() == size_of::<*mut c_void>());
const _: () = assert!(size_of::<Option<Completer<u8, Aborted>>>() <= 2 * size_of::<*mut c_void>());
const _: () = assert!(size_of::<SharedCompleter<[u64; 9], Aborted>>() == size_of::<*mut c_void>());
const _: () = assert!(size_of::<Token>() == 8);

const fn is_shared_by_threads<T: Send + Sync>() {}
const _: () = is_shared_by_threads::<Tokens<Cell<u8>, Aborted>>();
const _: () = is_shared_by_threads::<SharedCompleter<Cell<u8>, Aborted>>();

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE.set(LIVE.get() + 1);
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - 1);
        // SAFETY: as promised to us.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations a function makes on this thread; it is to leave none.
fn allocations(f: impl FnOnce()) -> usize {
    let (before, live) = (ALLOCATIONS.get(), LIVE.get());
    f();
    assert_eq!(LIVE.get(), live);
    ALLOCATIONS.get() - before
}

#[test]
fn a_callback_that_owns_its_user_data_is_the_pair_s_allocation() {
    let count = allocations(|| {
        let (completer, deferred) = Deferred::<(), Aborted>::pair();
        // SAFETY: it is of these types, and taken once.
        unsafe { once::done::<Done>(completer.into_raw()) };
        deferred.try_take().unwrap().unwrap();
    });
    assert_eq!(count, 1);
}

#[test]
fn a_shared_completer_is_one_allocation_more() {
    let count = allocations(|| {
        let (completer, deferred) = Deferred::<(), Aborted>::pair();
        let user_data = SharedCompleter::new(completer).into_raw();
        // SAFETY: it is of these types, and released once, at last.
        unsafe {
            shared::done::<Done>(user_data);
            shared::release::<(), Aborted>(user_data);
        }
        deferred.try_take().unwrap().unwrap();
    });
    assert_eq!(count, 2);
}

#[test]
fn a_token_allocates_nothing_once_the_table_has_grown() {
    let table = Tokens::<u8, Aborted>::new();
    let call = || {
        let (completer, deferred) = Deferred::pair();
        table.fire(table.insert(completer), Ok(7)).unwrap();
        assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
    };
    call();
    assert_eq!(allocations(call), 1);
}

#[test]
fn what_never_comes_late_or_panics_leaves_nothing() {
    allocations(|| {
        let (completer, deferred) = Deferred::<Arc<u8>, Aborted>::pair();
        deferred.cancel();
        // SAFETY: it is of these types, and taken once.
        unsafe { once::fire::<Arc<u8>, Aborted>(completer.into_raw(), || Ok(Arc::new(7))) };
        drop(deferred.try_take());

        let (completer, deferred) = Deferred::<Arc<u8>, Aborted>::pair();
        // SAFETY: as above.
        unsafe { once::release::<Arc<u8>, Aborted>(completer.into_raw()) };
        drop(deferred.try_take());

        let table = Tokens::<Arc<u8>, Aborted>::new();
        let (completer, deferred) = Deferred::pair();
        table.insert(completer);
        drop(table);
        drop(deferred.try_take());
    });
}
