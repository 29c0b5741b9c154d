//! Coroutines that are started on a loop: a deferred resumes them where it fires, all else leaves them to the loop.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    thread,
};

use interloop::{Aborted, Deferred};

use crate::{
    AnySubject, Subject,
    tools::{is_current, on_thread, wait},
};

/// A channel that holds its lock while it wakes, as there are many.
#[derive(Clone, Default)]
struct Strict(Arc<Mutex<(VecDeque<u32>, Option<Waker>)>>);

impl Strict {
    fn send(&self, number: u32) {
        let mut inner = self.0.lock().unwrap();
        inner.0.push_back(number);
        if let Some(waker) = inner.1.take() {
            waker.wake();
        }
    }

    fn recv(&self) -> impl Future<Output = u32> {
        poll_fn(|cx| {
            let mut inner = self.0.lock().unwrap();
            inner.1 = Some(cx.waker().clone());
            inner.0.pop_front().map_or(Poll::Pending, Poll::Ready)
        })
    }
}

pub fn a_deferred_resumes_it_where_it_fires(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (completer, fires) = Deferred::<()>::pair();
    let entered = reactor.enter();
    let resumed = Deferred::<_>::from_coroutine(async move {
        fires.await?;
        Ok(thread::current().id())
    });
    drop(entered);
    let firing = on_thread(move || {
        completer.complete(());
        thread::current().id()
    });
    assert_eq!(subject.block_on(resumed).unwrap(), wait(firing).unwrap());
}

pub fn what_wakes_it_under_a_lock_leaves_it_to_the_loop(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let channel = Strict::default();
    let sending = channel.clone();
    let on_loop = reactor.clone();
    let sum = reactor.spawn(async move {
        let coroutine = Deferred::<_>::from_coroutine(async move {
            let mut sum = channel.recv().await;
            for _ in 0..3 {
                sum += channel.recv().await;
                assert!(is_current(&on_loop));
            }
            Ok(sum)
        });
        sending.send(1);
        sending.send(20);
        let foreign = on_thread(move || {
            sending.send(300);
            sending.send(4000);
        });
        foreign.await?;
        coroutine.await
    });
    assert_eq!(subject.block_on(sum).unwrap(), 4321);
}

pub fn a_deferred_may_fire_before_the_loop_resumes_it(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let channel = Strict::default();
    let sending = channel.clone();
    let task = reactor.spawn(async move {
        let (completer, mut fires) = Deferred::<u32>::pair();
        let coroutine = Deferred::<_>::from_coroutine(async move {
            let (mut fired, mut received) = (None, None);
            // Whichever comes, both are looked at.
            let mut receiving = Box::pin(channel.recv());
            poll_fn(|cx| {
                if fired.is_none() {
                    if let Poll::Ready(result) = std::pin::Pin::new(&mut fires).poll(cx) {
                        fired = Some(result?);
                    }
                }
                if received.is_none() {
                    if let Poll::Ready(number) = receiving.as_mut().poll(cx) {
                        received = Some(number);
                    }
                }
                match (fired, received) {
                    (Some(fired), Some(received)) => Poll::Ready(Ok::<_, Aborted>(fired + received)),
                    _ => Poll::Pending,
                }
            })
            .await
        });
        sending.send(1);
        completer.complete(20);
        coroutine.await
    });
    assert_eq!(subject.block_on(task).unwrap(), 21);
}
