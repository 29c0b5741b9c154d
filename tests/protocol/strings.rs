//! Protocols driven by a test alone, over a string transport.

use std::{io, time::Duration};

use interloop::{
    Aborted, Clock, Reactor,
    protocol::{
        Lost, Protocol, Transport,
        framing::{Framed, Frames, Lines, Receiver},
        testing::StringTransport,
    },
};

use super::{Event, Events, Recorder, closed, data};

fn recorded(finish: impl FnOnce(Recorder) -> Recorder) -> (StringTransport, Events) {
    let events = Events::default();
    (StringTransport::new(finish(Recorder::new(&events))), events)
}

#[test]
fn what_a_test_does_takes_effect_at_once() {
    let (mut connection, events) =
        recorded(|recorder| recorder.on_data(|transport, data| transport.write(&data.to_ascii_uppercase())));
    assert_eq!(events.take(), [Event::Made]);
    connection.receive(b"one");
    assert_eq!(events.take(), [data(b"one")]);
    connection.receive(b"two");
    assert_eq!(connection.value(), b"ONETWO");
    assert_eq!(connection.take(), b"ONETWO");
    connection.receive(b"three");
    connection.clear();
    assert_eq!(connection.value(), b"");
    assert!(!connection.is_disconnecting() && connection.lost().is_none());
    connection.transport().write(b"from outside");
    assert_eq!(connection.take(), b"from outside");
}

#[test]
fn each_end_is_told_apart() {
    let (mut connection, events) = recorded(|recorder| recorder);
    connection.peer_closes();
    assert_eq!(events.take(), [Event::Made, Event::Eof, closed(), Event::Dropped]);
    assert!(connection.has_ended());

    let (mut connection, events) = recorded(|recorder| recorder.staying_open());
    connection.peer_closes();
    assert!(!connection.has_ended() && !connection.is_disconnecting());
    connection.lose(io::Error::from(io::ErrorKind::ConnectionReset));
    assert_eq!(
        events.take()[2..],
        [Event::Lost("ConnectionReset".to_owned()), Event::Dropped],
        "the end of the stream does not hide the failure"
    );
}

#[test]
fn a_failure_is_noticed_though_reading_is_paused() {
    let (mut connection, events) = recorded(|recorder| recorder);
    connection.transport().pause_reading();
    assert!(!connection.is_reading());
    connection.receive(b"not given");
    connection.lose(io::Error::from(io::ErrorKind::TimedOut));
    assert!(matches!(connection.lost(), Some(Lost::Failed(error)) if error.kind() == io::ErrorKind::TimedOut));
    assert_eq!(events.take()[1..], [Event::Lost("TimedOut".to_owned()), Event::Dropped]);
}

#[test]
fn a_loop_that_shuts_down_is_played() {
    let (mut connection, events) = recorded(|recorder| recorder);
    connection.lose(Aborted::shut_down());
    assert!(matches!(connection.lost(), Some(Lost::Aborted(why)) if why.is_shut_down()));
    assert_eq!(events.take().len(), 3);
    connection.receive(b"nobody is there");
}

#[test]
fn a_slow_peer_is_played() {
    let (mut connection, events) = recorded(|recorder| recorder);
    connection.transport().set_write_marks(5, 10).unwrap();
    connection.set_room(Some(20));
    connection.transport().write(&[7; 50]);
    assert_eq!(connection.take().len(), 20);
    assert_eq!(events.take(), [Event::Made, Event::Pause]);
    connection.set_room(None);
    assert_eq!(connection.take().len(), 30);
    assert_eq!(events.take(), [Event::Resume]);
}

/// Greets, and says good-bye after a minute.
struct Patient;

impl Protocol for Patient {
    fn connection_made(&mut self, transport: &Transport) {
        let transport = transport.clone();
        Reactor::current()
            .unwrap()
            .call_later(Duration::from_secs(60), move || {
                transport.write(b"bye");
                transport.lose_connection();
            });
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {}
}

#[test]
fn time_passes_as_the_test_says() {
    let clock = Clock::new();
    let mut connection = StringTransport::on(&clock.reactor(), Patient);
    clock.advance(Duration::from_secs(59));
    assert!(!connection.is_disconnecting());
    clock.advance(Duration::from_secs(1));
    assert_eq!(connection.take(), b"bye");
    assert!(connection.lost().is_some_and(|reason| reason.is_closed()));
}

/// Asks, or answers questions.
struct Talks(Option<&'static str>, Vec<String>);

impl Receiver for Talks {
    type Codec = Lines;

    fn connection_made(&mut self, lines: &mut Frames<'_, Lines>) {
        if let Some(question) = self.0 {
            lines.send(question.as_bytes()).unwrap();
        }
    }

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        self.1.push(String::from_utf8_lossy(line).into_owned());
        match self.0 {
            Some(_) => lines.transport().lose_connection(),
            None => lines.send(&b"fine"[..]).unwrap(),
        }
    }
}

#[test]
fn two_protocols_talk_to_each_other() {
    let mut client = StringTransport::new(Framed::new(Lines::crlf(), Talks(Some("how are you?"), Vec::new())));
    let mut server = StringTransport::new(Framed::new(Lines::crlf(), Talks(None, Vec::new())));
    assert_eq!(client.value(), b"how are you?\r\n");
    client.pump(&mut server);
    assert!(client.lost().is_some_and(|reason| reason.is_closed()));
    assert!(server.lost().is_some_and(|reason| reason.is_closed()));
}
