//! What a protocol is given.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::io::{AsyncRead, AsyncWrite};
use interloop::{
    Clock,
    protocol::{self, Bare},
};

use super::{Event, Events, Recorder, attach, closed, data};

#[test]
fn methods_are_called_in_the_order_of_what_happens() {
    let mut setup = attach(100, |recorder| recorder);
    assert_eq!(setup.events(), [Event::Made]);
    setup.send(b"one");
    assert_eq!(setup.events(), [data(b"one")]);
    setup.send(b"two");
    setup.close();
    assert_eq!(setup.events(), [data(b"two"), Event::Eof, closed(), Event::Dropped]);
}

#[test]
fn nothing_is_called_before_the_task_runs() {
    let setup = attach(100, |recorder| recorder);
    assert_eq!(setup.events.take(), []);
}

#[test]
fn nothing_is_received_while_reading_is_paused() {
    let mut setup = attach(100, |recorder| recorder);
    setup.transport.pause_reading();
    assert!(!setup.transport.is_reading());
    setup.send(b"one");
    assert_eq!(setup.events(), [Event::Made]);
    setup.transport.resume_reading();
    assert!(setup.transport.is_reading());
    assert_eq!(setup.events(), [data(b"one")]);
}

#[test]
fn the_end_is_not_noticed_while_reading_is_paused() {
    let mut setup = attach(100, |recorder| recorder);
    setup.transport.pause_reading();
    setup.close();
    assert_eq!(setup.events(), [Event::Made]);
    setup.transport.resume_reading();
    assert_eq!(setup.events(), [Event::Eof, closed(), Event::Dropped]);
}

#[test]
fn a_method_that_pauses_reading_is_the_last_to_be_given_anything() {
    let mut setup = attach(2, |recorder| recorder.on_data(|transport, _| transport.pause_reading()));
    assert_eq!(setup.events(), [Event::Made]);
    setup.send(b"ab");
    assert_eq!(setup.events(), [data(b"ab")]);
    setup.send(b"cd");
    assert_eq!(setup.events(), []);
    setup.transport.resume_reading();
    assert_eq!(setup.events(), [data(b"cd")]);
}

#[test]
fn unread_bytes_come_before_the_next_ones() {
    let mut times = 0;
    let mut setup = attach(100, |recorder| {
        recorder.on_data(move |transport, data| {
            times += 1;
            if times == 1 {
                transport.unread(&data[1..]);
            }
        })
    });
    setup.send(b"abc");
    assert_eq!(setup.events(), [Event::Made, data(b"abc")]);
    setup.send(b"def");
    assert_eq!(setup.events(), [data(b"bcdef")]);
}

#[test]
fn unread_bytes_come_when_reading_is_resumed() {
    let mut setup = attach(100, |recorder| {
        recorder.on_data(|transport, data| {
            transport.pause_reading();
            transport.unread(&data[1..]);
        })
    });
    setup.send(b"abc");
    assert_eq!(setup.events(), [Event::Made, data(b"abc")]);
    setup.transport.resume_reading();
    assert_eq!(setup.events(), [data(b"bc")]);
    setup.transport.resume_reading();
    assert_eq!(setup.events(), [data(b"c")]);
}

#[test]
fn what_was_unread_last_comes_first() {
    let setup = attach(100, |recorder| recorder);
    assert_eq!(setup.events(), [Event::Made]);
    setup.transport.unread(b"later");
    setup.transport.unread(b"sooner, ");
    setup.transport.resume_reading();
    assert_eq!(setup.events(), [data(b"sooner, later")]);
}

/// Always has something to read.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_protocol_that_is_sent_more_and_more_gives_way_to_other_tasks() {
    let clock = Clock::new();
    let events = Events::default();
    let transport = protocol::attach(&clock.reactor(), Bare(Endless), Recorder::new(&events));
    let other = clock.reactor().spawn_infallible(async { 7 });
    // The connection alone would go on for ever.
    assert_eq!(clock.run_until(other).unwrap().unwrap(), 7);
    transport.abort();
    clock.run_until(transport.closed()).unwrap().unwrap();
}
