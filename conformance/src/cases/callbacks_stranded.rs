//! Streams of callbacks whose loop has shut down: whoever pushes is told so, and goes on.

use std::{future::pending, ops::ControlFlow};

use futures_util::StreamExt;
use interloop::Aborted;

use super::callbacks_many::{bounded, waits_for_room};
use crate::{
    AnyShutsDown, ShutsDown, Subject,
    tools::{on_thread, parked, wait},
};

pub fn a_push_is_told_that_the_task_is_gone(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (sender, mut items) = bounded(1);
    let (waits, taking) = parked(async move { items.next().await.unwrap() });
    let taking = reactor.spawn(taking);
    subject.block_on(waits).unwrap();
    subject.shut_down();
    assert!(sender.push(1).unwrap_err().is_stopped());
    assert!(wait(taking).unwrap_err().is_shut_down());
}

pub fn a_thread_that_pushes_meanwhile_is_told(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (sender, mut items) = bounded(4);
    let calling = on_thread(move || (0..).try_for_each(sender.into_callback::<ControlFlow<()>>()));
    let (completer, some) = interloop::Deferred::<()>::pair();
    reactor
        .spawn(async move {
            for _ in 0..100 {
                items.next().await.unwrap()?;
            }
            completer.complete(());
            while let Some(item) = items.next().await {
                item?;
            }
            Ok::<_, Aborted>(())
        })
        .or_else(|_| Ok::<_, Aborted>(()))
        .detach();
    subject.block_on(some).unwrap();
    subject.shut_down();
    assert!(wait(calling).unwrap().is_break());
}

pub fn a_thread_that_waits_for_room_is_told(mut subject: AnyShutsDown) {
    let (pushing, holding) = waits_for_room(&mut subject);
    subject.shut_down();
    assert!(wait(pushing).unwrap());
    assert!(wait(holding).unwrap_err().is_shut_down());
}

pub fn a_stream_that_the_loop_pushed_into_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (sender, mut items) = bounded(1);
    let (waits, pushing) = parked(async move {
        sender.push(1).unwrap();
        pending::<()>().await;
        drop(sender);
    });
    let pushing = reactor.spawn_infallible(pushing);
    subject.block_on(waits).unwrap();
    subject.shut_down();
    assert_eq!(wait(items.next()).unwrap().unwrap(), 1);
    assert!(wait(items.next()).is_none());
    assert!(wait(pushing).unwrap_err().is_shut_down());
}
