//! Codecs of tokio-util in place of [`interloop`]'s, and the other way round. With the feature `codec`.
//!
//! [`FromTokio`] makes a codec of tokio-util's one for [`Framed`](interloop::protocol::framing::Framed) and
//! [`messages`](interloop::protocol::framing::messages):
//!
//! ```
//! use interloop::{net::memory, protocol::framing::messages};
//! use interloop_tokio::codec::FromTokio;
//! use tokio_util::codec::LinesCodec;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let (near, far) = memory::pair(64);
//! let lines = FromTokio::new(LinesCodec::new());
//! let (_, mut sink) = messages::<_, _, String>(near, lines.clone());
//! let (mut stream, _) = messages::<_, _, String>(far, lines);
//! sink.send("hello").await?;
//! assert_eq!(stream.next().await.unwrap()?, "hello");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<_, std::io::Error>(())
//! ```
//!
//! [`IntoTokio`] makes one of tokio-util's kind, for `tokio_util::codec::Framed` and what is built on it:
//!
//! ```
//! use futures_util::{SinkExt, StreamExt};
//! use interloop::protocol::framing::Netstrings;
//! use interloop_tokio::codec::IntoTokio;
//! use tokio_util::codec::Framed;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let (near, far) = tokio::io::duplex(64);
//! let mut near = Framed::new(near, IntoTokio::<_, Vec<u8>>::new(Netstrings::new()));
//! let mut far = Framed::new(far, IntoTokio::<_, Vec<u8>>::new(Netstrings::new()));
//! near.send(&b"hello"[..]).await?;
//! assert_eq!(far.next().await.unwrap()?, b"hello");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<_, std::io::Error>(())
//! ```

use std::{error::Error, marker::PhantomData};

use bytes::{Buf, BytesMut};
use interloop::protocol::framing::{Decoded, Decoder, Encoder, MessageError};
use tokio_util::codec as theirs;

/// A codec of tokio-util's, as [`interloop`] has them.
///
/// Theirs takes its bytes from a buffer of its own, so what has come of a message is there twice until it is whole.
///
/// A codec that makes something of the end of the stream, as tokio-util's `LinesCodec` does of a last line without a line end, is not asked for
/// that: such a rest is no message here. Nor can one be told that it does not see the rest of a message that it has begun to look at, so
/// raw mode is for between messages.
#[derive(Clone, Debug, Default)]
pub struct FromTokio<C> {
    codec: C,
    /// The same bytes that were seen and not consumed.
    input: BytesMut,
    output: BytesMut,
}

impl<C> FromTokio<C> {
    /// Adapts a codec.
    pub fn new(codec: C) -> Self {
        Self {
            codec,
            input: BytesMut::new(),
            output: BytesMut::new(),
        }
    }

    /// The codec.
    pub fn get_ref(&self) -> &C {
        &self.codec
    }

    /// The codec, to be changed.
    pub fn get_mut(&mut self) -> &mut C {
        &mut self.codec
    }

    /// The codec.
    pub fn into_inner(self) -> C {
        self.codec
    }
}

impl<C> Decoder for FromTokio<C>
where
    C: theirs::Decoder,
    C::Error: Error + Send + Sync + 'static,
{
    type Frame<'a> = C::Item;
    type Error = C::Error;

    fn decode(&mut self, input: &[u8]) -> Result<Decoded<C::Item>, C::Error> {
        // What was left of the last time comes first, and is here already. Not compared: it may be long, and what follows come byte by byte.
        match input.get(self.input.len()..) {
            Some(new) => self.input.extend_from_slice(new),
            None => {
                self.input.clear();
                self.input.extend_from_slice(input);
            }
        }
        let frame = self.codec.decode(&mut self.input);
        // Theirs goes on after some errors, and has consumed what was wrong; ours is asked no more.
        let frame = frame.inspect_err(|_| self.input.clear())?;
        Ok(Decoded {
            consumed: input.len().saturating_sub(self.input.len()),
            frame,
        })
    }

    fn forget(&mut self) {
        self.input.clear();
    }
}

impl<C, M> Encoder<M> for FromTokio<C>
where
    C: theirs::Encoder<M>,
    C::Error: Error + Send + Sync + 'static,
{
    type Error = C::Error;

    fn encode(&mut self, message: M, out: &mut Vec<u8>) -> Result<(), C::Error> {
        self.output.clear();
        self.codec.encode(message, &mut self.output)?;
        out.extend_from_slice(&self.output);
        Ok(())
    }
}

/// A codec of [`interloop`]'s, as tokio-util has them. Its items are owned: `T` is what a frame is made into.
#[derive(Debug)]
pub struct IntoTokio<C, T = Vec<u8>> {
    codec: C,
    output: Vec<u8>,
    item: PhantomData<fn() -> T>,
}

impl<C, T> IntoTokio<C, T> {
    /// Adapts a codec.
    pub fn new(codec: C) -> Self {
        Self {
            codec,
            output: Vec::new(),
            item: PhantomData,
        }
    }

    /// The codec.
    pub fn get_ref(&self) -> &C {
        &self.codec
    }

    /// The codec, to be changed.
    pub fn get_mut(&mut self) -> &mut C {
        &mut self.codec
    }

    /// The codec.
    pub fn into_inner(self) -> C {
        self.codec
    }
}

impl<C: Clone, T> Clone for IntoTokio<C, T> {
    fn clone(&self) -> Self {
        Self::new(self.codec.clone())
    }
}

impl<C, T> theirs::Decoder for IntoTokio<C, T>
where
    C: Decoder,
    for<'a> C::Frame<'a>: Into<T>,
{
    type Item = T;
    type Error = MessageError<C::Error>;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<T>, Self::Error> {
        let (consumed, frame) = {
            let Decoded { consumed, frame } = self.codec.decode(input).map_err(MessageError::Codec)?;
            (consumed, frame.map(Into::into))
        };
        input.advance(consumed.min(input.len()));
        Ok(frame)
    }

    fn decode_eof(&mut self, input: &mut BytesMut) -> Result<Option<T>, Self::Error> {
        match self.decode(input)? {
            None if !input.is_empty() => Err(MessageError::Partial(input.len())),
            frame => Ok(frame),
        }
    }
}

impl<C, M, T> theirs::Encoder<M> for IntoTokio<C, T>
where
    C: Encoder<M>,
{
    type Error = MessageError<C::Error>;

    fn encode(&mut self, message: M, out: &mut BytesMut) -> Result<(), Self::Error> {
        self.output.clear();
        self.codec
            .encode(message, &mut self.output)
            .map_err(MessageError::Codec)?;
        out.extend_from_slice(&self.output);
        Ok(())
    }
}
