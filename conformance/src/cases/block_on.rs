//! Running a function on a loop, on the thread that calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    rc::Rc,
    thread,
};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{Aborted, Deferred, Reactor, block_on};

use crate::{
    BlocksOn,
    tools::{MILLISECOND, connection, is_current, yield_now},
};

pub fn a_function_gives_its_result(subject: impl BlocksOn) {
    assert_eq!(subject.block_on(async |_| 42).unwrap(), 42);
}

pub fn a_function_borrows_and_need_not_be_sent(subject: impl BlocksOn) {
    let (mut count, local) = (40, Rc::new(2));
    let sum = subject.block_on(async |reactor| {
        reactor.spawn_infallible(yield_now()).await.unwrap();
        count += *local;
        count
    });
    assert_eq!(sum.unwrap(), 42);
    assert_eq!(count, 42);
}

pub fn the_reactor_is_current_inside_only(subject: impl BlocksOn) {
    let is_same = subject.block_on(async |reactor| {
        let before = is_current(&reactor);
        reactor.spawn_infallible(yield_now()).await.unwrap();
        before && is_current(&reactor)
    });
    assert!(is_same.unwrap());
    assert!(Reactor::current().is_err());
}

pub fn the_loop_has_tasks_time_jobs_and_sockets(subject: impl BlocksOn) {
    let read = subject.block_on(async |reactor| {
        reactor.sleep(MILLISECOND).await.unwrap();
        let sent = reactor.spawn_blocking(|| Ok::<_, Aborted>(*b"ping")).await.unwrap();
        let (mut client, mut server) = connection(&reactor).await;
        let sending = reactor.spawn(async move {
            client.write_all(&sent).await?;
            client.close().await
        });
        let mut read = Vec::new();
        server.read_to_end(&mut read).await.unwrap();
        sending.await.unwrap();
        read
    });
    assert_eq!(read.unwrap(), b"ping");
}

pub fn a_wait_inside_is_an_error(subject: impl BlocksOn) {
    let waited = subject.block_on(async |_| {
        let (_completer, never) = Deferred::<(), Aborted>::pair();
        never.wait()
    });
    assert!(waited.unwrap().unwrap_err().is_deadlock());
}

pub fn a_job_waits_for_a_task_of_the_loop(subject: impl BlocksOn) {
    let waited = subject.block_on(async |reactor| {
        let on_loop = reactor.clone();
        let job = reactor.spawn_blocking(move || on_loop.spawn_infallible(yield_now()).wait());
        job.await
    });
    waited.unwrap().unwrap();
}

pub fn a_thread_waits_for_the_function(subject: impl BlocksOn) {
    let (completer, deferred) = Deferred::<_, Aborted>::pair();
    let waiting = thread::spawn(move || deferred.wait());
    subject.block_on(async |_| completer.complete(42)).unwrap();
    assert_eq!(waiting.join().unwrap().unwrap(), 42);
}

pub fn another_loop_inside_is_an_error(subject: impl BlocksOn) {
    let nested = subject.block_on(async |_| {
        yield_now().await;
        subject.block_on(async |_| panic!("must not be called"))
    });
    assert!(nested.unwrap().unwrap_err().is_nested());
    // It is over with the outer one.
    assert_eq!(subject.block_on(async |_| 42).unwrap(), 42);
}

pub fn another_loop_in_a_task_is_an_error(subject: impl BlocksOn + Send + Clone + 'static) {
    let inner = subject.clone();
    let nested = subject.block_on(async |reactor| {
        let task = reactor.spawn_infallible(async move { inner.block_on(async |_| panic!("must not be called")) });
        task.await
    });
    assert!(nested.unwrap().unwrap().unwrap_err().is_nested());
}

pub fn another_loop_on_another_thread_runs(subject: impl BlocksOn + Send + Clone + 'static) {
    let inner = subject.clone();
    let nested = subject.block_on(async |_| {
        let (completer, deferred) = Deferred::<_>::pair();
        thread::spawn(move || completer.complete(inner.block_on(async |_| 42)));
        deferred.await
    });
    assert_eq!(nested.unwrap().unwrap().unwrap(), 42);
}

pub fn a_guard_around_it_is_restored(subject: impl BlocksOn) {
    let other = crate::tools::nowhere();
    let _entered = other.enter();
    assert!(subject.block_on(async |reactor| is_current(&reactor)).unwrap());
    assert!(is_current(&other));
}

pub fn a_panic_comes_out_and_the_thread_is_free_again(subject: impl BlocksOn) {
    let panicked = catch_unwind(AssertUnwindSafe(|| subject.block_on(async |_| panic!("out of paper"))));
    let panic = panicked.expect_err("the panic comes out");
    assert_eq!(panic.downcast_ref(), Some(&"out of paper"));
    assert!(Reactor::current().is_err());
    assert_eq!(subject.block_on(async |_| 42).unwrap(), 42);
}

pub fn the_exit_code_is_the_functions(subject: impl BlocksOn) {
    let run = |result: Result<(), String>| {
        let main = async |reactor: Reactor| {
            reactor.spawn_infallible(yield_now()).await.unwrap();
            result
        };
        format!("{:?}", block_on::exit_code(subject.block_on(main)))
    };
    assert_eq!(run(Ok(())), format!("{:?}", ExitCode::SUCCESS));
    assert_eq!(run(Err("out of paper".to_owned())), format!("{:?}", ExitCode::FAILURE));
    let nested = subject.block_on(async |_| block_on::exit_code(subject.block_on(async |_| ())));
    assert_eq!(format!("{:?}", nested.unwrap()), format!("{:?}", ExitCode::FAILURE));
}
