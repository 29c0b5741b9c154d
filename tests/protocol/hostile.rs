//! Channels and protocols that misbehave, and calls from where nobody expects them.

use std::{
    collections::VecDeque,
    io, mem,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    thread,
};

use futures_util::io::{AsyncRead, AsyncWrite};
use interloop::{
    Clock,
    net::memory,
    protocol::{self, AfterEof, Bare, Lost, Protocol, Transport},
};

use super::{Event, Events, Recorder, attach, closed, data};

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
fn the_end_of_the_writing_direction_is_not_forgotten_by_detaching() {
    let mut setup = attach(100, |recorder| recorder);
    setup.transport.write(b"all");
    setup.transport.write_eof();
    let detached = setup.transport.detach();
    setup.events();
    let stream = detached.try_take().unwrap().unwrap();
    assert_eq!(setup.received_to_the_end(), b"all");
    drop(stream);
}

#[test]
fn who_detaches_a_connection_that_is_aborted_learns_why_there_is_none() {
    let setup = attach(100, |recorder| recorder);
    let detached = setup.transport.detach();
    setup.transport.abort();
    setup.events();
    let error = detached.try_take().unwrap().unwrap_err();
    assert!(matches!(&error, Lost::Aborted(why) if why.is_cancelled()), "{error:?}");
}

/// What a method does, by its name, and only then.
struct Acts {
    method: &'static str,
    act: Box<dyn FnMut(&Transport) + Send>,
    events: Events,
}

impl Acts {
    fn act(&mut self, method: &str, transport: &Transport) {
        if method == self.method {
            (self.act)(transport);
        }
    }
}

impl Protocol for Acts {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_write_marks(0, 1).unwrap();
        self.events.push(Event::Made);
        self.act("connection_made", transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.events.push(Event::Data(data.to_vec()));
        transport.write(&[0; 20]);
        self.act("data_received", transport);
    }

    fn eof_received(&mut self, transport: &Transport) -> AfterEof {
        self.events.push(Event::Eof);
        self.act("eof_received", transport);
        AfterEof::StayOpen
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Lost) {
        self.events.push(Event::Lost(format!("{reason:?}")));
        self.act("connection_lost", transport);
    }

    fn pause_writing(&mut self, transport: &Transport) {
        self.events.push(Event::Pause);
        self.act("pause_writing", transport);
    }

    fn resume_writing(&mut self, transport: &Transport) {
        self.events.push(Event::Resume);
        self.act("resume_writing", transport);
    }

    fn take_unused(&mut self) -> Vec<u8> {
        if self.method == "take_unused" {
            panic!("on purpose");
        }
        Vec::new()
    }
}

const METHODS: [&str; 6] = [
    "connection_made",
    "data_received",
    "eof_received",
    "connection_lost",
    "pause_writing",
    "resume_writing",
];

/// Everything happens to a connection; what its protocol was called with, and what `closed` has fired with.
fn everything(method: &'static str, act: impl FnMut(&Transport) + Send + 'static) -> (Vec<Event>, Lost) {
    let (clock, events) = (Clock::new(), Events::default());
    let (mut ours, theirs) = memory::pair(10);
    let acts = Acts {
        method,
        act: Box::new(act),
        events: events.clone(),
    };
    let transport = protocol::attach(&clock.reactor(), theirs, acts);
    let closed = transport.closed();
    let peer = clock.reactor().spawn_infallible(async move {
        use futures_util::io::{AsyncReadExt, AsyncWriteExt};
        // The other end may be gone at any point.
        let _ = ours.write_all(b"x").await;
        let _ = ours.read_exact(&mut [0; 20]).await;
        let _ = ours.close().await;
        let _ = ours.read(&mut [0]).await;
    });
    clock.run_until_stalled();
    transport.lose_connection();
    clock.run_until_stalled();
    peer.detach();
    (events.take(), closed.try_take().unwrap().unwrap())
}

fn losses(events: &[Event]) -> usize {
    let is_loss = |event: &&Event| matches!(event, Event::Lost(_));
    events.iter().filter(is_loss).count()
}

#[test]
fn every_method_can_abort() {
    for method in METHODS {
        let (events, reason) = everything(method, Transport::abort);
        assert_eq!(losses(&events), 1, "{method}: {events:?}");
        assert!(matches!(events.last(), Some(Event::Lost(_))), "{method}: {events:?}");
        let is_aborted = matches!(&reason, Lost::Aborted(why) if why.is_cancelled());
        assert_eq!(is_aborted, method != "connection_lost", "{method}: {reason:?}");
    }
}

#[test]
fn every_method_can_panic() {
    for method in METHODS {
        let (events, reason) = everything(method, |_| panic!("on purpose"));
        assert_eq!(losses(&events), 1, "{method}: {events:?}");
        let is_panicked = matches!(&reason, Lost::Aborted(why) if why.is_panicked());
        assert_eq!(is_panicked, method != "connection_lost", "{method}: {reason:?}");
    }
}

#[test]
fn every_method_can_use_all_of_the_transport() {
    for method in METHODS {
        let (events, _) = everything(method, |transport| {
            transport.write(b"y");
            transport.pause_reading();
            transport.resume_reading();
            transport.drain().detach();
            transport.closed().detach();
            transport.with_socket(|_| Ok(())).detach();
            transport.set_write_marks(0, 1).unwrap();
            assert!(transport.buffered() < 100 && !format!("{transport:?}").is_empty());
        });
        assert_eq!(losses(&events), 1, "{method}: {events:?}");
    }
}

#[test]
fn a_panic_of_the_last_call_of_a_protocol_that_gives_its_connection_away_loses_that() {
    let (clock, events) = (Clock::new(), Events::default());
    let (_ours, theirs) = memory::pair(10);
    let acts = Acts {
        method: "take_unused",
        act: Box::new(|_| ()),
        events: events.clone(),
    };
    let transport = protocol::attach(&clock.reactor(), theirs, acts);
    let next = Events::default();
    transport.set_protocol(Recorder::new(&next));
    clock.run_until_stalled();
    assert_eq!(losses(&events.take()), 1);
    assert_eq!(next.take(), [Event::Dropped]);
}

#[test]
fn a_protocol_is_replaced_when_its_connection_is_made() {
    struct First(Option<Events>);

    impl Protocol for First {
        fn connection_made(&mut self, transport: &Transport) {
            transport.unread(b"given, ");
            transport.set_protocol(Recorder::new(&self.0.take().unwrap()));
        }

        fn data_received(&mut self, _: &Transport, _: &[u8]) {
            unreachable!("it is replaced before anything is received")
        }
    }

    let (clock, events) = (Clock::new(), Events::default());
    let (mut ours, theirs) = memory::pair(10);
    futures_executor::block_on(futures_util::io::AsyncWriteExt::write_all(&mut ours, b"sent")).unwrap();
    protocol::attach(&clock.reactor(), theirs, First(Some(events.clone())));
    clock.run_until_stalled();
    assert_eq!(events.take(), [Event::Made, data(b"given, "), data(b"sent")]);
}

#[test]
fn a_protocol_that_comes_after_the_end_of_the_stream_hears_of_that() {
    let mut setup = attach(100, |recorder| recorder.staying_open());
    setup.close();
    assert_eq!(setup.events(), [Event::Made, Event::Eof]);
    let next = Events::default();
    setup.transport.unread(b"rest");
    setup.transport.set_protocol(Recorder::new(&next));
    setup.events();
    assert_eq!(
        next.take(),
        [Event::Made, data(b"rest"), Event::Eof, closed(), Event::Dropped]
    );
}

#[test]
fn what_was_sent_does_not_count_as_waiting_inside_of_a_method() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut setup = attach(100, |recorder| {
        recorder.on_data(move |transport, _| {
            sender.send(transport.buffered()).unwrap();
            transport.write(b"12345");
        })
    });
    setup.clock.run_until_stalled();
    setup.send(b"a");
    setup.events();
    setup.send(b"b");
    setup.events();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 0]);
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

#[test]
fn eight_threads_use_a_transport_at_once() {
    const EACH: usize = 500;

    struct Collects(Arc<Mutex<Vec<u8>>>);

    impl Protocol for Collects {
        fn data_received(&mut self, _: &Transport, data: &[u8]) {
            self.0.lock().unwrap().extend_from_slice(data);
        }
    }

    let pool = futures_executor::ThreadPool::new().unwrap();
    let reactor = interloop_async_io::reactor("pool", move |task| pool.spawn_ok(task));
    let (one, other) = memory::pair(64);
    let events = Events::default();
    let received = Arc::default();
    let transport = protocol::attach(&reactor, one, Recorder::new(&events));
    let collecting = protocol::attach(&reactor, other, Collects(Arc::clone(&received)));
    let threads = (0..8_u8).map(|thread| {
        let transport = transport.clone();
        thread::spawn(move || {
            for count in 0..EACH {
                transport.write(&[thread; 10]);
                match count % 7 {
                    0 => transport.pause_reading(),
                    1 => transport.resume_reading(),
                    2 => transport.set_write_marks(count, 2 * count).unwrap(),
                    3 => drop(transport.drain().wait()),
                    4 => drop(transport.with_socket(|_| Ok(())).wait()),
                    5 => drop(transport.closed()),
                    _ => assert!(!transport.is_closing() && transport.buffered() <= 8 * EACH * 10),
                }
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
    transport.resume_reading();
    transport.lose_connection();
    assert!(transport.closed().wait().unwrap().is_closed());
    assert!(collecting.closed().wait().unwrap().is_closed());
    let received: Vec<u8> = mem::take(&mut received.lock().unwrap());
    assert_eq!(received.len(), 8 * EACH * 10);
    assert!(
        received
            .chunks(10)
            .all(|piece| piece.iter().all(|byte| *byte == piece[0])),
        "a write is whole"
    );
}

#[test]
fn a_connection_goes_from_stream_to_protocol_and_back_many_times() {
    let mut setup = attach(100, |recorder| recorder);
    let mut transport = setup.transport.clone();
    for round in 0..20_u8 {
        transport.unread(&[round]);
        let detached = transport.detach();
        setup.events();
        let stream = detached.try_take().unwrap().unwrap();
        setup.send(&[100 + round]);
        transport = protocol::attach(&setup.clock.reactor(), stream, Recorder::new(&setup.events));
        let events = setup.events();
        assert_eq!(events[..2], [Event::Made, data(&[round])], "{events:?}");
        assert_eq!(events[2..], [data(&[100 + round])]);
    }
}

#[test]
fn a_method_that_blocks_its_thread_holds_up_no_other_connection() {
    use futures_util::io::{AsyncReadExt, AsyncWriteExt};
    use std::sync::mpsc;

    /// Answers an `e`, and blocks on anything else until it is told to go on.
    struct Blocks(Arc<Mutex<mpsc::Receiver<()>>>);

    impl Protocol for Blocks {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) {
            if data != b"e" {
                self.0.lock().unwrap().recv().unwrap();
            }
            transport.write(data);
        }
    }

    let pool = futures_executor::ThreadPool::builder().pool_size(2).create().unwrap();
    let reactor = interloop_async_io::reactor("pool", move |task| pool.spawn_ok(task));
    let (go_on, goes_on) = mpsc::channel();
    let goes_on = Arc::new(Mutex::new(goes_on));
    let mut pairs: Vec<_> = (0..10)
        .map(|_| interloop::net::UnixStream::pair(&reactor).unwrap())
        .collect();
    let mut ours = Vec::new();
    for (near, far) in pairs.drain(..) {
        protocol::attach(&reactor, far, Blocks(goes_on.clone()));
        ours.push(near);
    }
    futures_executor::block_on(async {
        ours[0].write_all(b"b").await?;
        let mut answer = [0];
        for _ in 0..10 {
            for stream in &mut ours[1..] {
                stream.write_all(b"e").await?;
                stream.read_exact(&mut answer).await?;
            }
        }
        go_on.send(()).unwrap();
        ours[0].read_exact(&mut answer).await?;
        assert_eq!(&answer, b"b");
        Ok::<_, io::Error>(())
    })
    .unwrap();
}

#[test]
fn the_end_is_told_behind_the_last_method() {
    struct Slow(Arc<Mutex<bool>>, std::sync::mpsc::Sender<()>);

    impl Protocol for Slow {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}

        fn connection_lost(&mut self, transport: &Transport, _: &Lost) {
            let has_returned = self.0.clone();
            // Both those who waited before, and those who come now.
            let ends = transport
                .closed()
                .map_ok(move |_| assert!(*has_returned.lock().unwrap()));
            assert!(!ends.is_settled());
            ends.detach();
            self.1.send(()).unwrap();
            for _ in 0..100 {
                thread::yield_now();
            }
            *self.0.lock().unwrap() = true;
        }
    }

    let pool = futures_executor::ThreadPool::new().unwrap();
    let reactor = interloop_async_io::reactor("pool", move |task| pool.spawn_ok(task));
    let (_ours, theirs) = memory::pair(10);
    let (sender, is_told) = std::sync::mpsc::channel();
    let has_returned = Arc::new(Mutex::new(false));
    let transport = protocol::attach(&reactor, theirs, Slow(has_returned.clone(), sender));
    transport.lose_connection();
    is_told.recv().unwrap();
    assert!(transport.closed().wait().unwrap().is_closed());
    assert!(*has_returned.lock().unwrap());
}
