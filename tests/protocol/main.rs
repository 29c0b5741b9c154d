//! Protocols: what they are called with and when, what a transport does, and how connections end.

mod channels;
mod ending;
mod framing;
mod handing_over;
mod messages;
mod methods;
mod random;
mod reading;
mod strings;
mod threads;
mod writing;

use std::sync::{Arc, Mutex};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Clock,
    net::memory::{self, MemoryStream},
    protocol::{self, AfterEof, Lost, Protocol, Transport},
};

/// What happened to a protocol, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Made,
    Data(Vec<u8>),
    Eof,
    Pause,
    Resume,
    Lost(String),
    Dropped,
}

fn data(bytes: &[u8]) -> Event {
    Event::Data(bytes.to_vec())
}

fn closed() -> Event {
    Event::Lost("Closed".to_owned())
}

/// The events of protocols.
#[derive(Clone, Debug, Default)]
struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    fn push(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }

    fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

type OnData = Box<dyn FnMut(&Transport, &[u8]) + Send>;

/// Notes what it is called with, and does in `data_received` what a test wants.
struct Recorder {
    events: Events,
    after_eof: AfterEof,
    on_data: OnData,
}

impl Recorder {
    fn new(events: &Events) -> Self {
        Self {
            events: events.clone(),
            after_eof: AfterEof::Close,
            on_data: Box::new(|_, _| {}),
        }
    }

    fn on_data(mut self, on_data: impl FnMut(&Transport, &[u8]) + Send + 'static) -> Self {
        self.on_data = Box::new(on_data);
        self
    }

    fn staying_open(mut self) -> Self {
        self.after_eof = AfterEof::StayOpen;
        self
    }
}

impl Protocol for Recorder {
    fn connection_made(&mut self, _: &Transport) {
        self.events.push(Event::Made);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.events.push(Event::Data(data.to_vec()));
        (self.on_data)(transport, data);
    }

    fn eof_received(&mut self, _: &Transport) -> AfterEof {
        self.events.push(Event::Eof);
        self.after_eof
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Lost) {
        self.events.push(Event::Lost(match reason {
            Lost::Closed => "Closed".to_owned(),
            Lost::Failed(error) => format!("{:?}", error.kind()),
            Lost::Aborted(aborted) => aborted.to_string(),
            _ => unreachable!(),
        }));
    }

    fn pause_writing(&mut self, _: &Transport) {
        self.events.push(Event::Pause);
    }

    fn resume_writing(&mut self, _: &Transport) {
        self.events.push(Event::Resume);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.events.push(Event::Dropped);
    }
}

/// A protocol on one end of a connection, the other end, and a clock that runs the task between them.
struct Setup {
    clock: Clock,
    events: Events,
    transport: Transport,
    stream: MemoryStream,
}

/// Attaches a protocol that the function finishes; as many bytes are on their way in one direction at most.
fn attach(capacity: usize, finish: impl FnOnce(Recorder) -> Recorder) -> Setup {
    let clock = Clock::new();
    let events = Events::default();
    let (stream, other) = memory::pair(capacity);
    let transport = protocol::attach(&clock.reactor(), other, finish(Recorder::new(&events)));
    Setup {
        clock,
        events,
        transport,
        stream,
    }
}

impl Setup {
    /// Runs the connection until it waits; what happened meanwhile.
    fn events(&self) -> Vec<Event> {
        self.clock.run_until_stalled();
        self.events.take()
    }

    fn send(&mut self, bytes: &[u8]) {
        let sent = futures_executor::block_on(self.stream.write(bytes)).unwrap();
        assert_eq!(sent, bytes.len(), "the test's bytes fit into the connection");
    }

    fn close(&mut self) {
        futures_executor::block_on(self.stream.close()).unwrap();
    }

    /// What has arrived at the other end, up to a number of bytes.
    fn received(&mut self, limit: usize) -> Vec<u8> {
        self.clock.run_until_stalled();
        let mut buf = vec![0; limit];
        let read = futures_executor::block_on(self.stream.read(&mut buf)).unwrap();
        buf.truncate(read);
        self.clock.run_until_stalled();
        buf
    }

    fn received_to_the_end(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.received(1024) {
                piece if piece.is_empty() => return all,
                piece => all.extend(piece),
            }
        }
    }
}
