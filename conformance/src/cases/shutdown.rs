//! After the loop has shut down, what needs it fails, and nothing hangs or panics.
//!
//! Timers and descriptors from before may belong to something that outlives the loop; then they go on.

use std::{
    future::pending,
    io::{Read, Write},
    net::TcpStream as StdStream,
    os::{fd::OwnedFd, unix::net::UnixStream},
    pin::{Pin, pin},
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::{join_all, poll_fn},
    io::{AsyncReadExt, AsyncWriteExt},
};
use interloop::{
    Aborted, AsAborted, Deferred,
    net::{Connector, HostPort, TcpListener, TcpStream},
    protocol::{self, Lost, Protocol, Transport},
};

use crate::{
    AnyShutsDown, ShutsDown, Subject,
    tools::{Counter, HOUR, MILLISECOND, OnDrop, connection, is_current, listen, on_thread, parked, wait, yield_now},
};

/// Whether a time was waited for, or the loop has said why not.
#[track_caller]
fn assert_ends(outcome: Result<(), Aborted>) {
    if let Err(aborted) = outcome {
        assert!(aborted.is_shut_down(), "{aborted:?}");
    }
}

pub fn tasks_that_wait_fail_and_are_dropped(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let drops = Counter::default();
    let (waiting, tasks): (Vec<_>, Vec<_>) = (0..100)
        .map(|_| {
            let dropped = drops.on_drop();
            let (waits, future) = parked(async move {
                let _dropped = dropped;
                pending::<()>().await;
            });
            (waits, reactor.spawn_infallible(future))
        })
        .unzip();
    for waits in waiting {
        subject.block_on(waits).unwrap();
    }
    subject.shut_down();
    assert_eq!(drops.count(), 100);
    for outcome in wait(join_all(tasks)) {
        assert!(outcome.unwrap_err().is_shut_down());
    }
}

pub fn tasks_that_were_just_spawned_fail_and_are_dropped(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let drops = Counter::default();
    let tasks = (0..100).map(|_| {
        let dropped = drops.on_drop();
        reactor.spawn_infallible(async move {
            let _dropped = dropped;
            pending::<()>().await;
        })
    });
    let tasks = tasks.collect::<Vec<_>>();
    subject.shut_down();
    assert_eq!(drops.count(), 100);
    for outcome in wait(join_all(tasks)) {
        assert!(outcome.unwrap_err().is_shut_down());
    }
}

pub fn tasks_that_run_all_the_time_fail_and_are_dropped(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let drops = Counter::default();
    let dropped = drops.on_drop();
    let task = reactor.spawn_infallible(async move {
        let _dropped = dropped;
        loop {
            yield_now().await;
        }
    });
    let task: Deferred<()> = task;
    subject.block_on(reactor.spawn_infallible(yield_now())).unwrap();
    subject.shut_down();
    assert_eq!(drops.count(), 1);
    assert!(wait(task).unwrap_err().is_shut_down());
}

pub fn a_task_that_waits_for_another_fails_with_it(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let inner = reactor.spawn_infallible(pending::<()>());
    let (waits, future) = parked(inner);
    let outer = reactor.spawn(future);
    subject.block_on(waits).unwrap();
    subject.shut_down();
    assert!(wait(outer).unwrap_err().is_shut_down());
}

pub fn a_task_that_was_cancelled_before_stays_cancelled(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (waits, future) = parked(pending::<()>());
    let task = reactor.spawn_infallible(future);
    subject.block_on(waits).unwrap();
    task.cancel();
    subject.shut_down();
    assert!(wait(task).unwrap_err().is_cancelled());
}

pub fn results_from_before_are_kept(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (completer, ended) = Deferred::<_>::pair();
    let task = reactor
        .spawn(async { Ok::<_, Aborted>(42) })
        .inspect_ok(move |_| completer.complete(()));
    subject.block_on(ended).unwrap();
    subject.shut_down();
    assert_eq!(wait(task).unwrap(), 42);
}

pub fn a_future_finds_its_reactor_while_the_loop_drops_it(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let same = reactor.clone();
    let (completer, found) = Deferred::<_>::pair();
    let on_drop = OnDrop::new(move || completer.complete(is_current(&same)));
    let (waits, future) = parked(async move {
        let _on_drop = on_drop;
        pending::<()>().await;
    });
    reactor.spawn_infallible(future).detach();
    subject.block_on(waits).unwrap();
    subject.shut_down();
    assert!(wait(found).unwrap());
}

pub fn what_is_spawned_by_a_destructor_meanwhile_fails(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (tasks, spawned) = mpsc::channel();
    let waiting = (0..10).map(|_| {
        let (tasks, on_loop) = (tasks.clone(), reactor.clone());
        let on_drop = OnDrop::new(move || {
            let task = on_loop.spawn_infallible(pending::<()>());
            tasks.send(task).unwrap();
        });
        let (waits, future) = parked(async move {
            let _on_drop = on_drop;
            pending::<()>().await;
        });
        reactor.spawn_infallible(future).detach();
        waits
    });
    for waits in waiting.collect::<Vec<_>>() {
        subject.block_on(waits).unwrap();
    }
    drop(tasks);
    subject.shut_down();
    let spawned = spawned.into_iter().collect::<Vec<_>>();
    assert_eq!(spawned.len(), 10);
    for task in spawned {
        assert!(wait(task).unwrap_err().is_shut_down());
    }
}

pub fn what_a_plain_thread_spawns_meanwhile_fails(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (spawns, is_spawning) = mpsc::channel();
    let spawning = on_thread(move || {
        let mut waiting = Vec::new();
        loop {
            match reactor.spawn_infallible(pending::<()>()).try_take() {
                Ok(refused) => {
                    assert!(refused.unwrap_err().is_shut_down());
                    return waiting;
                }
                Err(task) => waiting.push(task),
            }
            let _ = spawns.send(());
            thread::yield_now();
        }
    });
    for _ in 0..10 {
        is_spawning.recv().unwrap();
    }
    subject.shut_down();
    for task in wait(spawning).unwrap() {
        assert!(wait(task).unwrap_err().is_shut_down());
    }
}

pub fn tasks_spawned_afterwards_fail_and_are_dropped(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    let drops = Counter::default();
    let dropped = drops.on_drop();
    let task = reactor.spawn(async move {
        let _dropped = dropped;
        Ok::<_, Aborted>(42)
    });
    assert_eq!(drops.count(), 1);
    assert!(wait(task).unwrap_err().is_shut_down());
}

pub fn jobs_started_afterwards_fail_and_are_dropped(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    let drops = Counter::default();
    let dropped = drops.on_drop();
    let job = reactor.spawn_blocking(move || {
        let _dropped = dropped;
        Ok::<_, Aborted>(42)
    });
    assert_eq!(drops.count(), 1);
    assert!(wait(job).unwrap_err().is_shut_down());
}

pub fn a_job_that_runs_meanwhile_gives_its_result(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (starts, has_started) = Deferred::<()>::pair();
    let (go_on, may_go_on) = mpsc::channel();
    let job = reactor.spawn_blocking(move || {
        starts.complete(());
        may_go_on.recv().unwrap();
        Ok::<_, Aborted>(42)
    });
    subject.block_on(has_started).unwrap();
    // Some loops wait for their jobs. Whether this comes before they do or not, the result is the same.
    let letting_go = on_thread(move || go_on.send(()).unwrap());
    subject.shut_down();
    wait(letting_go).unwrap();
    assert_eq!(wait(job).unwrap(), 42);
}

pub fn a_coroutine_that_the_loop_would_resume_fails(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let registered = Arc::new(Mutex::new(None::<Waker>));
    let registers = registered.clone();
    let entered = reactor.enter();
    let coroutine = Deferred::<()>::from_coroutine(poll_fn(move |cx| {
        *registers.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }));
    drop(entered);
    subject.shut_down();
    let waker = registered.lock().unwrap().take();
    waker.unwrap().wake();
    assert!(wait(coroutine).unwrap_err().is_shut_down());
}

pub fn callbacks_run_that_were_attached_before(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (waits, future) = parked(pending::<()>());
    let task = reactor.spawn_infallible(future);
    let (completer, seen) = Deferred::<_>::pair();
    task.then(move |outcome| {
        completer.complete(outcome.unwrap_err().is_shut_down());
        Ok::<_, Aborted>(())
    })
    .detach();
    subject.block_on(waits).unwrap();
    subject.shut_down();
    assert!(wait(seen).unwrap());
}

pub fn a_sleep_made_before_ends(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let sleep = reactor.sleep(5 * MILLISECOND);
    let elapsed = reactor.sleep(Duration::ZERO);
    subject.shut_down();
    assert_ends(wait(sleep));
    assert_ends(wait(elapsed));
}

pub fn a_sleep_polled_before_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let mut sleep = reactor.sleep(50 * MILLISECOND);
    subject.block_on(poll_fn(|cx| {
        // Ready already, on a machine that is busy.
        let _ = Pin::new(&mut sleep).poll(cx);
        Poll::Ready(())
    }));
    subject.shut_down();
    assert_ends(wait(sleep));
}

pub fn a_sleep_made_afterwards_fails(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    for duration in [Duration::ZERO, MILLISECOND, HOUR] {
        assert!(wait(reactor.sleep(duration)).unwrap_err().is_shut_down());
    }
    let mut sleep = reactor.sleep(HOUR);
    sleep.reset(reactor.now());
    assert!(wait(&mut sleep).unwrap_err().is_shut_down());
    sleep.reset(reactor.now() + HOUR);
    assert!(wait(&mut sleep).unwrap_err().is_shut_down());
}

pub fn a_sleep_is_reset_afterwards(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let mut sleeps = [MILLISECOND, HOUR].map(|duration| reactor.sleep(duration));
    let mut polled = [MILLISECOND, HOUR].map(|duration| reactor.sleep(duration));
    subject.block_on(poll_fn(|cx| {
        for sleep in &mut polled {
            let _ = Pin::new(sleep).poll(cx);
        }
        Poll::Ready(())
    }));
    subject.shut_down();
    for sleep in sleeps.iter_mut().chain(&mut polled) {
        sleep.reset(reactor.now() + HOUR);
        // Nothing is decided by what this gives.
        let _ = Pin::new(&mut *sleep).poll(&mut Context::from_waker(Waker::noop()));
        sleep.reset(reactor.now() + MILLISECOND);
        assert_ends(wait(sleep));
    }
}

pub fn a_sleep_that_a_plain_thread_waits_for_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (waits, sleep) = parked(reactor.sleep(300 * MILLISECOND));
    let sleeping = on_thread(move || wait(sleep));
    // It may be too busy here for it to wait at all.
    let _ = subject.block_on(waits);
    subject.shut_down();
    assert_ends(wait(sleeping).unwrap());
}

pub fn a_wait_of_a_plain_thread_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (waits, future) = parked(pending::<()>());
    let task = reactor.spawn_infallible(future);
    subject.block_on(waits).unwrap();
    let waiting = on_thread(move || task.wait());
    subject.shut_down();
    assert!(wait(waiting).unwrap().unwrap_err().is_shut_down());
}

pub fn a_timeout_ends(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let never = pending::<Result<(), Aborted>>;
    let before = reactor.timeout(5 * MILLISECOND, never());
    subject.shut_down();
    // It makes its timer when it is first polled.
    assert!(wait(before).unwrap_err().is_shut_down());
    assert!(wait(reactor.timeout(HOUR, never())).unwrap_err().is_shut_down());
}

pub fn a_timeout_that_waits_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let mut limited = reactor.timeout(50 * MILLISECOND, pending::<Result<(), Aborted>>());
    subject.block_on(poll_fn(|cx| {
        // Time is up already, on a machine that is busy.
        let _ = Pin::new(&mut limited).poll(cx);
        Poll::Ready(())
    }));
    subject.shut_down();
    let aborted = wait(limited).unwrap_err();
    assert!(aborted.is_shut_down() || aborted.is_timed_out(), "{aborted:?}");
}

pub fn an_interval_ticks_or_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let mut interval = reactor.interval(MILLISECOND);
    subject.block_on(interval.tick()).unwrap();
    subject.shut_down();
    for _ in 0..5 {
        // An error is repeated.
        assert_ends(wait(interval.tick()).map(drop));
    }
}

pub fn a_read_that_a_plain_thread_waits_for_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (mut stream, mut peer) = subject.block_on(connection(&reactor));
    let (waits, reading) = parked(async move { stream.read(&mut [0]).await });
    let reading = on_thread(move || wait(reading));
    subject.block_on(waits).unwrap();
    subject.shut_down();
    // It fails, or goes on.
    let _ = wait(peer.write_all(&[42]));
    let _ = wait(reading).unwrap();
}

pub fn what_waits_on_a_connection_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (stream, peer) = subject.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(&reactor, listener.local_addr().unwrap());
        (stream.await.unwrap(), listener.accept().unwrap().0)
    });
    let stream = Arc::new(stream);
    let (read, peeks) = (stream.clone(), stream.clone());
    let (reads, read) = parked(async move { (&*read).read(&mut [0]).await.is_ok() });
    let (peeking, peek) = parked(async move { peeks.peek(&mut [0]).await.is_ok() });
    let (waits, readable) = parked({
        let stream = stream.clone();
        async move { stream.readable().await.is_ok() }
    });
    let (writes, write) = parked(async move { (&*stream).write_all(&vec![7; 64 << 20]).await.is_ok() });
    let waiting = [
        on_thread(move || wait(read)),
        on_thread(move || wait(peek)),
        on_thread(move || wait(readable)),
        on_thread(move || wait(write)),
    ];
    for waits in [reads, peeking, waits, writes] {
        subject.block_on(waits).unwrap();
    }
    subject.shut_down();
    // They fail, or see the end.
    drop(peer);
    for waiting in waiting {
        wait(waiting).unwrap();
    }
}

pub fn a_connection_made_before_works_or_fails(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (stream, mut peer) = subject.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(&reactor, listener.local_addr().unwrap())
            .await
            .unwrap();
        (stream, listener.accept().unwrap().0)
    });
    subject.shut_down();
    let mut stream = stream;
    peer.write_all(b"hello").unwrap();
    let mut received = [0; 5];
    if wait(stream.read_exact(&mut received)).is_ok() {
        assert_eq!(&received, b"hello");
    }
    let _ = wait(stream.write_all(b"hello"));
    let _ = wait(stream.close());
    drop(stream);
    // It was closed all the same.
    let _ = peer.read_to_end(&mut Vec::new());
}

pub fn a_connection_is_dropped_with_the_task_that_has_it(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (mut client, mut server) = subject.block_on(connection(&reactor));
    let (waits, reading) = parked(async move { server.read(&mut [0]).await });
    let reading = reactor.spawn(reading);
    subject.block_on(waits).unwrap();
    subject.shut_down();
    let error = wait(reading).unwrap_err();
    assert!(
        Aborted::in_io_error(&error).is_some_and(Aborted::is_shut_down),
        "{error:?}"
    );
    // The end, or an error of the loop's.
    if let Ok(read) = wait(client.read(&mut [0])) {
        assert_eq!(read, 0);
    }
}

pub fn a_listener_made_before_works_or_fails(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    subject.shut_down();
    let _peer = StdStream::connect(addr).unwrap();
    let _ = wait(listener.accept());
}

pub fn a_stream_of_connections_made_before_works_or_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let listener = subject.block_on(async { listen(&reactor) });
    let addr = listener.local_addr().unwrap();
    let (waits, accepting) = parked(async move {
        let mut incoming = listener.into_incoming();
        if let Err(error) = incoming.next().await.unwrap() {
            assert!(error.as_aborted().is_some_and(Aborted::is_shut_down), "{error:?}");
            assert!(incoming.next().await.is_none());
        }
    });
    let accepting = on_thread(move || wait(accepting));
    subject.block_on(waits).unwrap();
    subject.shut_down();
    // Refused, if the listener has gone with its loop.
    let _client = StdStream::connect(addr);
    wait(accepting).unwrap();
}

pub fn connecting_by_name_fails_afterwards(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    for limit in [None, Some(HOUR)] {
        let connector = limit.map_or(Connector::new(), |limit| Connector::new().limit(limit));
        for host in [HostPort::from(addr), ("localhost", addr.port()).into()] {
            let error = wait(connector.connect(&reactor, host)).unwrap_err();
            assert!(error.as_aborted().is_some_and(Aborted::is_shut_down), "{error:?}");
        }
    }
}

pub fn sockets_made_afterwards_fail(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = peer.local_addr().unwrap();
    subject.shut_down();
    let errors = [
        wait(TcpStream::connect(&reactor, addr)).unwrap_err(),
        TcpStream::from_std(&reactor, StdStream::connect(addr).unwrap()).unwrap_err(),
        TcpListener::bind(&reactor, "127.0.0.1:0".parse().unwrap()).unwrap_err(),
    ];
    for error in errors {
        assert!(
            Aborted::in_io_error(&error).is_some_and(Aborted::is_shut_down),
            "{error:?}"
        );
    }
}

pub fn a_descriptor_registered_afterwards_is_refused_and_closed(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    let (end, mut peer) = UnixStream::pair().unwrap();
    let error = reactor.register(OwnedFd::from(end)).unwrap_err();
    assert!(
        Aborted::in_io_error(&error).is_some_and(Aborted::is_shut_down),
        "{error:?}"
    );
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

pub fn deferreds_and_contexts_go_on(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    let _entered = reactor.enter();
    assert!(is_current(&reactor));
    assert!(!format!("{reactor:?}").is_empty());
    reactor.now();
    let (completer, deferred) = Deferred::<u32>::pair();
    let seen = Arc::new(Mutex::new(0));
    let chain = deferred.map_ok({
        let seen = seen.clone();
        move |n| *seen.lock().unwrap() = n
    });
    completer.complete(42);
    wait(pin!(chain)).unwrap();
    assert_eq!(*seen.lock().unwrap(), 42);
}

pub fn calls_that_wait_are_dropped_and_not_made(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (drops, made) = (Counter::default(), Counter::default());
    let callback = || {
        let (dropped, called) = (drops.on_drop(), made.on_drop());
        let called = std::mem::ManuallyDrop::new(called);
        move || {
            drop(std::mem::ManuallyDrop::into_inner(called));
            drop(dropped);
        }
    };
    let delayed = reactor.call_later(HOUR, callback());
    // The task that makes the calls waits now.
    let (completer, waits) = Deferred::<()>::pair();
    reactor.call_later(MILLISECOND, move || completer.complete(()));
    subject.block_on(waits).unwrap();
    subject.shut_down();
    assert_eq!(drops.count(), 1);
    assert!(delayed.cancel().unwrap_err().is_shut_down());
    assert!(!delayed.active());

    reactor.call_soon(callback());
    let afterwards = reactor.call_later(MILLISECOND, callback());
    assert_eq!(drops.count(), 3);
    assert!(afterwards.reset(HOUR).unwrap_err().is_shut_down());
    assert_eq!(made.count(), 0);
}

/// Says what it is lost with.
struct Losing(mpsc::Sender<Lost>);

impl Protocol for Losing {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"made");
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}

    fn connection_lost(&mut self, transport: &Transport, reason: &Lost) {
        transport.write(b"too late");
        self.0.send(reason.clone()).unwrap();
    }
}

pub fn connections_of_protocols_are_lost(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (sender, losses) = mpsc::channel();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let sender = Mutex::new(sender);
    let port = protocol::serve(&reactor, listener.into_incoming(), move || {
        Losing(sender.lock().unwrap().clone())
    });
    let mut streams: Vec<_> = (0..10).map(|_| StdStream::connect(addr).unwrap()).collect();
    // All of them are made.
    let reading = on_thread(move || {
        for stream in &mut streams {
            stream.read_exact(&mut [0; 4]).unwrap();
        }
        streams
    });
    let mut streams = subject.block_on(reading).unwrap();
    let end = port.stopped();
    subject.shut_down();
    let reasons: Vec<Lost> = losses.try_iter().collect();
    assert_eq!(reasons.len(), 10);
    for reason in reasons {
        assert!(matches!(reason, Lost::Aborted(why) if why.is_shut_down()));
    }
    for stream in &mut streams {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    assert!(wait(end).unwrap_err().as_aborted().is_some_and(Aborted::is_shut_down));
}
