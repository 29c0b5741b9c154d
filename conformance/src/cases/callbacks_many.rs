//! Streams of callbacks that come many times: from threads that know of no loop, to tasks of the loop.

use std::{future::pending, num::NonZeroUsize, ops::ControlFlow, sync::mpsc, thread};

use futures_util::{FutureExt, StreamExt, future::try_join_all};
use interloop::{
    Aborted, Deferred,
    callback::stream::{self, Overflow, Receiver, Sender},
};

use crate::{
    AnySubject, Subject,
    tools::{on_thread, parked, yield_now},
};

pub(super) fn bounded(capacity: usize) -> (Sender<u32>, Receiver<u32>) {
    stream::bounded(NonZeroUsize::new(capacity).unwrap(), Overflow::Wait)
}

async fn rest(mut items: Receiver<u32>) -> Result<Vec<u32>, Aborted> {
    let mut taken = Vec::new();
    while let Some(item) = items.next().await {
        taken.push(item?);
    }
    Ok(taken)
}

pub fn a_push_of_a_plain_thread_wakes_a_task(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, mut items) = bounded(1);
    let (waits, taking) = parked(async move { items.next().await.unwrap() });
    let taking = reactor.spawn(taking);
    subject.block_on(waits).unwrap();
    thread::spawn(move || sender.push(42).unwrap());
    assert_eq!(subject.block_on(taking).unwrap(), 42);
}

pub fn a_task_takes_while_a_plain_thread_pushes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, items) = bounded(3);
    let taking = reactor.spawn(rest(items));
    let pushing = on_thread(move || sender.push_all(0..10_000).unwrap());
    assert_eq!(subject.block_on(taking).unwrap(), (0..10_000).collect::<Vec<_>>());
    assert_eq!(subject.block_on(pushing).unwrap(), 10_000);
}

pub fn many_threads_push_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, items) = bounded(16);
    let taking = reactor.spawn(rest(items));
    let pushing = (0..8).map(|thread| {
        let sender = sender.clone();
        on_thread(move || sender.push_all((0..1000).map(|n| 1000 * thread + n)).unwrap())
    });
    let pushing = pushing.collect::<Vec<_>>();
    drop(sender);
    let mut taken = subject.block_on(taking).unwrap();
    // Those of each thread are in order already.
    taken.sort_by_key(|n| n / 1000);
    assert_eq!(taken, (0..8000).collect::<Vec<_>>());
    subject.block_on(try_join_all(pushing)).unwrap();
}

pub fn many_streams_have_their_own_tasks(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (senders, taking): (Vec<_>, Vec<_>) = (0..100)
        .map(|_| {
            let (sender, items) = bounded(1);
            (sender, reactor.spawn(rest(items)))
        })
        .unzip();
    let pushing = on_thread(move || {
        for round in 0..10 {
            for (n, sender) in (0..).zip(&senders) {
                sender.push(100 * n + round).unwrap();
            }
        }
    });
    for (n, taken) in (0..).zip(subject.block_on(try_join_all(taking)).unwrap()) {
        assert_eq!(taken, (100 * n..100 * n + 10).collect::<Vec<_>>());
    }
    subject.block_on(pushing).unwrap();
}

pub fn a_task_pushes_and_another_takes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, items) = stream::unbounded::<u32, Aborted>();
    let taking = reactor.spawn(rest(items));
    let pushing = reactor.spawn_infallible(async move {
        for n in 0..1000 {
            sender.push(n).unwrap();
            yield_now().await;
        }
    });
    subject.block_on(pushing).unwrap();
    assert_eq!(subject.block_on(taking).unwrap(), (0..1000).collect::<Vec<_>>());
}

pub fn a_call_of_the_loop_pushes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, items) = stream::unbounded::<u32, Aborted>();
    for n in 0..100 {
        let sender = sender.clone();
        reactor.call_soon(move || sender.push(n).unwrap());
    }
    drop(sender);
    let taking = reactor.spawn(rest(items));
    assert_eq!(subject.block_on(taking).unwrap(), (0..100).collect::<Vec<_>>());
}

pub fn a_task_that_would_wait_for_room_is_told(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, items) = bounded(1);
    let pushing = reactor.spawn(async move {
        sender.push(1).unwrap();
        let error = sender.push(2).unwrap_err();
        assert!(error.is_deadlock());
        Ok::<_, Aborted>(error.into_item())
    });
    assert_eq!(subject.block_on(pushing).unwrap(), 2);
    let taking = reactor.spawn(rest(items));
    assert_eq!(subject.block_on(taking).unwrap(), [1]);
}

pub fn a_blocking_job_waits_for_room(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, items) = bounded(1);
    let pushing = reactor.spawn_blocking(move || Ok::<_, Aborted>(sender.push_all(0..1000).unwrap()));
    let taking = reactor.spawn(rest(items));
    assert_eq!(subject.block_on(taking).unwrap(), (0..1000).collect::<Vec<_>>());
    assert_eq!(subject.block_on(pushing).unwrap(), 1000);
}

pub fn a_task_that_has_enough_stops_the_callback(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, mut items) = bounded(4);
    let calling = on_thread(move || (0..).try_for_each(sender.into_callback::<ControlFlow<()>>()));
    let taking = reactor.spawn(async move {
        for n in 0..100 {
            assert_eq!(items.next().await.unwrap()?, n);
        }
        items.stop();
        rest(items).await
    });
    // What was queued then.
    let left = subject.block_on(taking).unwrap();
    assert_eq!(left, (100..100 + left.len() as u32).collect::<Vec<_>>());
    assert!(subject.block_on(calling).unwrap().is_break());
}

pub fn a_task_that_is_cancelled_stops_the_callback(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, items) = bounded(1);
    let (waits, taking) = parked(rest(items));
    let taking = reactor.spawn(taking);
    subject.block_on(waits).unwrap();
    taking.cancel();
    assert!(subject.block_on(taking).unwrap_err().is_cancelled());
    let calling = on_thread(move || (0..).try_for_each(sender.into_callback::<ControlFlow<()>>()));
    assert!(subject.block_on(calling).unwrap().is_break());
}

/// A push on a thread that waits for room, and the task that holds the stream and never takes. The push says whether it was
/// told that nobody takes any more.
pub(super) fn waits_for_room(subject: &mut impl Subject) -> (Deferred<bool>, Deferred<()>) {
    let (sender, items) = bounded(1);
    sender.push(1).unwrap();
    let (waits, holding) = parked(async move {
        pending::<()>().await;
        drop(items);
    });
    let holding = subject.reactor().spawn_infallible(holding);
    subject.block_on(waits).unwrap();
    let (begins, has_begun) = mpsc::channel();
    let pushing = on_thread(move || {
        begins.send(()).unwrap();
        sender.push(2).unwrap_err().is_stopped()
    });
    has_begun.recv().unwrap();
    (pushing, holding)
}

pub fn a_thread_that_waits_for_room_is_told_that_the_task_was_cancelled(mut subject: AnySubject) {
    let (pushing, holding) = waits_for_room(&mut subject);
    holding.cancel();
    assert!(subject.block_on(pushing).unwrap());
    assert!(subject.block_on(holding).unwrap_err().is_cancelled());
}

pub fn an_item_that_is_given_up_is_not_lost(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, mut items) = bounded(1);
    let (waits, taking) = parked(async move {
        assert!(items.next().now_or_never().is_none());
        yield_now().await;
        items.next().await.unwrap()
    });
    let taking = reactor.spawn(taking);
    subject.block_on(waits).unwrap();
    sender.push(42).unwrap();
    assert_eq!(subject.block_on(taking).unwrap(), 42);
}

pub fn what_overflows_tells_the_task_how_much_it_was_given(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, mut items) = stream::bounded::<u32, Aborted>(NonZeroUsize::new(10).unwrap(), Overflow::Fail);
    let pushing = on_thread(move || (0..).try_for_each(sender.into_callback::<ControlFlow<()>>()));
    let taking = reactor.spawn_infallible(async move {
        let mut taken = 0;
        loop {
            match items.next().await.expect("it ends with an error") {
                Ok(_) => taken += 1,
                Err(error) => return (taken, error.taken()),
            }
        }
    });
    assert!(subject.block_on(pushing).unwrap().is_break());
    let (taken, told) = subject.block_on(taking).unwrap();
    assert_eq!(told, Some(taken));
}

pub fn a_plain_thread_takes_what_a_task_pushes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (sender, items) = stream::unbounded::<u32, Aborted>();
    let taking = on_thread(move || crate::tools::wait(rest(items)).unwrap());
    let pushing = reactor.spawn_infallible(async move { sender.push_all(0..1000).unwrap() });
    subject.block_on(pushing).unwrap();
    assert_eq!(subject.block_on(taking).unwrap(), (0..1000).collect::<Vec<_>>());
}
