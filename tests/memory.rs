//! What stays allocated, counted by an allocator, so in a process of its own. Each thread counts for
//! itself: the test harness allocates on its own thread meanwhile.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_executor::LocalPool;
use interloop::{Clock, Completer, Deferred, Reactor};

thread_local! {
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
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
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
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

/// What its documentation says.
#[test]
fn a_coroutine_allocates_four_times_and_twice_for_each_deferred_that_is_pending() {
    let clock = Clock::new();
    let reactor = clock.reactor();
    let allocations = |pending: u64, reactor: Option<&Reactor>| {
        let (completers, waits): (Vec<_>, Vec<_>) = (0..pending).map(|_| Deferred::<u64>::pair()).unzip();
        let entered = reactor.map(Reactor::enter);
        let before = ALLOCATIONS.get();
        let coroutine = Deferred::<_>::from_coroutine(async move {
            let mut sum = 0;
            for wait in waits {
                sum += wait.await?;
            }
            Ok(sum)
        });
        completers.into_iter().for_each(|completer| completer.complete(1));
        let allocations = ALLOCATIONS.get() - before;
        drop(entered);
        assert_eq!(coroutine.try_take().unwrap().unwrap(), pending);
        allocations
    };
    // What a thread allocates once.
    allocations(1, Some(&reactor));
    assert_eq!(allocations(0, None), 4);
    assert_eq!(allocations(0, Some(&reactor)), 5);
    assert_eq!(allocations(10, None) - allocations(9, None), 2);
    assert_eq!(allocations(10, Some(&reactor)) - allocations(9, Some(&reactor)), 3);
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

#[test]
fn a_callback_is_one_allocation() {
    const CALLS: usize = 1_000;

    let mut pool = LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    let count = Arc::new(Sum::default());
    let mut post = || {
        let before = ALLOCATIONS.get();
        for n in 0..CALLS {
            let count = count.clone();
            reactor.call_soon(move || count.add(n));
        }
        let posted = ALLOCATIONS.get() - before;
        pool.run_until_stalled();
        (posted, ALLOCATIONS.get() - before)
    };
    // The queues grow, and keep what they have.
    post();
    post();
    let (posted, all) = post();
    // The task that makes them, and what brings it to this loop.
    assert!(posted <= CALLS + 5, "{posted} allocations to post {CALLS}");
    assert!(all <= CALLS + 20, "{all} allocations for {CALLS}");
}

#[derive(Default)]
struct Sum(std::sync::atomic::AtomicUsize);

impl Sum {
    fn add(&self, n: usize) {
        self.0.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn delayed_calls_are_small_and_give_their_memory_back() {
    const CALLS: usize = 100_000;

    let mut pool = LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    let word = Arc::new(());
    // What is there once is no call's.
    reactor.call_soon(|| ());
    pool.run_until_stalled();
    let before = live_bytes();
    let hour = Duration::from_secs(3_600);
    let mut handles = Vec::with_capacity(CALLS);
    let vector = live_bytes();
    for n in 0..CALLS {
        let word = word.clone();
        handles.push(reactor.call_later(hour + Duration::from_micros(10 * n as u64), move || drop(word)));
    }
    let each = (live_bytes() - vector) as f64 / CALLS as f64;
    let with_handle = each + size_of::<interloop::DelayedCall>() as f64;
    assert!(with_handle <= 96.0, "{each} bytes and the handle");
    pool.run_until_stalled();
    // Moved again and again, and cancelled.
    for round in 0..10 {
        for handle in &handles {
            handle.reset(hour - Duration::from_secs(round)).unwrap();
        }
    }
    let moved = (live_bytes() - vector) as f64 / CALLS as f64;
    assert!(moved <= 160.0, "{moved} bytes after they were moved");
    for handle in &handles {
        handle.cancel().unwrap();
    }
    drop(handles);
    pool.run_until_stalled();
    reactor.call_soon(|| ());
    pool.run_until_stalled();
    let left = live_bytes() - before;
    assert!(left < 64 * 1024, "{left} bytes are left");
    assert_eq!(Arc::strong_count(&word), 1);
}
