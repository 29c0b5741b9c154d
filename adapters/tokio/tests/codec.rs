//! Codecs of tokio-util and of interloop, each in place of the other, on the same bytes.
#![cfg(feature = "codec")]

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use interloop::protocol::{
    framing::{
        Decoder, Encoder, Framed, Frames, Lines, MessageError, Netstrings, Prefix, Prefixed, Receiver, messages,
    },
    testing::StringTransport,
};
use interloop_tokio::codec::{FromTokio, IntoTokio};
use proptest::prelude::*;
use tokio_util::codec::{self as theirs, AnyDelimiterCodec, LengthDelimitedCodec, LinesCodec};

/// The frames that a codec finds when the bytes come in pieces, and whether it has failed.
fn found<C: Decoder>(mut codec: C, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool)
where
    for<'a> C::Frame<'a>: AsRef<[u8]>,
{
    let (mut frames, mut left) = (Vec::new(), Vec::new());
    for piece in pieces {
        left.extend_from_slice(piece);
        loop {
            let found = codec
                .decode(&left)
                .map(|found| (found.consumed, found.frame.map(|frame| frame.as_ref().to_vec())));
            let Ok((consumed, frame)) = found else {
                return (frames, true);
            };
            left.drain(..consumed);
            match frame {
                Some(frame) => frames.push(frame),
                None => break,
            }
        }
    }
    (frames, false)
}

fn found_by_theirs<C>(mut codec: C, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool)
where
    C: theirs::Decoder,
    C::Item: AsRef<[u8]>,
{
    let (mut frames, mut left) = (Vec::new(), bytes::BytesMut::new());
    for piece in pieces {
        left.extend_from_slice(piece);
        loop {
            match codec.decode(&mut left) {
                Ok(Some(frame)) => frames.push(frame.as_ref().to_vec()),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

/// Bytes with ends of lines and lengths among them, and where they are cut.
fn pieces() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    let byte = prop_oneof![
        3 => Just(b'a'),
        2 => Just(b'\n'),
        2 => Just(0_u8),
        1 => 1..9_u8,
    ];
    (
        prop::collection::vec(byte, 0..80),
        prop::collection::vec(1..9_usize, 0..80),
    )
}

fn cut<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for length in lengths {
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

fn length_delimited() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .length_field_type::<u16>()
        .max_frame_length(30)
        .new_codec()
}

proptest! {
    #[test]
    fn all_find_the_same_on_the_same_bytes((bytes, lengths) in pieces()) {
        let pieces = cut(&bytes, &lengths);
        // Lines that end with a line feed: ours, theirs, and each in place of the other.
        let delimited = || AnyDelimiterCodec::new_with_max_length(b"\n".to_vec(), Vec::new(), 1000);
        let lines = found(Lines::lf().max_length(1000), &pieces);
        prop_assert_eq!(&lines, &found_by_theirs(delimited(), &pieces));
        prop_assert_eq!(&lines, &found(FromTokio::new(delimited()), &pieces));
        prop_assert_eq!(&lines, &found_by_theirs(IntoTokio::<_, Vec<u8>>::new(Lines::lf().max_length(1000)), &pieces));
        // A length of two bytes, with a limit that is exceeded.
        let ours = || Prefixed::new(Prefix::U16).max_length(30);
        let prefixed = found(ours(), &pieces);
        prop_assert_eq!(&prefixed, &found_by_theirs(length_delimited(), &pieces));
        prop_assert_eq!(&prefixed, &found(FromTokio::new(length_delimited()), &pieces));
        prop_assert_eq!(&prefixed, &found_by_theirs(IntoTokio::<_, Vec<u8>>::new(ours()), &pieces));
    }

    #[test]
    fn all_write_the_same(message in prop::collection::vec(any::<u8>(), 0..30)) {
        let (mut ours, mut adapted) = (Vec::new(), Vec::new());
        Prefixed::new(Prefix::U16).max_length(30).encode(&message[..], &mut ours).unwrap();
        FromTokio::new(length_delimited()).encode(bytes::Bytes::from(message.clone()), &mut adapted).unwrap();
        prop_assert_eq!(&ours, &adapted);
        let mut out = bytes::BytesMut::new();
        theirs::Encoder::encode(&mut IntoTokio::<_, Vec<u8>>::new(Prefixed::new(Prefix::U16)), &message[..], &mut out).unwrap();
        prop_assert_eq!(&ours, &out.to_vec());
    }
}

/// Answers lines, and takes ten bytes raw after one that says so.
struct Talks(Arc<Mutex<Vec<String>>>);

impl Receiver for Talks {
    type Codec = FromTokio<LinesCodec>;

    fn frame_received(&mut self, lines: &mut Frames<'_, Self::Codec>, line: String) {
        if line == "raw" {
            return lines.set_raw_mode();
        }
        if line == "wait" {
            lines.transport().pause_reading();
        }
        lines.send(line.to_uppercase()).unwrap();
        self.0.lock().unwrap().push(line);
    }

    fn raw_received(&mut self, lines: &mut Frames<'_, Self::Codec>, data: &[u8]) {
        let (raw, rest) = data.split_at(data.len().min(10));
        self.0.lock().unwrap().push(format!("{} raw bytes", raw.len()));
        lines.set_frame_mode(rest.len());
    }
}

#[test]
fn a_receiver_has_a_codec_of_theirs() {
    let lines = Arc::default();
    let talks = Talks(Arc::clone(&lines));
    let mut connection = StringTransport::new(Framed::new(FromTokio::new(LinesCodec::new()), talks));
    connection.receive(b"one\r\ntw");
    connection.receive(b"o\nraw\n0123456789three\nfo");
    connection.receive(b"ur\n");
    assert_eq!(*lines.lock().unwrap(), ["one", "two", "10 raw bytes", "three", "four"]);
    assert_eq!(connection.take(), b"ONE\nTWO\nTHREE\nFOUR\n");
}

#[test]
fn what_a_receiver_has_left_comes_again_for_a_codec_of_theirs() {
    let lines = Arc::default();
    let talks = Talks(Arc::clone(&lines));
    let mut connection = StringTransport::new(Framed::new(FromTokio::new(LinesCodec::new()), talks));
    connection.receive(b"on");
    connection.receive(b"e\nwait\ntwo\nthr");
    assert_eq!(connection.take(), b"ONE\nWAIT\n");
    connection.transport().unread(b"before ");
    connection.transport().resume_reading();
    connection.receive(b"ee\n");
    assert_eq!(*lines.lock().unwrap(), ["one", "wait", "before two", "three"]);
}

#[test]
fn a_codec_of_ours_is_framed_by_theirs() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, far) = tokio::io::duplex(3);
        let mut near = theirs::Framed::new(near, IntoTokio::<_, Vec<u8>>::new(Netstrings::new()));
        let echo = tokio::spawn(async move {
            let mut far = theirs::Framed::new(far, IntoTokio::<_, Vec<u8>>::new(Netstrings::new()));
            while let Some(message) = far.next().await {
                far.send(&message.unwrap()[..]).await.unwrap();
            }
        });
        for len in [0, 1, 50] {
            near.send(&vec![b'x'; len][..]).await.unwrap();
            assert_eq!(near.next().await.unwrap().unwrap(), vec![b'x'; len]);
        }
        drop(near);
        echo.await.unwrap();
    });
}

#[test]
fn a_partial_message_is_the_same_error() {
    let mut codec = IntoTokio::<_, Vec<u8>>::new(Netstrings::new());
    let mut input = bytes::BytesMut::from(&b"5:hel"[..]);
    assert!(matches!(
        theirs::Decoder::decode_eof(&mut codec, &mut input),
        Err(MessageError::Partial(5))
    ));
}

#[test]
fn messages_have_a_codec_of_theirs() {
    let (near, far) = interloop::net::memory::pair(8);
    let (mut incoming, _sink) = messages::<_, _, bytes::BytesMut>(near, FromTokio::new(length_delimited()));
    let (_stream, mut outgoing) = messages::<_, _, bytes::BytesMut>(far, FromTokio::new(length_delimited()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let sending = async {
            outgoing.send(bytes::Bytes::from_static(b"hello world")).await.unwrap();
            outgoing.close().await.unwrap();
        };
        let receiving = async {
            assert_eq!(&incoming.next().await.unwrap().unwrap()[..], b"hello world");
            assert!(incoming.next().await.is_none());
        };
        tokio::join!(sending, receiving);
    });
}
