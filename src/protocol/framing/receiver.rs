use std::mem;

use super::{Decoder, Encoder};
use crate::protocol::{AfterEof, Lost, Protocol, Transport};

/// What a program does with the messages of a connection: methods that are called as they come.
///
/// As with a [`Protocol`], which [`Framed`] makes of it, calls never overlap.
pub trait Receiver {
    /// What the messages look like.
    type Codec: Decoder;

    /// The connection is there.
    fn connection_made(&mut self, frames: &mut Frames<'_, Self::Codec>) {
        let _ = frames;
    }

    /// A message has come. Twisted's `lineReceived` and `stringReceived`.
    fn frame_received(&mut self, frames: &mut Frames<'_, Self::Codec>, frame: <Self::Codec as Decoder>::Frame<'_>);

    /// Bytes have come in [raw mode](Frames::set_raw_mode). Twisted's `rawDataReceived`.
    fn raw_received(&mut self, frames: &mut Frames<'_, Self::Codec>, data: &[u8]) {
        let _ = (frames, data);
    }

    /// What has come is no message; `rest` is all of it that was not consumed, and is dropped afterwards. Closes the connection,
    /// unless this does something else. Twisted's `lineLengthExceeded` and `lengthLimitExceeded`.
    fn decoding_failed(
        &mut self,
        frames: &mut Frames<'_, Self::Codec>,
        error: <Self::Codec as Decoder>::Error,
        rest: &[u8],
    ) {
        let _ = rest;
        log::debug!("a connection is closed for what it sent: {error}");
        frames.transport().lose_connection();
    }

    /// The other end has said that nothing more comes. What it sent of an unfinished message is dropped. See
    /// [`Protocol::eof_received`].
    fn eof_received(&mut self, frames: &mut Frames<'_, Self::Codec>) -> AfterEof {
        let _ = frames;
        AfterEof::Close
    }

    /// The connection is over. The last call.
    fn connection_lost(&mut self, frames: &mut Frames<'_, Self::Codec>, reason: &Lost) {
        let _ = (frames, reason);
    }

    /// See [`Protocol::pause_writing`].
    fn pause_writing(&mut self, frames: &mut Frames<'_, Self::Codec>) {
        let _ = frames;
    }

    /// See [`Protocol::resume_writing`].
    fn resume_writing(&mut self, frames: &mut Frames<'_, Self::Codec>) {
        let _ = frames;
    }
}

/// A receiver's handle on its connection, for the time of a call: sends messages, and has the transport for the rest.
#[derive(Debug)]
pub struct Frames<'a, C> {
    transport: &'a Transport,
    codec: &'a mut C,
    mode: &'a mut Mode,
}

/// What becomes of the bytes that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Frames,
    Raw,
    /// Frames, beginning with as many of the bytes that the receiver is looking at, from their end.
    FramesAgain(usize),
}

impl<C> Frames<'_, C> {
    /// Sends a message.
    ///
    /// # Errors
    /// If it cannot be written in this form: it is longer than the limit. Nothing is sent then.
    pub fn send<M>(&mut self, message: M) -> Result<(), C::Error>
    where
        C: Encoder<M>,
    {
        self.transport.try_write_with(|out| self.codec.encode(message, out))
    }

    /// The connection. For messages in order with those of [`send`](Self::send), too: both go the same way.
    pub fn transport(&self) -> &Transport {
        self.transport
    }

    /// What the messages look like, to be changed from the next one on.
    pub fn codec(&mut self) -> &mut C {
        self.codec
    }

    /// Takes what follows as bytes, also what has come behind the message that is being received:
    /// [`raw_received`](Receiver::raw_received) is called instead of `frame_received`. Twisted's `setRawMode`.
    pub fn set_raw_mode(&mut self) {
        *self.mode = Mode::Raw;
    }

    /// Takes what follows as messages again, beginning with the last `unused` of the bytes that `raw_received` was called with.
    /// Twisted's `setLineMode`.
    pub fn set_frame_mode(&mut self, unused: usize) {
        *self.mode = Mode::FramesAgain(unused);
    }
}

/// A protocol of a [`Receiver`] and its codec.
///
/// It keeps the beginning of a message that has not come as a whole, and nothing between messages.
#[derive(Debug)]
pub struct Framed<R: Receiver> {
    codec: R::Codec,
    receiver: R,
    mode: Mode,
    partial: Vec<u8>,
}

impl<R: Receiver> Framed<R> {
    /// Calls a receiver with what the codec finds.
    pub fn new(codec: R::Codec, receiver: R) -> Self {
        Self {
            codec,
            receiver,
            mode: Mode::Frames,
            partial: Vec::new(),
        }
    }

    fn call<T>(&mut self, transport: &Transport, method: impl FnOnce(&mut R, &mut Frames<'_, R::Codec>) -> T) -> T {
        let mut frames = Frames {
            transport,
            codec: &mut self.codec,
            mode: &mut self.mode,
        };
        method(&mut self.receiver, &mut frames)
    }

    /// Calls the receiver with all that is there, as long as it wants it. How many bytes are done with, and whether the rest has to wait
    /// until it is asked for.
    fn receive(&mut self, transport: &Transport, input: &[u8]) -> (usize, bool) {
        let mut done = 0;
        loop {
            let rest = &input[done..];
            if rest.is_empty() {
                return (done, false);
            }
            if self.mode == Mode::Raw {
                self.codec.forget();
                self.call(transport, |receiver, frames| receiver.raw_received(frames, rest));
                done = input.len();
                if let Mode::FramesAgain(unused) = self.mode {
                    done -= unused.min(rest.len());
                }
            } else {
                match self.codec.decode(rest) {
                    Ok(found) => {
                        done += found.consumed.min(rest.len());
                        let Some(frame) = found.frame else {
                            return (done, false);
                        };
                        self.call(transport, |receiver, frames| receiver.frame_received(frames, frame));
                    }
                    Err(error) => {
                        self.call(transport, |receiver, frames| {
                            receiver.decoding_failed(frames, error, rest)
                        });
                        self.codec.forget();
                        return (input.len(), false);
                    }
                }
            }
            if matches!(self.mode, Mode::FramesAgain(_)) {
                self.mode = Mode::Frames;
            }
            if !transport.is_reading() {
                return (done, true);
            }
        }
    }
}

impl<R: Receiver> Protocol for Framed<R> {
    fn connection_made(&mut self, transport: &Transport) {
        self.call(transport, |receiver, frames| receiver.connection_made(frames));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        let mut joined = mem::take(&mut self.partial);
        let input = match joined.is_empty() {
            true => data,
            false => {
                joined.extend_from_slice(data);
                &joined
            }
        };
        let (done, has_stopped) = self.receive(transport, input);
        let rest = &input[done..];
        if rest.is_empty() {
            return;
        }
        if has_stopped {
            // For whoever receives next: this one, or what takes its place. Also if reading was resumed meanwhile, from another thread:
            // it is given back as soon as this method has returned.
            self.codec.forget();
            transport.unread(rest);
        } else if joined.is_empty() {
            self.partial = rest.to_vec();
        } else {
            joined.drain(..done);
            self.partial = joined;
        }
    }

    fn eof_received(&mut self, transport: &Transport) -> AfterEof {
        self.call(transport, |receiver, frames| receiver.eof_received(frames))
    }

    fn take_unused(&mut self) -> Vec<u8> {
        mem::take(&mut self.partial)
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Lost) {
        self.call(transport, |receiver, frames| receiver.connection_lost(frames, reason));
    }

    fn pause_writing(&mut self, transport: &Transport) {
        self.call(transport, |receiver, frames| receiver.pause_writing(frames));
    }

    fn resume_writing(&mut self, transport: &Transport) {
        self.call(transport, |receiver, frames| receiver.resume_writing(frames));
    }
}
