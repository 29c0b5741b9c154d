//! A C callback that completes what somebody awaits: through the kit, and by hand.
//!
//! To compare the contenders, run it through the `report` binary.

#![allow(unsafe_code)]

use std::{
    ffi::{c_int, c_void},
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use interloop::{
    Aborted, Completer, Deferred,
    callback::{Convention, SharedCompleter, Tokens, once, shared},
    trampoline,
};
use interloop_benches::contender::{poll_with, value_of};
use tokio::sync::oneshot;

/// A callback of the shape that all contenders share.
type Callback = unsafe extern "C" fn(c_int, *mut c_void);

/// What the C library remembers of a call.
struct Registered {
    callback: Callback,
    user_data: *mut c_void,
}

/// The C library calls back. Neither side sees what the other does, as with a library in C.
#[inline(never)]
extern "C" fn library_calls(registered: &Registered, status: c_int) {
    // SAFETY: each registration is called once.
    unsafe { black_box(registered.callback)(status, black_box(registered.user_data)) }
}

/// One way for a callback of C to complete what is awaited.
trait Foreign {
    const NAME: &'static str;
    type Receiver: Future<Output = Result<u64, Self::Error>> + Unpin;
    type Error;

    /// What goes to C, and what is awaited.
    fn register() -> (Registered, Self::Receiver);

    /// The library lets go of the user data.
    fn release(_registered: Registered) {}
}

/// Every contender gets the status, and makes a value of it.
enum Status {}

impl Convention<c_int> for Status {
    type Ok = u64;
    type Err = Aborted;

    #[inline]
    unsafe fn result(status: c_int) -> Result<u64, Aborted> {
        Ok(status as u64)
    }
}

/// The completer is the user data.
struct Pointer<const NAMED_AS_OURS: bool>;

impl<const NAMED_AS_OURS: bool> Foreign for Pointer<NAMED_AS_OURS> {
    const NAME: &'static str = if NAMED_AS_OURS { "interloop" } else { "pointer" };
    type Receiver = Deferred<u64, Aborted>;
    type Error = Aborted;

    #[inline]
    fn register() -> (Registered, Self::Receiver) {
        let (completer, deferred): (Completer<u64>, _) = Deferred::pair();
        let registered = Registered {
            callback: once::last::<Status, _>,
            user_data: completer.into_raw(),
        };
        (registered, deferred)
    }
}

/// A token of a table is the user data.
struct Token;

static TOKENS: Tokens<u64, Aborted> = Tokens::new();

trampoline! {
    unsafe extern "C" fn token_completes(status: c_int, user_data: *mut c_void) {
        token(&TOKENS, user_data) -> Result<u64, Aborted> { Ok(status as u64) }
    }
}

impl Foreign for Token {
    const NAME: &'static str = "interloop";
    type Receiver = Deferred<u64, Aborted>;
    type Error = Aborted;

    #[inline]
    fn register() -> (Registered, Self::Receiver) {
        let (completer, deferred) = Deferred::pair();
        let registered = Registered {
            callback: token_completes,
            user_data: TOKENS.insert(completer).to_ptr(),
        };
        (registered, deferred)
    }
}

/// The user data is one reference of several, and released on its own.
struct Shared;

impl Foreign for Shared {
    const NAME: &'static str = "interloop";
    type Receiver = Deferred<u64, Aborted>;
    type Error = Aborted;

    #[inline]
    fn register() -> (Registered, Self::Receiver) {
        let (completer, deferred): (Completer<u64>, _) = Deferred::pair();
        let registered = Registered {
            callback: shared::last::<Status, _>,
            user_data: SharedCompleter::new(completer).into_raw(),
        };
        (registered, deferred)
    }

    #[inline]
    fn release(registered: Registered) {
        // SAFETY: the reference is released once.
        unsafe { shared::release::<u64, Aborted>(registered.user_data) }
    }
}

/// A boxed sender is the user data, as people write it.
struct Tokio;

/// What people write: no panic is caught, and nothing is known of a second call.
unsafe extern "C" fn sender_sends(status: c_int, user_data: *mut c_void) {
    // SAFETY: the library calls once.
    let sender = unsafe { Box::from_raw(user_data.cast::<oneshot::Sender<u64>>()) };
    let _ = sender.send(status as u64);
}

impl Foreign for Tokio {
    const NAME: &'static str = "tokio";
    type Receiver = oneshot::Receiver<u64>;
    type Error = oneshot::error::RecvError;

    #[inline]
    fn register() -> (Registered, Self::Receiver) {
        let (sender, receiver) = oneshot::channel::<u64>();
        let registered = Registered {
            callback: sender_sends,
            user_data: Box::into_raw(Box::new(sender)).cast(),
        };
        (registered, receiver)
    }
}

/// A waker that costs what one of a runtime does: a count of references, and a flag.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Registered, awaited, called back, awaited again.
fn awaited<F: Foreign>(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.bench_function(F::NAME, |bencher| {
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(flag.clone());
        bencher.iter(|| {
            let (registered, mut receiver) = F::register();
            assert!(poll_with(&mut receiver, &waker).is_pending());
            library_calls(&registered, black_box(7));
            assert!(flag.0.swap(false, Ordering::Acquire));
            F::release(registered);
            value_of(&mut receiver)
        });
    });
}

/// Registered, called back inside of the registering call, then awaited.
fn ready<F: Foreign>(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.bench_function(F::NAME, |bencher| {
        bencher.iter(|| {
            let (registered, mut receiver) = F::register();
            library_calls(&registered, black_box(7));
            F::release(registered);
            value_of(&mut receiver)
        });
    });
}

/// A thousand that are under way at once; per call.
fn thousand<F: Foreign>(group: &mut BenchmarkGroup<'_, WallTime>) {
    const CALLS: usize = 1_000;

    group.bench_function(F::NAME, |bencher| {
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(flag);
        let mut under_way = Vec::with_capacity(CALLS);
        bencher.iter_custom(|iterations| {
            // Whole thousands, so that the figure is that of one call.
            let rounds = iterations.div_ceil(CALLS as u64);
            let begun = std::time::Instant::now();
            for _ in 0..rounds {
                for _ in 0..CALLS {
                    let (registered, mut receiver) = F::register();
                    assert!(poll_with(&mut receiver, &waker).is_pending());
                    under_way.push((registered, receiver));
                }
                for (registered, mut receiver) in under_way.drain(..) {
                    library_calls(&registered, black_box(7));
                    F::release(registered);
                    black_box(value_of(&mut receiver));
                }
            }
            begun
                .elapsed()
                .mul_f64(iterations as f64 / (rounds * CALLS as u64) as f64)
        });
    });
}

fn foreign(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("callback_awaited");
    awaited::<Pointer<true>>(&mut group);
    awaited::<Tokio>(&mut group);
    group.finish();
    let mut group = criterion.benchmark_group("callback_ready");
    ready::<Pointer<true>>(&mut group);
    ready::<Tokio>(&mut group);
    group.finish();
    let mut group = criterion.benchmark_group("callback_1000");
    thousand::<Pointer<true>>(&mut group);
    thousand::<Tokio>(&mut group);
    group.finish();
    let mut group = criterion.benchmark_group("token_awaited");
    awaited::<Token>(&mut group);
    awaited::<Pointer<false>>(&mut group);
    awaited::<Tokio>(&mut group);
    group.finish();
    let mut group = criterion.benchmark_group("token_1000");
    thousand::<Token>(&mut group);
    thousand::<Pointer<false>>(&mut group);
    thousand::<Tokio>(&mut group);
    group.finish();
    let mut group = criterion.benchmark_group("shared_awaited");
    awaited::<Shared>(&mut group);
    awaited::<Pointer<false>>(&mut group);
    awaited::<Tokio>(&mut group);
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    foreign(&mut criterion);
    criterion.final_summary();
}
