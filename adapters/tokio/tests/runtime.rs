//! What is tokio's own: drivers that are off, contexts, handles, and a runtime's end as other threads
//! see it.

use std::{
    error::Error as _,
    future::{Future, pending},
    io::{self, Read},
    net::{TcpListener as StdListener, TcpStream as StdStream},
    pin::{Pin, pin},
    sync::mpsc,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use futures_util::{AsyncReadExt, future::poll_fn};
use interloop::{Aborted, Deferred, Reactor, net::TcpStream};
use tokio::runtime::{Builder, Runtime};

fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn on(runtime: &Runtime) -> Reactor {
    interloop_tokio::from_handle(runtime.handle()).unwrap()
}

/// Waits on a plain thread: by a runtime without drivers, which does nothing for the one under test.
fn wait<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Starts a future on a plain thread, and returns when it waits there.
fn wait_on_thread<F>(future: F) -> thread::JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let (waits, is_waiting) = mpsc::channel();
    let thread = thread::spawn(move || {
        let mut future = pin!(future);
        wait(poll_fn(|cx| {
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() {
                let _ = waits.send(());
            }
            polled
        }))
    });
    is_waiting.recv().expect("it waits");
    thread
}

#[test]
fn a_runtime_without_its_io_driver_says_so() {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = builder.enable_time().build().unwrap();
        let error = interloop_tokio::from_handle(runtime.handle()).unwrap_err();
        assert!(error.is_io_disabled() && !error.is_time_disabled() && !error.is_no_runtime());
        let message = error.to_string();
        assert!(message.contains("enable_io()"), "it must say what to do: {message}");
        assert_eq!(io::Error::from(error).to_string(), message);
    }
}

#[test]
fn a_runtime_without_its_time_driver_says_so() {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = builder.enable_io().build().unwrap();
        let error = interloop_tokio::from_handle(runtime.handle()).unwrap_err();
        assert!(error.is_time_disabled() && !error.is_io_disabled() && !error.is_no_runtime());
        let message = error.to_string();
        assert!(message.contains("enable_time()"), "it must say what to do: {message}");
    }
}

#[test]
fn outside_of_a_runtime_there_is_none() {
    let error = interloop_tokio::current().unwrap_err();
    assert!(error.is_no_runtime() && !error.is_io_disabled() && !error.is_time_disabled());
    assert!(
        error.to_string().contains("from_handle"),
        "it must say what to do: {error}"
    );
    assert!(error.source().is_some());
}

#[test]
fn the_running_runtime_is_found() {
    for runtime in [multi_thread(), current_thread()] {
        let answer = runtime.block_on(async {
            let reactor = interloop_tokio::current()?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(reactor.spawn(async { Ok::<_, Aborted>(42) }).await?)
        });
        assert_eq!(answer.unwrap(), 42);
        let _entered = runtime.enter();
        interloop_tokio::current().unwrap();
    }
}

#[test]
fn a_task_of_tokios_finds_the_runtime() {
    let runtime = multi_thread();
    let task = runtime.spawn(async {
        let reactor = interloop_tokio::current().unwrap();
        reactor.sleep(Duration::from_millis(1)).await.unwrap();
        reactor.spawn(async { Ok::<_, Aborted>(42) }).await.unwrap()
    });
    assert_eq!(runtime.block_on(task).unwrap(), 42);
}

#[test]
fn a_handle_makes_a_reactor_on_a_plain_thread() {
    let runtime = multi_thread();
    let handle = runtime.handle().clone();
    let answer = thread::spawn(move || {
        let reactor = interloop_tokio::from_handle(&handle).unwrap();
        let answer = reactor.clone().spawn(async move {
            reactor.sleep(Duration::from_millis(1)).await?;
            Ok::<_, Aborted>(42)
        });
        wait(answer)
    });
    assert_eq!(answer.join().unwrap().unwrap(), 42);
}

#[test]
fn tokios_own_sockets_and_timers_work_in_a_task() {
    let runtime = multi_thread();
    let task = on(&runtime).spawn(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let connecting = tokio::spawn(tokio::net::TcpStream::connect(listener.local_addr()?));
        listener.accept().await?;
        connecting.await??;
        Ok::<_, io::Error>(())
    });
    runtime.block_on(task).unwrap();
}

#[test]
fn a_signal_reaches_tokios_own_streams_too() {
    use interloop::signal::{SignalKind, Signals};

    let runtime = multi_thread();
    let reactor = on(&runtime);
    runtime.block_on(async {
        let kind = tokio::signal::unix::SignalKind::user_defined2();
        // One was there before ours, one comes later.
        let mut before = tokio::signal::unix::signal(kind).unwrap();
        let mut ours = Signals::new(&reactor, [SignalKind::user_defined2()]).unwrap();
        let mut after = tokio::signal::unix::signal(kind).unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR2).unwrap();
        before.recv().await.unwrap();
        assert_eq!(ours.recv().await.unwrap(), SignalKind::user_defined2());
        after.recv().await.unwrap();
        // Those of others outlive ours.
        drop(ours);
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR2).unwrap();
        before.recv().await.unwrap();
        after.recv().await.unwrap();
    });
}

#[test]
fn tokios_own_children_are_left_to_tokio() {
    use interloop::process::Command;

    let runtime = multi_thread();
    let reactor = on(&runtime);
    runtime.block_on(async {
        let mut theirs = tokio::process::Command::new("sh")
            .args(["-c", "exit 4"])
            .spawn()
            .unwrap();
        for _ in 0..10 {
            assert!(Command::new("true").status(&reactor).await.unwrap().success());
        }
        assert_eq!(theirs.wait().await.unwrap().code(), Some(4));
    });
}

#[test]
fn a_job_cancelled_before_it_starts_never_runs() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let reactor = on(&runtime);
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let first = reactor.spawn_blocking(move || {
        may_go_on.recv().unwrap();
        Ok::<_, Aborted>(())
    });
    // Behind the first, as there is one thread.
    let (runs, has_run) = mpsc::channel::<()>();
    let second = reactor.spawn_blocking(move || {
        runs.send(()).unwrap();
        Ok::<_, Aborted>(())
    });
    second.cancel();
    assert!(wait(second).unwrap_err().is_cancelled());
    // What it held is gone already, and so it cannot run.
    assert_eq!(has_run.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    go_on.send(()).unwrap();
    wait(first).unwrap();
    let third = reactor.spawn_blocking(|| Ok::<_, Aborted>(42));
    assert_eq!(wait(third).unwrap(), 42);
}

#[test]
fn a_job_behind_others_ends_with_the_runtime() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let reactor = on(&runtime);
    let (starts, has_started) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let first = reactor.spawn_blocking(move || {
        starts.send(()).unwrap();
        may_go_on.recv().unwrap();
        Ok::<_, Aborted>(())
    });
    has_started.recv().unwrap();
    let behind = [(); 10].map(|()| reactor.spawn_blocking(|| Ok::<_, Aborted>(())));
    runtime.shutdown_background();
    go_on.send(()).unwrap();
    wait(first).unwrap();
    for job in behind {
        // tokio may find time for it still.
        if let Err(aborted) = wait(job) {
            assert!(aborted.is_shut_down(), "{aborted:?}");
        }
    }
}

#[test]
fn a_reactor_made_after_the_end_refuses_everything() {
    for runtime in [multi_thread(), current_thread()] {
        let handle = runtime.handle().clone();
        drop(runtime);
        let reactor = interloop_tokio::from_handle(&handle).unwrap();
        let task = reactor.spawn(async { Ok::<_, Aborted>(()) });
        assert!(wait(task).unwrap_err().is_shut_down());
        let job = reactor.spawn_blocking(|| Ok::<_, Aborted>(()));
        assert!(wait(job).unwrap_err().is_shut_down());
        assert!(
            wait(reactor.sleep(Duration::from_millis(1)))
                .unwrap_err()
                .is_shut_down()
        );
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let error = wait(TcpStream::connect(&reactor, listener.local_addr().unwrap())).unwrap_err();
        assert!(Aborted::in_io_error(&error).unwrap().is_shut_down());
    }
}

#[test]
fn a_sleep_that_a_plain_thread_waits_for_fails_at_the_end() {
    for runtime in [multi_thread(), current_thread()] {
        let sleep = on(&runtime).sleep(Duration::from_secs(3600));
        let sleeping = wait_on_thread(sleep);
        drop(runtime);
        assert!(sleeping.join().unwrap().unwrap_err().is_shut_down());
    }
}

#[test]
fn a_time_limit_that_a_plain_thread_waits_for_fails_at_the_end() {
    for runtime in [multi_thread(), current_thread()] {
        let limited = on(&runtime).timeout(Duration::from_secs(3600), pending::<Result<(), Aborted>>());
        let waiting = wait_on_thread(limited);
        drop(runtime);
        assert!(waiting.join().unwrap().unwrap_err().is_shut_down());
    }
}

#[test]
fn a_read_that_a_plain_thread_waits_for_fails_at_the_end() {
    for runtime in [multi_thread(), current_thread()] {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let mut peer = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut stream = TcpStream::from_std(&on(&runtime), listener.accept().unwrap().0).unwrap();
        let reading = wait_on_thread(async move { stream.read(&mut [0]).await });
        drop(runtime);
        let error = reading.join().unwrap().unwrap_err();
        assert!(Aborted::in_io_error(&error).unwrap().is_shut_down());
        // The stream was dropped with the future, which closed it.
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn a_connection_used_after_the_end_fails() {
    for runtime in [multi_thread(), current_thread()] {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let _peer = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut stream = TcpStream::from_std(&on(&runtime), listener.accept().unwrap().0).unwrap();
        drop(runtime);
        let error = wait(stream.read(&mut [0])).unwrap_err();
        assert!(Aborted::in_io_error(&error).unwrap().is_shut_down());
    }
}

#[test]
fn sleeps_polled_all_the_time_see_the_end_without_a_panic() {
    for round in 0..50 {
        let runtime = if round % 2 == 0 {
            multi_thread()
        } else {
            current_thread()
        };
        let reactor = on(&runtime);
        let (begins, has_begun) = mpsc::channel();
        let pollers = [(); 2].map(|()| {
            let (reactor, begins) = (reactor.clone(), begins.clone());
            thread::spawn(move || {
                let mut kept = reactor.sleep(Duration::from_secs(3600));
                let mut cx = Context::from_waker(Waker::noop());
                loop {
                    let mut fresh = reactor.sleep(Duration::from_secs(3600));
                    for sleep in [&mut kept, &mut fresh] {
                        if let Poll::Ready(ended) = Pin::new(sleep).poll(&mut cx) {
                            return ended;
                        }
                    }
                    kept.reset(reactor.now() + Duration::from_secs(3600));
                    let _ = begins.send(());
                }
            })
        });
        for _ in 0..4 {
            has_begun.recv().unwrap();
        }
        drop(runtime);
        for poller in pollers {
            let ended = poller.join().expect("no panic");
            assert!(ended.unwrap_err().is_shut_down());
        }
    }
}

#[test]
fn a_runtime_that_shuts_down_in_the_background_fails_its_tasks() {
    let runtime = multi_thread();
    let reactor = on(&runtime);
    let task = reactor.spawn_infallible(pending::<()>());
    let sleeping = wait_on_thread(reactor.sleep(Duration::from_secs(3600)));
    runtime.shutdown_background();
    assert!(wait(task).unwrap_err().is_shut_down());
    assert!(sleeping.join().unwrap().unwrap_err().is_shut_down());
}

#[test]
fn reactors_on_two_runtimes_serve_one_task() {
    let (one, other) = (multi_thread(), current_thread());
    let (on_one, on_other) = (on(&one), on(&other));
    // Sockets and timers of one runtime are used in tasks of the other.
    let listener = interloop::net::TcpListener::bind(&on_one, "127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    let accepting = on_other.spawn(async move {
        on_one.sleep(Duration::from_millis(1)).await?;
        let (mut stream, _) = listener.accept().await?;
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await?;
        Ok::<_, io::Error>(received)
    });
    let connecting: Deferred<(), io::Error> = on(&one).spawn(async move {
        let mut stream = TcpStream::connect(&Reactor::current()?, addr).await?;
        futures_util::AsyncWriteExt::write_all(&mut stream, b"across").await
    });
    assert_eq!(other.block_on(accepting).unwrap(), b"across");
    one.block_on(connecting).unwrap();
}

/// tokio remembers for ever that the writers of a named pipe have gone.
#[test]
fn a_reader_whose_writers_come_and_go_lets_other_tasks_run() {
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        read_while_writers_come_and_go();
        sender.send(()).unwrap();
    });
    // One that did not let them would never end.
    ended.recv_timeout(Duration::from_secs(30)).unwrap();
}

fn read_while_writers_come_and_go() {
    let directory = std::env::temp_dir().join(format!("interloop-tokio-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let open_to_read = {
        let path = path.clone();
        thread::spawn(move || std::fs::File::open(path).unwrap())
    };
    let mut first = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pipe = open_to_read.join().unwrap();

    let runtime = current_thread();
    let reactor = on(&runtime);
    let mut pipe = interloop::net::Descriptor::new(&reactor, pipe).unwrap();
    runtime.block_on(async {
        let mut byte = [0];
        io::Write::write_all(&mut first, b"1").unwrap();
        assert_eq!(pipe.read(&mut byte).await.unwrap(), 1);
        // While the reader waits, so that the runtime is told of it.
        reactor.spawn_infallible(async move { drop(first) }).detach();
        assert_eq!(pipe.read(&mut byte).await.unwrap(), 0, "the end, for now");
        let mut second = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let write = reactor.spawn_infallible(async move {
            io::Write::write_all(&mut second, b"2").unwrap();
            second
        });
        // There is nothing to read until the other task has had its turn, which tokio's own budget must not be needed for.
        let read = tokio::task::unconstrained(pipe.read(&mut byte));
        assert_eq!(read.await.unwrap(), 1);
        assert_eq!(byte, *b"2");
        write.await.unwrap();
    });
    std::fs::remove_dir_all(directory).unwrap();
}
