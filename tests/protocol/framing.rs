//! Messages: what is found wherever the bytes are cut, limits, and going over to raw bytes and back.

use std::sync::{Arc, Mutex};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Clock,
    net::memory,
    protocol::{
        self, Detached, Protocol,
        framing::{Decoder, Encoder, FrameError, Framed, Frames, Lines, Netstrings, Prefix, Prefixed, Receiver},
        testing::StringTransport,
    },
};
use proptest::prelude::*;

/// Notes its messages.
struct Notes<C> {
    notes: Arc<Mutex<Vec<String>>>,
    on_frame: fn(&mut Frames<'_, C>, &[u8]),
}

impl<C> Notes<C> {
    fn note(&self, note: String) {
        self.notes.lock().unwrap().push(note);
    }
}

impl<C> Receiver for Notes<C>
where
    C: for<'a> Decoder<Frame<'a> = &'a [u8], Error = FrameError>,
{
    type Codec = C;

    fn frame_received(&mut self, frames: &mut Frames<'_, C>, frame: &[u8]) {
        self.note(String::from_utf8_lossy(frame).into_owned());
        (self.on_frame)(frames, frame);
    }

    fn raw_received(&mut self, frames: &mut Frames<'_, C>, data: &[u8]) {
        self.note(format!("raw {}", String::from_utf8_lossy(data)));
        if let Some(end) = data.iter().position(|byte| *byte == b'!') {
            frames.set_frame_mode(data.len() - end - 1);
        }
    }

    fn decoding_failed(&mut self, frames: &mut Frames<'_, C>, error: FrameError, rest: &[u8]) {
        self.note(format!("{error:?} {}", rest.len()));
        frames.transport().lose_connection();
    }
}

/// What a receiver notes of bytes that come in these pieces.
fn notes<C>(codec: C, on_frame: fn(&mut Frames<'_, C>, &[u8]), pieces: &[&[u8]]) -> Vec<String>
where
    C: for<'a> Decoder<Frame<'a> = &'a [u8], Error = FrameError> + Send + 'static,
{
    let (clock, notes) = (Clock::new(), Arc::default());
    let (mut stream, other) = memory::pair(1 << 20);
    let receiver = Notes {
        notes: Arc::clone(&notes),
        on_frame,
    };
    protocol::attach(&clock.reactor(), other, Framed::new(codec, receiver));
    for piece in pieces {
        // After its end the connection takes no more, which is what some tests are about.
        let _ = futures_executor::block_on(stream.write_all(piece));
        clock.run_until_stalled();
    }
    let notes = notes.lock().unwrap();
    notes.clone()
}

fn nothing<C>(_: &mut Frames<'_, C>, _: &[u8]) {}

#[test]
fn lines_end_with_their_delimiter() {
    let pieces: [&[u8]; 3] = [b"one\r\ntw", b"o\r", b"\n\r\nrest"];
    assert_eq!(notes(Lines::crlf(), nothing, &pieces), ["one", "two", ""]);
    assert_eq!(notes(Lines::lf(), nothing, &[b"a\nb\r\n"]), ["a", "b\r"]);
    assert_eq!(
        notes(Lines::delimited_by(*b"--"), nothing, &[b"a-b---c--"]),
        ["a-b", "-c"]
    );
}

#[test]
fn a_line_may_be_as_long_as_the_limit() {
    let codec = || Lines::crlf().max_length(3);
    assert_eq!(notes(codec(), nothing, &[b"abc\r\nab"]), ["abc"]);
    assert_eq!(notes(codec(), nothing, &[b"abcd\r\n"]), ["TooLong { limit: 3 } 6"]);
    assert_eq!(notes(codec(), nothing, &[b"abc\r", b"\n"]), ["abc"]);
    assert_eq!(
        notes(codec(), nothing, &[b"ok\r\nabcd", b"e"]),
        ["ok", "TooLong { limit: 3 } 5"]
    );
}

#[test]
fn netstrings_follow_their_form() {
    assert_eq!(
        notes(Netstrings::new(), nothing, &[b"5:hel", b"lo,0:,3:a,b,"]),
        ["hello", "", "a,b"]
    );
    for bad in [&b"x"[..], b":", b"01:a,", b"1:ab", b"-1:", b" 1:"] {
        let notes = notes(Netstrings::new(), nothing, &[bad]);
        assert!(notes.len() == 1 && notes[0].starts_with("Malformed"), "{notes:?}");
    }
}

#[test]
fn a_message_too_long_is_refused_by_its_length_alone() {
    let short = Netstrings::new().max_length(10);
    assert_eq!(notes(short, nothing, &[b"11"]), ["TooLong { limit: 10 } 2"]);
    assert_eq!(
        notes(Netstrings::new(), nothing, &[&[b'9'; 100]]),
        ["TooLong { limit: 99999 } 100"]
    );
    let short = Prefixed::new(Prefix::U32).max_length(10);
    assert_eq!(notes(short, nothing, &[b"\0\0\0\x0b"]), ["TooLong { limit: 10 } 4"]);
}

#[test]
fn prefixes_have_one_two_or_four_bytes() {
    assert_eq!(
        notes(Prefixed::new(Prefix::U8), nothing, &[b"\x02ab\x00\x01"]),
        ["ab", ""]
    );
    assert_eq!(
        notes(Prefixed::new(Prefix::U16), nothing, &[b"\x00", b"\x02ab\x00\x00"]),
        ["ab", ""]
    );
    assert_eq!(
        notes(Prefixed::new(Prefix::U32), nothing, &[b"\x00\x00\x00\x02ab"]),
        ["ab"]
    );
}

#[test]
fn what_is_too_long_is_not_sent() {
    let mut out = b"before".to_vec();
    assert_eq!(
        Prefixed::new(Prefix::U8).encode(&[0; 256][..], &mut out),
        Err(FrameError::TooLong { limit: 255 })
    );
    assert_eq!(
        Lines::lf().max_length(1).encode(b"ab", &mut out),
        Err(FrameError::TooLong { limit: 1 })
    );
    assert_eq!(
        Netstrings::new().max_length(1).encode(b"ab", &mut out),
        Err(FrameError::TooLong { limit: 1 })
    );
    assert_eq!(out, b"before");
}

#[test]
fn raw_bytes_begin_behind_a_message_and_end_anywhere() {
    let raw = |frames: &mut Frames<'_, Lines>, line: &[u8]| {
        if line == b"DATA" {
            frames.set_raw_mode();
        }
    };
    let expected = ["a", "DATA", "raw 12", "raw 3!b\nDA", "b", "DATA", "raw x!", "c"];
    assert_eq!(
        notes(Lines::lf(), raw, &[b"a\nDATA\n12", b"3!b\nDA", b"TA\nx!", b"c\n"]),
        expected
    );
}

#[test]
fn no_message_is_received_after_the_connection_was_closed() {
    let close = |frames: &mut Frames<'_, Lines>, _: &[u8]| frames.transport().lose_connection();
    assert_eq!(notes(Lines::lf(), close, &[b"a\nb\n"]), ["a"]);
}

#[test]
fn a_message_that_has_begun_goes_to_the_next_one_who_reads() {
    let clock = Clock::new();
    let (mut stream, other) = memory::pair(100);
    let receiver = Notes {
        notes: Arc::default(),
        on_frame: nothing,
    };
    let transport = protocol::attach(&clock.reactor(), other, Framed::new(Lines::lf(), receiver));
    futures_executor::block_on(stream.write_all(b"whole\nbeg")).unwrap();
    clock.run_until_stalled();
    let detached = transport.detach();
    clock.run_until_stalled();
    let mut detached: Detached = detached.try_take().unwrap().unwrap();
    futures_executor::block_on(stream.write_all(b"un")).unwrap();
    let mut buf = [0; 5];
    futures_executor::block_on(detached.read_exact(&mut buf)).unwrap();
    assert_eq!(&buf, b"begun");
}

#[test]
fn messages_wait_while_reading_is_paused() {
    let clock = Clock::new();
    let (mut stream, other) = memory::pair(100);
    let noted = Arc::new(Mutex::new(Vec::new()));
    let receiver = Notes {
        notes: Arc::clone(&noted),
        on_frame: |frames: &mut Frames<'_, Lines>, _| frames.transport().pause_reading(),
    };
    let transport = protocol::attach(&clock.reactor(), other, Framed::new(Lines::lf(), receiver));
    futures_executor::block_on(stream.write_all(b"a\nb\nc")).unwrap();
    for expected in [&["a"][..], &["a", "b"]] {
        clock.run_until_stalled();
        assert_eq!(*noted.lock().unwrap(), expected);
        transport.resume_reading();
    }
    futures_executor::block_on(stream.write_all(b"\n")).unwrap();
    clock.run_until_stalled();
    assert_eq!(*noted.lock().unwrap(), ["a", "b", "c"]);
}

#[test]
fn what_is_sent_arrives_in_the_order_of_sending() {
    let clock = Clock::new();
    let (mut stream, other) = memory::pair(100);
    let receiver = Notes {
        notes: Arc::default(),
        on_frame: |frames: &mut Frames<'_, Lines>, line| {
            frames.send(line).unwrap();
            frames.transport().write(b"between ");
            frames.send(&b"last"[..]).unwrap();
        },
    };
    protocol::attach(&clock.reactor(), other, Framed::new(Lines::lf(), receiver));
    futures_executor::block_on(stream.write_all(b"first\n")).unwrap();
    clock.run_until_stalled();
    let mut buf = [0; 100];
    let read = futures_executor::block_on(stream.read(&mut buf)).unwrap();
    assert_eq!(&buf[..read], b"first\nbetween last\n");
}

#[test]
fn lines_are_found_behind_a_message_whose_beginning_was_taken_raw() {
    /// Takes all that comes raw while it is paused, up to an exclamation mark.
    struct Impatient(Notes<Lines>);

    impl Receiver for Impatient {
        type Codec = Lines;

        fn frame_received(&mut self, frames: &mut Frames<'_, Lines>, frame: &[u8]) {
            self.0.frame_received(frames, frame);
        }

        fn raw_received(&mut self, frames: &mut Frames<'_, Lines>, data: &[u8]) {
            self.0.raw_received(frames, data);
        }

        fn pause_writing(&mut self, frames: &mut Frames<'_, Lines>) {
            frames.set_raw_mode();
        }
    }

    let notes = Arc::<Mutex<Vec<String>>>::default();
    let receiver = Impatient(Notes {
        notes: notes.clone(),
        on_frame: nothing,
    });
    let mut connection = StringTransport::new(Framed::new(Lines::lf(), receiver));
    connection.transport().set_write_marks(0, 1).unwrap();
    connection.receive(b"half of a");
    connection.set_room(Some(0));
    connection.transport().write(b"more than the mark");
    connection.receive(b" line!a\nb\nc");
    connection.receive(b"\n");
    assert_eq!(*notes.lock().unwrap(), ["raw half of a line!a\nb\nc", "a", "b", "c"]);
}

/// Bytes in pieces, cut at these places.
fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|ends| &bytes[ends[0]..ends[1]])
        .filter(|piece| !piece.is_empty())
        .collect()
}

proptest! {
    #[test]
    fn messages_are_the_same_wherever_the_bytes_are_cut(
        messages in prop::collection::vec("[a-z\r]{0,12}", 0..8),
        places in prop::collection::vec(any::<usize>(), 0..10),
        form in 0..5,
    ) {
        fn check<C>(codec: C, messages: &[String], places: &[usize]) -> Result<(), TestCaseError>
        where
            C: for<'a> Decoder<Frame<'a> = &'a [u8], Error = FrameError>
                + for<'a> Encoder<&'a [u8], Error = FrameError> + Clone + Send + 'static,
        {
            let mut bytes = Vec::new();
            for message in messages {
                codec.clone().encode(message.as_bytes(), &mut bytes).unwrap();
            }
            prop_assert_eq!(notes(codec, nothing, &cut(&bytes, places)), messages);
            Ok(())
        }
        match form {
            0 => check(Lines::crlf(), &messages, &places)?,
            1 => check(Lines::delimited_by(*b"ABAC"), &messages, &places)?,
            2 => check(Netstrings::new(), &messages, &places)?,
            3 => check(Prefixed::new(Prefix::U8), &messages, &places)?,
            _ => check(Prefixed::new(Prefix::U32), &messages, &places)?,
        }
    }
}

/// A protocol is an object, too.
#[test]
fn a_framed_receiver_can_be_boxed() {
    let receiver = Notes {
        notes: Arc::default(),
        on_frame: nothing,
    };
    let _boxed: Box<dyn Protocol + Send> = Box::new(Framed::new(Lines::lf(), receiver));
}
