//! async-rs' traits on every loop, as a library that is written for them uses them.

use std::{
    error::Error,
    io::{Read, Write},
    net::{TcpListener, ToSocketAddrs},
    os::unix::net::UnixStream,
    panic::AssertUnwindSafe,
    sync::mpsc,
    thread,
    time::Duration,
};

use async_rs::traits::{Executor, Reactor as _};
use futures_util::{
    FutureExt,
    future::pending,
    io::{AsyncReadExt, AsyncWriteExt},
    stream::StreamExt,
};
use interloop::{Deferred, Reactor};
use interloop_async_rs::runtime;
use interloop_conformance::on_every_loop;

type Failure = Box<dyn Error + Send + Sync>;

on_every_loop!(
    tasks_give_their_results,
    a_task_that_is_dropped_goes_on,
    a_cancelled_task_gives_nothing,
    a_panic_goes_on_where_the_task_is_awaited,
    a_connection_is_made_by_name,
    a_handle_is_registered,
    an_interval_ticks,
    a_plain_thread_blocks_on_a_future,
    block_on_is_refused_in_a_task,
);

async fn tasks_give_their_results(reactor: Reactor) -> Result<(), Failure> {
    let runtime = runtime(&reactor);
    let found = runtime.spawn(async { Reactor::current().is_ok() });
    let here = thread::current().id();
    let job = runtime.spawn_blocking(move || thread::current().id() != here);
    assert!(found.await);
    // The loop whose blocking jobs run on its own thread is none of these.
    assert!(job.await);
    Ok(())
}

async fn a_task_that_is_dropped_goes_on(reactor: Reactor) -> Result<(), Failure> {
    let runtime = runtime(&reactor);
    let (done, told) = Deferred::<(), Failure>::pair();
    let sleep = runtime.sleep(Duration::from_millis(1));
    drop(runtime.spawn(async move {
        sleep.await.unwrap();
        done.complete(());
    }));
    told.await
}

async fn a_cancelled_task_gives_nothing(reactor: Reactor) -> Result<(), Failure> {
    let runtime = runtime(&reactor);
    let mut task = runtime.spawn(pending::<u8>());
    assert_eq!(task.cancel().await, None);
    assert_eq!(task.cancel().await, None);
    let awaited = AssertUnwindSafe(task).catch_unwind().await;
    let message = *awaited.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(message, "the task that is awaited has no result: cancelled");
    Ok(())
}

async fn a_panic_goes_on_where_the_task_is_awaited(reactor: Reactor) -> Result<(), Failure> {
    let task = runtime(&reactor).spawn(async { std::panic::panic_any(42) });
    let awaited = AssertUnwindSafe(task).catch_unwind().await;
    assert_eq!(*awaited.unwrap_err().downcast::<i32>().unwrap(), 42);
    Ok(())
}

async fn a_connection_is_made_by_name(reactor: Reactor) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        stream.write_all(text.to_uppercase().as_bytes())
    });
    let runtime = runtime(&reactor);
    let names = runtime.to_socket_addrs(("localhost", port));
    let mut stream = runtime.tcp_connect(names).await?;
    stream.write_all(b"hello").await?;
    stream.close().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    assert_eq!(answer, "HELLO");
    server.join().unwrap()?;
    // Nobody listens any more.
    let addr = ("127.0.0.1", port)
        .to_socket_addrs()?
        .next()
        .ok_or("it is an address")?;
    assert!(runtime.tcp_connect_addr(addr).await.is_err());
    Ok(())
}

async fn a_handle_is_registered(reactor: Reactor) -> Result<(), Failure> {
    let (here, mut there) = UnixStream::pair()?;
    let mut here = runtime(&reactor).register(here)?;
    let mut byte = [0];
    // It waits, although the handle was not set non-blocking.
    assert!(here.read(&mut byte).now_or_never().is_none());
    there.write_all(b"a")?;
    here.read_exact(&mut byte).await?;
    here.write_all(&byte.map(|byte| byte + 1)).await?;
    there.read_exact(&mut byte)?;
    assert_eq!(byte, *b"b");
    Ok(())
}

async fn an_interval_ticks(reactor: Reactor) -> Result<(), Failure> {
    let period = Duration::from_millis(2);
    let ticks: Vec<_> = runtime(&reactor).interval(period).take(3).collect().await;
    assert!(ticks[1] - ticks[0] >= period && ticks[2] - ticks[1] >= period);
    Ok(())
}

async fn a_plain_thread_blocks_on_a_future(reactor: Reactor) -> Result<(), Failure> {
    let (done, told) = Deferred::<bool, Failure>::pair();
    let blocking = reactor.clone();
    let thread = thread::spawn(move || {
        let runtime = runtime(&blocking);
        // Of this thread, as nothing here may leave it.
        let number = std::rc::Rc::new(42);
        let slept = runtime.block_on(async {
            let task = runtime.spawn(runtime.sleep(Duration::from_millis(1)));
            (task.await, number.clone())
        });
        done.complete(slept.0.is_ok() && slept.1 == number);
    });
    assert!(told.await?);
    thread.join().unwrap();
    Ok(())
}

async fn block_on_is_refused_in_a_task(reactor: Reactor) -> Result<(), Failure> {
    let (sender, receiver) = mpsc::channel();
    let inner = reactor.clone();
    let task = reactor.spawn_infallible(async move {
        let blocked = || runtime(&inner).block_on(pending::<()>());
        let panic = std::panic::catch_unwind(AssertUnwindSafe(blocked)).unwrap_err();
        sender.send(*panic.downcast::<String>().unwrap()).unwrap();
    });
    task.await?;
    let message = receiver.recv()?;
    assert!(message.starts_with("`block_on` would deadlock: "), "{message}");
    Ok(())
}

#[test]
fn an_interval_ends_with_its_loop() {
    let rt = tokio::runtime::Runtime::new().unwrap();
    let reactor = interloop_tokio::from_handle(rt.handle()).unwrap();
    let interval = runtime(&reactor).interval(Duration::from_secs(3600));
    drop(rt);
    assert_eq!(futures_executor::block_on(interval.count()), 0);
}
