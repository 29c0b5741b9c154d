//! zbus' traits on every loop, as zbus uses them.

use std::{
    error::Error,
    ffi::OsStr,
    future::{pending, poll_fn},
    io::{self, Read},
    os::{
        fd::{AsFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixListener},
        },
    },
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use interloop::{Aborted, Deferred, Reactor, defer_to_thread};
use interloop_conformance::on_every_loop;
use interloop_zbus::runtime;
use zbus::runtime::{
    Interest,
    traits::{PollIo, Runtime, TaskHandle},
};

type Failure = Box<dyn Error + Send + Sync>;

on_every_loop!(
    a_task_that_is_dropped_is_cancelled,
    a_task_that_is_detached_runs_on,
    a_task_that_panics_is_lost,
    a_handle_is_shared_by_threads,
    a_sleep_is_never_early,
    blocking_work_is_done_without_its_future,
    a_panic_in_blocking_work_goes_on_where_it_is_awaited,
    a_connection_waits_for_a_full_queue,
    an_abstract_name_is_connected_to,
    a_source_is_registered_anew,
    a_child_gives_its_status,
    a_child_outlives_its_future,
    a_program_that_is_not_there_is_an_error,
);

async fn a_task_that_is_dropped_is_cancelled(reactor: Reactor) -> Result<(), Failure> {
    let (held, told) = Deferred::<(), Aborted>::pair();
    let task = runtime(&reactor).spawn("test", async {
        let _held = held;
        pending::<()>().await;
    });
    drop(task);
    assert!(told.await.unwrap_err().is_dropped());
    Ok(())
}

async fn a_task_that_is_detached_runs_on(reactor: Reactor) -> Result<(), Failure> {
    let (done, told) = Deferred::<(), Failure>::pair();
    let sleep = runtime(&reactor).sleep(Duration::from_millis(1));
    let task = runtime(&reactor).spawn("test", async {
        sleep.await;
        done.complete(());
    });
    task.detach();
    told.await
}

async fn a_task_that_panics_is_lost(reactor: Reactor) -> Result<(), Failure> {
    let task = runtime(&reactor).spawn("test", async { std::panic::panic_any("out of paper") });
    let error = task.await.map(|()| "no result").unwrap_err();
    let aborted = Aborted::in_io_error(&error).ok_or("it is in the error")?;
    assert_eq!(aborted.panic_message(), Some("out of paper"));
    Ok(())
}

async fn a_handle_is_shared_by_threads(reactor: Reactor) -> Result<(), Failure> {
    fn is_shared<T: Send + Sync + Unpin>(handle: T) -> T {
        handle
    }
    // What it gives need not be.
    let task = runtime(&reactor).spawn("test", async { std::cell::Cell::new(42) });
    assert_eq!(is_shared(task).await?.get(), 42);
    Ok(())
}

async fn a_sleep_is_never_early(reactor: Reactor) -> Result<(), Failure> {
    let start = reactor.now();
    runtime(&reactor).sleep(Duration::from_millis(5)).await;
    assert!(reactor.now() - start >= Duration::from_millis(5));
    // No clock has it.
    assert!(runtime(&reactor).sleep(Duration::MAX).now_or_never().is_none());
    Ok(())
}

async fn blocking_work_is_done_without_its_future(reactor: Reactor) -> Result<(), Failure> {
    let here = thread::current().id();
    let work = move || thread::current().id() != here;
    assert!(runtime(&reactor).spawn_blocking(work).await);
    let (done, told) = Deferred::<(), Failure>::pair();
    drop(runtime(&reactor).spawn_blocking(|| done.complete(())));
    told.await
}

async fn a_panic_in_blocking_work_goes_on_where_it_is_awaited(reactor: Reactor) -> Result<(), Failure> {
    let work = runtime(&reactor).spawn_blocking(|| std::panic::panic_any(42));
    let panic = std::panic::AssertUnwindSafe(work).catch_unwind().await.unwrap_err();
    assert_eq!(*panic.downcast::<i32>().unwrap(), 42);
    Ok(())
}

/// A name of this process's own.
fn name(of: &str) -> Vec<u8> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("interloop-zbus-{of}-{}-{number}", std::process::id()).into_bytes()
}

async fn a_connection_waits_for_a_full_queue(reactor: Reactor) -> Result<(), Failure> {
    let path = std::env::temp_dir().join(OsStr::from_bytes(&name("queue")));
    let listener = UnixListener::bind(&path)?;
    // The queue is that of the last call.
    rustix::net::listen(&listener, 0)?;
    let mut waiting = Vec::new();
    // Not even those who would wait are let in any more.
    while let Some(stream) = connected_at_once(&path)? {
        waiting.push(stream);
    }
    let runtime = runtime(&reactor);
    let mut late = Box::pin(runtime.connect_unix(&path));
    assert!(late.as_mut().now_or_never().is_none());
    let accepted = defer_to_thread(move || Ok::<_, Failure>((listener.accept()?, listener)));
    late.await?;
    accepted.await?;
    std::fs::remove_file(&path)?;
    Ok(())
}

/// `None` if the queue is full.
fn connected_at_once(path: &Path) -> io::Result<Option<OwnedFd>> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) => Ok(Some(socket)),
        Err(rustix::io::Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn an_abstract_name_is_connected_to(reactor: Reactor) -> Result<(), Failure> {
    let name = name("abstract");
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    let path = [b"\0", &*name].concat();
    let source = runtime(&reactor)
        .connect_unix(Path::new(OsStr::from_bytes(&path)))
        .await?;
    drop(source);
    let (mut stream, _) = listener.accept()?;
    assert_eq!(stream.read(&mut [0])?, 0);
    Ok(())
}

async fn a_source_is_registered_anew(reactor: Reactor) -> Result<(), Failure> {
    let runtime = runtime(&reactor);
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let source = runtime.connect_tcp(listener.local_addr()?).await?;
    let (mut stream, _) = listener.accept()?;
    for byte in *b"ab" {
        let registration = runtime.register_io_source(source.clone())?;
        let mut write = |cx: &mut std::task::Context<'_>| {
            registration.poll_io(cx, Interest::Writable, || {
                Ok(rustix::io::write(source.as_fd(), &[byte])?)
            })
        };
        assert_eq!(poll_fn(&mut write).await?, 1);
        let mut read = [0];
        stream.read_exact(&mut read)?;
        assert_eq!(read, [byte]);
    }
    Ok(())
}

async fn a_child_gives_its_status(reactor: Reactor) -> Result<(), Failure> {
    let mut command = Command::new("sh");
    command.args(["-c", "echo $0; exit 3", "hello"]).stdout(Stdio::null());
    let (mut output, child_output) = io::pipe()?;
    let exit = runtime(&reactor).spawn_process(command, Stdio::null(), child_output.into(), Stdio::inherit())?;
    // Its end is the child's, as nobody else has the pipe by now.
    let text = defer_to_thread(move || {
        let mut text = String::new();
        output.read_to_string(&mut text)?;
        Ok::<_, Failure>(text)
    });
    assert_eq!(text.await?, "hello\n");
    assert_eq!(exit.await?.code(), Some(3));
    Ok(())
}

async fn a_child_outlives_its_future(reactor: Reactor) -> Result<(), Failure> {
    let (input, mut ours) = io::pipe()?;
    let (mut output, child_output) = io::pipe()?;
    let cat = Command::new("cat");
    let exit = runtime(&reactor).spawn_process(cat, input.into(), child_output.into(), Stdio::inherit())?;
    drop(exit);
    let text = defer_to_thread(move || {
        io::Write::write_all(&mut ours, b"hello")?;
        drop(ours);
        let mut text = String::new();
        output.read_to_string(&mut text)?;
        Ok::<_, Failure>(text)
    });
    assert_eq!(text.await?, "hello");
    Ok(())
}

async fn a_program_that_is_not_there_is_an_error(reactor: Reactor) -> Result<(), Failure> {
    let nowhere = Command::new("/nowhere/program");
    let spawned = runtime(&reactor).spawn_process(nowhere, Stdio::null(), Stdio::null(), Stdio::null());
    assert_eq!(spawned.map(drop).unwrap_err().kind(), io::ErrorKind::NotFound);
    Ok(())
}
