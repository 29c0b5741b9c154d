//! Connections that wait to be accepted, and those who wait to connect.

use std::{
    future::Future,
    io::{self, ErrorKind},
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use interloop::net::memory::{MemoryConnector, MemoryListener, MemoryStream};

use crate::{
    error, ready,
    tools::{CountingWaker, poll, reports::reported},
    try_read, try_write,
};

pub(crate) fn try_accept(listener: &MemoryListener) -> Poll<io::Result<MemoryStream>> {
    listener.poll_accept(&mut Context::from_waker(Waker::noop()))
}

pub(crate) fn try_connect(connector: &MemoryConnector) -> Poll<io::Result<MemoryStream>> {
    pin!(connector.connect()).poll(&mut Context::from_waker(Waker::noop()))
}

/// A connection whose first byte tells which it is.
pub(crate) fn connect_as(connector: &MemoryConnector, name: u8) -> MemoryStream {
    let stream = ready(try_connect(connector));
    ready(try_write(&stream, &[name]));
    stream
}

pub(crate) fn accepted_name(listener: &MemoryListener) -> u8 {
    ready(try_read(ready(try_accept(listener)), 1))[0]
}

#[test]
fn who_connects_waits_while_the_backlog_is_full_and_is_let_in_in_order() {
    let listener = MemoryListener::with_backlog(8, 2);
    let connector = listener.connector();
    let _clients = [connect_as(&connector, 0), connect_as(&connector, 1)];
    let wakers: [_; 2] = std::array::from_fn(|_| CountingWaker::new());
    let mut waiting: Vec<_> = wakers.iter().map(|_| Box::pin(connector.connect())).collect();
    for (connect, waker) in waiting.iter_mut().zip(&wakers) {
        assert!(poll(connect, waker).is_pending());
    }
    for n in 0..2 {
        assert_eq!(accepted_name(&listener), n as u8);
        assert_eq!(wakers[n].count(), 1);
        let stream = ready(poll(&mut waiting[n], &wakers[n]));
        // Its name is there to be read when it is gone.
        ready(try_write(&stream, &[n as u8 + 2]));
    }
    assert_eq!(accepted_name(&listener), 2);
    assert_eq!(accepted_name(&listener), 3);
    assert!(try_accept(&listener).is_pending());
}

#[test]
fn a_backlog_of_none_counts_as_one() {
    let listener = MemoryListener::with_backlog(8, 0);
    let connector = listener.connector();
    let _client = connect_as(&connector, 5);
    assert!(try_connect(&connector).is_pending());
    assert_eq!(accepted_name(&listener), 5);
}

#[test]
fn an_attempt_that_was_given_up_is_passed_over() {
    let listener = MemoryListener::with_backlog(8, 1);
    let connector = listener.connector();
    let _first = connect_as(&connector, 1);
    for _ in 0..100 {
        // Each is dropped while it waits.
        assert!(try_connect(&connector).is_pending());
    }
    let waker = CountingWaker::new();
    let mut last = Box::pin(connector.connect());
    assert!(poll(&mut last, &waker).is_pending());
    assert!(!format!("{listener:?}").contains("attempts: 101"), "{listener:?}");
    assert_eq!(accepted_name(&listener), 1);
    let last = ready(poll(&mut last, &waker));
    ready(try_write(&last, b"!"));
    assert_eq!(accepted_name(&listener), b'!');
    assert!(try_accept(&listener).is_pending());
}

#[test]
fn who_waits_to_connect_is_refused_when_the_listener_goes() {
    let listener = MemoryListener::with_backlog(8, 1);
    let connector = listener.connector();
    let _first = ready(try_connect(&connector));
    let waker = CountingWaker::new();
    let mut waiting = Box::pin(connector.connect());
    let given_up = {
        let mut given_up = Box::pin(connector.connect());
        assert!(poll(&mut given_up, &waker).is_pending());
        given_up
    };
    assert!(poll(&mut waiting, &waker).is_pending());
    // Nobody takes the refusal of the other one, which is no failure that anybody should hear of.
    let reported = reported(|| {
        drop(listener);
        assert_eq!(waker.count(), 2);
        drop(given_up);
    });
    assert!(reported.is_empty(), "{reported:?}");
    assert_eq!(error(poll(&mut waiting, &waker)), ErrorKind::ConnectionRefused);
}

/// Connects and accepts while it is woken, and while it is dropped.
struct Meddler {
    listener: Weak<MemoryListener>,
    connector: MemoryConnector,
    seen: Arc<AtomicUsize>,
}

impl Meddler {
    fn meddle(&self) {
        let _ = try_connect(&self.connector);
        if let Some(listener) = self.listener.upgrade() {
            let _ = try_accept(&listener);
        }
        self.seen.fetch_add(1, SeqCst);
    }
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.meddle();
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.meddle();
    }
}

#[test]
fn a_waker_may_use_the_listener_when_it_is_woken_and_when_it_is_dropped() {
    let listener = Arc::new(MemoryListener::with_backlog(8, 1));
    let seen = Arc::new(AtomicUsize::new(0));
    let meddler = || {
        Waker::from(Arc::new(Meddler {
            listener: Arc::downgrade(&listener),
            connector: listener.connector(),
            seen: seen.clone(),
        }))
    };
    let polled = listener.poll_accept(&mut Context::from_waker(&meddler()));
    assert!(polled.is_pending());
    let _first = ready(try_connect(&listener.connector()));
    assert_eq!(seen.load(SeqCst), 2);

    let _full = try_connect(&listener.connector());
    let connector = listener.connector();
    let mut waiting = Box::pin(connector.connect());
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&meddler())).is_pending());
    ready(try_accept(&listener));
    assert!(seen.load(SeqCst) > 2);
    drop((listener, waiting));
    assert_eq!(seen.load(SeqCst), 4);
}
