//! Channels that fail, wait and panic wherever they can.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::io::{AsyncRead, AsyncWrite};
use interloop::{
    Clock,
    protocol::{self, Bare, Protocol, Transport},
};

use super::{Event, Events, Recorder, closed};

/// A channel that does as it is told: what reading gives in turn, and what each of the others does.
#[derive(Default)]
struct Script {
    reads: VecDeque<Step>,
    writes: VecDeque<Step>,
    flushes: VecDeque<Step>,
    closes: VecDeque<Step>,
    _on_drop: OnDrop,
}

#[derive(Default)]
struct OnDrop(Option<Box<dyn FnOnce() + Send>>);

#[derive(Debug)]
enum Step {
    Bytes(&'static [u8]),
    Fail(io::ErrorKind),
    Panic,
    /// It has to wait, and is woken at once.
    Later,
}

use Step::{Bytes, Fail, Later, Panic};

fn step(steps: &mut VecDeque<Step>, cx: &mut Context<'_>, otherwise: Poll<usize>) -> Poll<io::Result<usize>> {
    match steps.pop_front() {
        None => otherwise.map(Ok),
        Some(Bytes(bytes)) => Poll::Ready(Ok(bytes.len())),
        Some(Fail(kind)) => Poll::Ready(Err(kind.into())),
        Some(Panic) => panic!("the channel panics on purpose"),
        Some(Later) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Some(Bytes(bytes)) = self.reads.front() {
            buf[..bytes.len()].copy_from_slice(bytes);
        }
        step(&mut self.reads, cx, Poll::Pending)
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        step(&mut self.writes, cx, Poll::Ready(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        step(&mut self.flushes, cx, Poll::Ready(0)).map_ok(drop)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        step(&mut self.closes, cx, Poll::Ready(0)).map_ok(drop)
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(on_drop) = self.0.take() {
            on_drop();
        }
    }
}

fn run(script: Script, act: impl FnOnce(&Transport)) -> Vec<Event> {
    let (clock, events) = (Clock::new(), Events::default());
    let other = clock.reactor().spawn_infallible(async { 7 });
    let transport = protocol::attach(&clock.reactor(), Bare(script), Recorder::new(&events));
    act(&transport);
    clock.run_until_stalled();
    assert_eq!(other.try_take().unwrap().unwrap(), 7, "the loop goes on");
    events.take()
}

#[track_caller]
fn assert_panicked(events: &[Event]) {
    match events {
        [Event::Made, .., Event::Lost(reason), Event::Dropped] if reason.contains("on purpose") => {}
        events => panic!("{events:?}"),
    }
}

#[test]
fn a_channel_that_panics_loses_its_connection_with_that() {
    let reading = Script {
        reads: [Bytes(b"one"), Panic].into(),
        ..Script::default()
    };
    assert_panicked(&run(reading, |_| {}));
    let writing = Script {
        writes: [Panic].into(),
        ..Script::default()
    };
    assert_panicked(&run(writing, |transport| transport.write(b"x")));
    let flushing = Script {
        flushes: [Panic].into(),
        ..Script::default()
    };
    assert_panicked(&run(flushing, |transport| transport.write(b"x")));
    let closing = Script {
        closes: [Panic].into(),
        ..Script::default()
    };
    assert_panicked(&run(closing, Transport::lose_connection));
}

#[test]
fn a_channel_whose_destructor_panics_is_heard_of_as_any_other() {
    let script = Script {
        _on_drop: OnDrop(Some(Box::new(|| panic!("on purpose")))),
        ..Script::default()
    };
    let events = run(script, Transport::lose_connection);
    assert_eq!(events, [Event::Made, closed(), Event::Dropped]);
}

#[test]
fn errors_while_a_connection_closes_are_its_reason() {
    let lost = |kind: &str| vec![Event::Made, Event::Lost(kind.to_owned()), Event::Dropped];
    let script = Script {
        writes: [Later, Fail(io::ErrorKind::BrokenPipe)].into(),
        ..Script::default()
    };
    let farewell = |transport: &Transport| {
        transport.write(b"farewell");
        transport.lose_connection();
    };
    assert_eq!(run(script, farewell), lost("BrokenPipe"));
    let script = Script {
        flushes: [Later, Later, Fail(io::ErrorKind::TimedOut)].into(),
        ..Script::default()
    };
    assert_eq!(run(script, farewell), lost("TimedOut"));
    let script = Script {
        closes: [Later, Fail(io::ErrorKind::NotConnected)].into(),
        ..Script::default()
    };
    assert_eq!(run(script, farewell), lost("NotConnected"));
    let script = Script {
        reads: [Fail(io::ErrorKind::ConnectionReset)].into(),
        ..Script::default()
    };
    assert_eq!(run(script, |_| {}), lost("ConnectionReset"));
}

#[test]
fn a_stream_is_detached_when_its_flush_has_ended() {
    let script = Script {
        writes: [Later, Later].into(),
        flushes: [Later, Later, Later].into(),
        ..Script::default()
    };
    let (clock, events) = (Clock::new(), Events::default());
    let transport = protocol::attach(&clock.reactor(), Bare(script), Recorder::new(&events));
    transport.write(b"x");
    let detached = transport.detach();
    assert!(!transport.is_reading());
    clock.run_until_stalled();
    assert!(detached.try_take().unwrap().is_ok());
    assert_eq!(events.take(), [Event::Made, Event::Dropped]);
}

#[test]
fn a_protocol_that_writes_whenever_it_may_gives_way_to_other_tasks() {
    struct Produces;

    impl Protocol for Produces {
        fn connection_made(&mut self, transport: &Transport) {
            transport.set_write_marks(0, 1).unwrap();
            transport.write(b"more");
        }

        fn data_received(&mut self, _: &Transport, _: &[u8]) {}

        fn pause_writing(&mut self, transport: &Transport) {
            // It does as it likes.
            transport.write(b"more");
        }

        fn resume_writing(&mut self, transport: &Transport) {
            transport.write(b"more");
        }
    }

    let clock = Clock::new();
    let transport = protocol::attach(&clock.reactor(), Bare(Script::default()), Produces);
    let again = transport.clone();
    // It is asked for something in every turn, by what it does itself.
    fn on_and_on(transport: Transport) {
        let next = transport.clone();
        transport
            .with_socket(|_| Ok(()))
            .or_else(move |_| on_and_on_unless_over(next))
            .detach();
    }
    fn on_and_on_unless_over(transport: Transport) -> io::Result<()> {
        if !transport.is_closing() {
            on_and_on(transport);
        }
        Ok(())
    }
    on_and_on(again);
    let other = clock.reactor().spawn_infallible(async { 7 });
    assert_eq!(clock.run_until(other).unwrap().unwrap(), 7);
    transport.abort();
    clock.run_until(transport.closed()).unwrap().unwrap();
}
