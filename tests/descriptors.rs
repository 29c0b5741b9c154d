//! Signals and children leave no descriptor open and no zombie, on every loop, whatever is dropped when. In a binary of its own,
//! with one test, as the descriptors of the whole process are counted.

#![cfg(all(feature = "process", target_os = "linux"))]

use std::{
    fs::{self, File},
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use futures_util::{
    future::join_all,
    io::{AsyncReadExt, AsyncWriteExt},
};
use interloop::{
    Aborted, EventLoop, Job, Reactor, Source, Task, Timer,
    process::{Command, Stdio},
    signal::{SignalKind, Signals, ctrl_c},
};
use rustix::{
    io::Errno,
    process::{Resource, Rlimit, WaitId, WaitIdOptions, getrlimit, setrlimit, waitid},
};

/// What the open descriptors of this process are.
fn descriptors() -> Vec<PathBuf> {
    let all = fs::read_dir("/proc/self/fd").unwrap();
    // One is gone already: that of this look.
    all.flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .collect()
}

/// Whether there are children that run, or have ended and were not waited for.
fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::All, options) {
        Ok(_) => true,
        Err(Errno::CHILD) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Whether nothing is left of children: not even the descriptors with which a loop has waited for their end.
fn is_at_rest() -> bool {
    !has_children()
        && !descriptors()
            .iter()
            .any(|target| target.ends_with("anon_inode:[pidfd]"))
}

fn cat() -> Command {
    let mut command = Command::new("cat");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Everything that takes descriptors, given up at every stage.
async fn use_all(reactor: &Reactor) {
    let signals = Signals::new(reactor, [SignalKind::user_defined1(), SignalKind::user_defined2()]);
    drop((signals.unwrap(), ctrl_c(reactor)));
    Signals::new(reactor, [SignalKind::user_defined1(), SignalKind::kill()]).unwrap_err();
    Signals::new(reactor, [SignalKind::user_defined1(), SignalKind::from_raw(4000)]).unwrap_err();
    Command::new("a-program-that-nobody-has").spawn(reactor).unwrap_err();
    Command::new("echo").arg("hello").output(reactor).await.unwrap();

    // Handles dropped before the end, and pipes before and after that.
    let mut child = cat().spawn(reactor).unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    drop(child);
    stdin.write_all(b"x").await.unwrap();
    drop(stdin);
    stdout.read_to_end(&mut Vec::new()).await.unwrap();
    // Handles dropped after the end.
    let mut child = cat().spawn(reactor).unwrap();
    child.status().await.unwrap();
    // Waiting that is given up, and a child that is killed.
    drop(cat().kill_on_drop(true).output(reactor));
    let child = cat().kill_on_drop(true).spawn(reactor).unwrap();
    let waiting = reactor.timeout(Duration::from_millis(1), child.wait_with_output());
    let _ = waiting.await;
    // Many at once, detached.
    let statuses = (0..20).map(|_| cat().spawn(reactor).unwrap().status());
    for status in join_all(statuses.collect::<Vec<_>>()).await {
        assert!(status.unwrap().success());
    }
}

/// The loop may still be at work on what was dropped, so this waits; what is left for ever fails at last.
async fn until(reactor: &Reactor, what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            reactor.sleep(Duration::from_millis(1)).await?;
        }
        Ok::<_, Aborted>(())
    };
    let limited = reactor.timeout(Duration::from_secs(60), waiting);
    if limited.await.is_err() {
        panic!("{what} on {reactor:?}: {:?}", descriptors());
    }
}

async fn check(reactor: Reactor) {
    // Loops open descriptors of their own, once.
    use_all(&reactor).await;
    until(&reactor, "children are left after the first use", is_at_rest).await;
    let before = descriptors().len();
    for _ in 0..10 {
        use_all(&reactor).await;
    }
    until(&reactor, "children are left", is_at_rest).await;
    until(&reactor, "descriptors are left", || descriptors().len() <= before).await;
    check_shortage(&reactor).await;
    check_refusals(&reactor).await;
}

/// What starts while descriptors are short fails cleanly, at whichever of them: no child is left running.
async fn check_shortage(reactor: &Reactor) {
    let before = descriptors().len();
    let all = getrlimit(Resource::Nofile);
    let mut outcomes = [0, 0];
    for spare in 0..30 {
        let fillers = fill_gaps();
        let first_free = fillers.last().unwrap().as_raw_fd() + 1;
        let limit = Rlimit {
            current: Some(first_free as u64 + spare),
            maximum: all.maximum,
        };
        setrlimit(Resource::Nofile, limit).unwrap();
        let mut command = cat();
        let child = command.spawn(reactor);
        let signals = Signals::new(reactor, [SignalKind::user_defined1(), SignalKind::user_defined2()]);
        setrlimit(Resource::Nofile, all).unwrap();
        outcomes[usize::from(child.is_ok())] += 1;
        drop((fillers, signals));
        match child {
            // It ends by itself, as its input does.
            Ok(child) => drop(child),
            Err(error) => assert_eq!(error.raw_os_error(), Some(Errno::MFILE.raw_os_error()), "{error}"),
        }
    }
    assert!(outcomes[0] >= 4 && outcomes[1] >= 4, "{outcomes:?}");
    until(reactor, "children are left by a shortage", is_at_rest).await;
    until(reactor, "descriptors are left by a shortage", || {
        descriptors().len() <= before
    })
    .await;
}

/// Takes every number up to the highest that is in use, and one more.
fn fill_gaps() -> Vec<OwnedFd> {
    let names = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let numbers = names.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let highest = numbers.max().unwrap();
    let mut fillers = Vec::<OwnedFd>::new();
    while fillers.last().map_or(-1, AsRawFd::as_raw_fd) <= highest {
        fillers.push(File::open("/dev/null").unwrap().into());
    }
    fillers
}

/// A loop that takes only so many descriptors.
#[derive(Debug)]
struct Sparing {
    on: Reactor,
    left: AtomicUsize,
}

impl EventLoop for Sparing {
    fn spawn(&self, task: Task) {
        self.on.event_loop().spawn(task);
    }

    fn spawn_blocking(&self, job: Job) {
        self.on.event_loop().spawn_blocking(job);
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        self.on.event_loop().timer(deadline)
    }

    fn register(&self, fd: OwnedFd) -> io::Result<Box<dyn Source>> {
        let left = self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.on.event_loop().register(fd)
    }
}

/// A child that has been started, and then cannot be waited for or talked to, is killed and reaped.
async fn check_refusals(reactor: &Reactor) {
    let before = descriptors().len();
    for enough in 0.. {
        let sparing = Reactor::new(Sparing {
            on: reactor.clone(),
            left: AtomicUsize::new(enough),
        });
        // It does not end by itself.
        let mut command = Command::new("sleep");
        command
            .arg("3600")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match command.spawn(&sparing) {
            Ok(child) => {
                assert!(enough >= 4, "the pipes, and what tells of the end");
                child.kill().unwrap();
                break;
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::OutOfMemory),
        }
    }
    until(reactor, "children are left that a loop refused", || {
        // Those that the loop did not take are reaped by the next use.
        Command::new("a-program-that-nobody-has").spawn(reactor).unwrap_err();
        is_at_rest()
    })
    .await;
    until(reactor, "descriptors are left by a refusal", || {
        descriptors().len() <= before
    })
    .await;
}

/// What a loop that shuts down leaves behind, with and without a handle on the child that was there before.
fn check_orphans(reactor: &Reactor, shut_down: impl FnOnce()) {
    let mut command = cat();
    let command = command.kill_on_drop(true);
    let mut kept = command.spawn(reactor).unwrap();
    let signals = Signals::new(reactor, [SignalKind::user_defined1()]).unwrap();
    let status = kept.status();
    let detached = command.spawn(reactor).unwrap().wait_with_output();
    shut_down();
    drop((kept, detached, status));
    drop(signals);
    while !is_at_rest() {
        command.spawn(reactor).unwrap_err();
        std::thread::yield_now();
    }
}

#[test]
fn nothing_is_left_open_on_any_loop() {
    for mut builder in [
        tokio::runtime::Builder::new_multi_thread(),
        tokio::runtime::Builder::new_current_thread(),
    ] {
        let make = |builder: &mut tokio::runtime::Builder| {
            let runtime = builder.enable_all().build().unwrap();
            let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
            (runtime, reactor)
        };
        let (runtime, reactor) = make(&mut builder);
        runtime.block_on(check(reactor));
        drop(runtime);
        let before = descriptors().len();
        for _ in 0..5 {
            let (runtime, reactor) = make(&mut builder);
            check_orphans(&reactor, || drop(runtime));
        }
        assert_eq!(descriptors().len(), before, "{:?}", descriptors());
    }

    smol::block_on(check(interloop_smol::global()));
    smol::block_on(check(interloop_async_std::global()));
    let pool = futures_executor::ThreadPool::builder().pool_size(2).create().unwrap();
    futures_executor::block_on(check(interloop_futures::from_thread_pool(pool)));
    let mut pool = futures_executor::LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    pool.run_until(check(reactor));
    let executor = Arc::new(smol::Executor::new());
    let reactor = interloop_smol::from_executor(&executor);
    smol::block_on(executor.run(check(reactor)));
    drop((pool, executor));

    let before = descriptors().len();
    for _ in 0..5 {
        let pool = futures_executor::LocalPool::new();
        check_orphans(&interloop_futures::from_local_spawner(pool.spawner()), || drop(pool));
        let executor = Arc::new(smol::Executor::new());
        check_orphans(&interloop_smol::from_executor(&executor), || drop(executor));
    }
    assert_eq!(descriptors().len(), before, "{:?}", descriptors());
}
