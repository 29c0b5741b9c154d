//! Protocols whose methods abort, panic, and use all that there is.

use interloop::{
    Clock,
    net::memory,
    protocol::{self, AfterEof, Lost, Protocol, Transport},
};

use super::{Event, Events, Recorder};

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
