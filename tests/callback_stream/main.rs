//! A callback that comes many times, as a stream.

mod ends;
mod foreign_code;
mod items;
mod model;
mod policies;
mod raw;
mod threads;

#[path = "../tools/mod.rs"]
mod tools;

use std::{
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use interloop::{
    Aborted,
    callback::stream::{self, Overflow, Receiver, Sender},
};
use tools::CountingWaker;

fn bounded(capacity: usize, overflow: Overflow) -> (Sender<u32>, Receiver<u32>) {
    stream::bounded(NonZeroUsize::new(capacity).unwrap(), overflow)
}

fn poll<T, E: From<Aborted>>(items: &mut Receiver<T, E>, waker: &Arc<CountingWaker>) -> Poll<Option<Result<T, E>>> {
    let waker = Waker::from(waker.clone());
    Pin::new(items).poll_next(&mut Context::from_waker(&waker))
}

/// What is there, without waiting. An error is told as a text.
fn take<T, E: From<Aborted> + ToString>(items: &mut Receiver<T, E>) -> Option<Result<T, String>> {
    match poll(items, &CountingWaker::new()) {
        Poll::Ready(item) => item.map(|item| item.map_err(|error| error.to_string())),
        Poll::Pending => panic!("there is nothing to take"),
    }
}

/// All that is there, up to the end, without waiting.
fn take_all(items: &mut Receiver<u32>) -> Vec<u32> {
    std::iter::from_fn(|| take(items)).map(Result::unwrap).collect()
}
