//! The deferred against the oneshot channels, and its chains against boxed futures.
//!
//! To compare the contenders, run it through the `report` binary.

use std::{
    hint::{black_box, spin_loop},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, TryRecvError, sync_channel},
    },
    task::{Poll, Wake, Waker},
    thread,
};

use criterion::{Bencher, BenchmarkGroup, Criterion, measurement::WallTime};
use interloop_benches::contender::{Chain, Contender, Futures, Interloop, Oneshot, Tokio, chain, poll_with, value_of};

/// A benchmark for any contender.
trait Pairs {
    fn run<C: Contender>(group: &mut BenchmarkGroup<'_, WallTime>);
}

/// A benchmark for the contenders that chain.
trait Chains {
    fn run<C: Chain>(group: &mut BenchmarkGroup<'_, WallTime>);
}

fn pairs<B: Pairs>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group(name);
    B::run::<Interloop>(&mut group);
    B::run::<Tokio>(&mut group);
    B::run::<Oneshot>(&mut group);
    B::run::<Futures>(&mut group);
    group.finish();
}

fn chains<B: Chains>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group(name);
    B::run::<Interloop>(&mut group);
    B::run::<Futures>(&mut group);
    group.finish();
}

/// The result is there before anybody asks for it.
struct CreateCompletePoll;

impl Pairs for CreateCompletePoll {
    fn run<C: Contender>(group: &mut BenchmarkGroup<'_, WallTime>) {
        group.bench_function(C::NAME, |bencher| {
            bencher.iter(|| {
                let (sender, mut receiver) = C::pair();
                C::complete(sender, black_box(7));
                value_of(&mut receiver)
            });
        });
    }
}

/// A waker that costs what one of a runtime does: a count of references, and a flag.
#[derive(Default)]
struct Flag(AtomicBool);

impl Flag {
    fn take(&self) -> bool {
        // Read first, since who waits for it does so in a loop.
        self.0.load(Ordering::Acquire) && self.0.swap(false, Ordering::Acquire)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Somebody waits for the result, on the same thread.
struct PollCompleteWakePoll;

impl Pairs for PollCompleteWakePoll {
    fn run<C: Contender>(group: &mut BenchmarkGroup<'_, WallTime>) {
        group.bench_function(C::NAME, |bencher| {
            let flag = Arc::new(Flag::default());
            let waker = Waker::from(flag.clone());
            bencher.iter(|| {
                let (sender, mut receiver) = C::pair();
                assert!(poll_with(&mut receiver, &waker).is_pending());
                C::complete(sender, black_box(7));
                assert!(flag.take());
                value_of(&mut receiver)
            });
        });
    }
}

/// A thread that completes what it is sent.
fn completing_thread<C: Contender>(
    to_its_core: Box<dyn FnOnce() + Send>,
) -> (SyncSender<C::Sender>, thread::JoinHandle<()>) {
    let (queue, queued) = sync_channel::<C::Sender>(1);
    let thread = thread::spawn(move || {
        to_its_core();
        let mut idle = 0_u32;
        loop {
            match queued.try_recv() {
                Ok(sender) => {
                    idle = 0;
                    C::complete(sender, black_box(7));
                }
                Err(TryRecvError::Empty) => relax(&mut idle),
                Err(TryRecvError::Disconnected) => return,
            }
        }
    });
    (queue, thread)
}

/// Moves this thread to the first or the last of the cores that the process may run on. Left alone, two
/// threads that spin for each other are often put on one core, and wait for their time to be up.
#[cfg(target_os = "linux")]
fn move_to_core(cores: &rustix::thread::CpuSet, first: bool) {
    let mut usable = (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| cores.is_set(*core));
    let core = if first { usable.next() } else { usable.next_back() };
    let mut chosen = rustix::thread::CpuSet::new();
    if let Some(core) = core {
        chosen.set(core);
        rustix::thread::sched_setaffinity(None, &chosen).expect("a thread may stay on a core that it may use");
    }
}

/// Runs `measured` on the last core, and gives it what moves the other thread to the first.
#[cfg(target_os = "linux")]
fn on_two_cores(measured: impl FnOnce(Box<dyn FnOnce() + Send>)) {
    let cores = rustix::thread::sched_getaffinity(None).expect("every thread has its cores");
    move_to_core(&cores, false);
    measured(Box::new(move || move_to_core(&cores, true)));
    rustix::thread::sched_setaffinity(None, &cores).expect("they were ours before");
}

#[cfg(not(target_os = "linux"))]
fn on_two_cores(measured: impl FnOnce(Box<dyn FnOnce() + Send>)) {
    measured(Box::new(|| ()));
}

/// Waits a little, and longer on a machine that has no second core to spare.
fn relax(idle: &mut u32) {
    *idle += 1;
    if *idle % 1024 == 0 {
        thread::yield_now();
    } else {
        spin_loop();
    }
}

/// Somebody waits for the result, and another thread has it. Includes the way of the sender to that
/// thread, which is the same for all.
struct CompletedFromAnotherThread;

impl Pairs for CompletedFromAnotherThread {
    fn run<C: Contender>(group: &mut BenchmarkGroup<'_, WallTime>) {
        group.bench_function(C::NAME, |bencher| {
            on_two_cores(|to_its_core| completed_by_thread::<C>(bencher, to_its_core))
        });
    }
}

fn completed_by_thread<C: Contender>(bencher: &mut Bencher<'_>, to_its_core: Box<dyn FnOnce() + Send>) {
    let (queue, thread) = completing_thread::<C>(to_its_core);
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    bencher.iter(|| {
        let (sender, mut receiver) = C::pair();
        queue.send(sender).expect("the thread runs until the queue is dropped");
        let mut idle = 0;
        loop {
            if let Poll::Ready(value) = poll_with(&mut receiver, &waker) {
                // A flag raised by now is of no more use, one that is raised later does no harm.
                flag.take();
                return value.ok();
            }
            while !flag.take() {
                relax(&mut idle);
            }
        }
    });
    drop(queue);
    thread.join().expect("the thread only completes");
}

/// Nothing is sent, as the one who waited has left.
struct CreateDrop;

impl Pairs for CreateDrop {
    fn run<C: Contender>(group: &mut BenchmarkGroup<'_, WallTime>) {
        group.bench_function(C::NAME, |bencher| {
            bencher.iter(|| {
                let (sender, receiver) = black_box(C::pair());
                drop(receiver);
                drop(sender);
            });
        });
    }
}

/// Links attached before the result is there.
struct AttachComplete<const LENGTH: usize>;

impl<const LENGTH: usize> Chains for AttachComplete<LENGTH> {
    fn run<C: Chain>(group: &mut BenchmarkGroup<'_, WallTime>) {
        group.bench_function(C::NAME, |bencher| {
            bencher.iter(|| {
                let (sender, receiver) = C::pair();
                let mut end = chain::<C>(receiver, black_box(LENGTH));
                C::complete(sender, black_box(7));
                value_of(&mut end)
            });
        });
    }
}

/// Links attached when the result is there.
struct CompleteAttach<const LENGTH: usize>;

impl<const LENGTH: usize> Chains for CompleteAttach<LENGTH> {
    fn run<C: Chain>(group: &mut BenchmarkGroup<'_, WallTime>) {
        group.bench_function(C::NAME, |bencher| {
            bencher.iter(|| {
                let (sender, receiver) = C::pair();
                C::complete(sender, black_box(7));
                let mut end = chain::<C>(receiver, black_box(LENGTH));
                value_of(&mut end)
            });
        });
    }
}

fn deferred(criterion: &mut Criterion) {
    pairs::<CreateCompletePoll>(criterion, "create_complete_poll");
    pairs::<PollCompleteWakePoll>(criterion, "poll_complete_wake_poll");
    pairs::<CompletedFromAnotherThread>(criterion, "completed_from_another_thread");
    pairs::<CreateDrop>(criterion, "create_drop");
    chains::<AttachComplete<10>>(criterion, "chain_10");
    chains::<AttachComplete<100>>(criterion, "chain_100");
    chains::<CompleteAttach<10>>(criterion, "chain_10_fired");
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    deferred(&mut criterion);
    criterion.final_summary();
}
