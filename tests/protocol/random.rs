//! Random operations on a transport, against a plain model of what has to come of them: over memory of random capacity, on clocks whose
//! tasks run in random order.

use std::sync::{Arc, Mutex};

use futures_util::{
    StreamExt,
    io::{AsyncReadExt, AsyncWriteExt},
};
use interloop::{
    Clock,
    net::memory,
    protocol::{self, AfterEof, Lost, Protocol, Transport},
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Write(usize),
    /// The other end sends.
    Send(usize),
    Pause,
    Resume,
    Marks(usize, usize),
    /// The next data is cut, and its end given back.
    Unread,
    Replace,
    /// To a stream and back.
    Detach,
    /// The loop runs.
    Run,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Lose,
    PeerCloses,
    Eof,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0..300_usize).prop_map(Operation::Write),
        4 => (1..300_usize).prop_map(Operation::Send),
        1 => Just(Operation::Pause),
        2 => Just(Operation::Resume),
        1 => (0..50_usize, 0..100_usize).prop_map(|(low, more)| Operation::Marks(low, low + more)),
        1 => Just(Operation::Unread),
        1 => Just(Operation::Replace),
        1 => Just(Operation::Detach),
        3 => Just(Operation::Run),
    ]
}

/// What all protocols of a run have seen together.
#[derive(Debug, Default)]
struct Seen {
    received: Vec<u8>,
    unread_next: bool,
    is_paused: bool,
    /// A protocol has the connection.
    is_made: bool,
    ends: usize,
    reasons: Vec<bool>,
}

struct Watches(Arc<Mutex<Seen>>);

impl Protocol for Watches {
    fn connection_made(&mut self, _: &Transport) {
        let mut seen = self.0.lock().unwrap();
        (seen.is_made, seen.is_paused) = (true, false);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        let mut seen = self.0.lock().unwrap();
        assert!(seen.is_made && !data.is_empty() && seen.ends == 0 && seen.reasons.is_empty());
        let taken = match std::mem::take(&mut seen.unread_next) {
            true => data.len() / 2,
            false => data.len(),
        };
        seen.received.extend_from_slice(&data[..taken]);
        if taken < data.len() {
            transport.unread(&data[taken..]);
            // Else it would come with the next bytes, of which there may be none.
            transport.resume_reading();
        }
    }

    fn eof_received(&mut self, _: &Transport) -> AfterEof {
        self.0.lock().unwrap().ends += 1;
        AfterEof::Close
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Lost) {
        self.0.lock().unwrap().reasons.push(reason.is_closed());
    }

    fn pause_writing(&mut self, _: &Transport) {
        assert!(
            !std::mem::replace(&mut self.0.lock().unwrap().is_paused, true),
            "it takes turns"
        );
    }

    fn resume_writing(&mut self, _: &Transport) {
        assert!(
            std::mem::replace(&mut self.0.lock().unwrap().is_paused, false),
            "it takes turns"
        );
    }
}

fn numbered(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|place| (place % 251) as u8).collect()
}

fn run(seed: u64, capacity: usize, operations: &[Operation], ending: Ending) {
    let clock = Clock::with_seed(seed);
    let reactor = clock.reactor();
    let (ours, theirs) = memory::pair(capacity);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut transport = protocol::attach(&reactor, theirs, Watches(seen.clone()));

    // The other end: writes what it is told to, and reads all.
    let (mut reading, mut writing) = ours.split();
    let (to_send, mut sends) = futures_channel::mpsc::unbounded::<Vec<u8>>();
    let sending = reactor.spawn_infallible(async move {
        while let Some(bytes) = sends.next().await {
            if writing.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // The connection may be over.
        let _ = writing.close().await;
    });
    let mut to_send = Some(to_send);
    let mut send = move |bytes: Option<Vec<u8>>| match bytes {
        Some(bytes) => to_send.as_ref().unwrap().unbounded_send(bytes).unwrap(),
        None => to_send = None,
    };
    let arriving = reactor.spawn_infallible(async move {
        let mut all = Vec::new();
        reading.read_to_end(&mut all).await.map(|_| all)
    });

    let (mut written, mut sent) = (0, 0);
    for operation in operations {
        match *operation {
            Operation::Write(len) => {
                transport.write(&numbered(written, len));
                written += len;
            }
            Operation::Send(len) => {
                send(Some(numbered(sent, len)));
                sent += len;
            }
            Operation::Pause => transport.pause_reading(),
            Operation::Resume => transport.resume_reading(),
            Operation::Marks(low, high) => transport.set_write_marks(low, high).unwrap(),
            Operation::Unread => seen.lock().unwrap().unread_next = true,
            Operation::Replace => transport.set_protocol(Watches(seen.clone())),
            Operation::Detach => {
                let stream = clock.run_until(transport.detach()).unwrap().unwrap();
                transport = protocol::attach(&reactor, stream, Watches(seen.clone()));
            }
            Operation::Run => {
                clock.run_until_stalled();
                assert_eq!(transport.buffered(), 0, "the other end reads");
            }
        }
    }
    transport.resume_reading();
    match ending {
        Ending::PeerCloses => send(None),
        Ending::Eof => {
            transport.write_eof();
            transport.write(b"too late");
            send(None);
        }
        Ending::Lose => {
            clock.run_until_stalled();
            transport.lose_connection();
            transport.write(b"too late");
        }
    }
    assert!(clock.run_until(transport.closed()).unwrap().unwrap().is_closed());
    let arrived = clock.run_until(arriving).unwrap().unwrap().unwrap();
    sending.cancel();
    let seen = seen.lock().unwrap();
    assert_eq!(arrived, numbered(0, written));
    assert_eq!(seen.received, numbered(0, sent));
    assert_eq!(seen.reasons, [true], "it is lost once");
    assert_eq!(seen.ends, usize::from(!matches!(ending, Ending::Lose)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_operations_come_to_what_they_should(
        seed: u64,
        capacity in 1..200_usize,
        operations in prop::collection::vec(operation(), 0..60),
        ending in prop_oneof![Just(Ending::Lose), Just(Ending::PeerCloses), Just(Ending::Eof)],
    ) {
        run(seed, capacity, &operations, ending);
    }
}
