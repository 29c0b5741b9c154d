use super::{Decoded, Decoder, Encoder, FrameError, check};

/// Messages with their length before them, as a number in network byte order. Twisted's `Int8StringReceiver`,
/// `Int16StringReceiver` and `Int32StringReceiver`.
///
/// The limit is 99,999 bytes, or what the prefix can say if that is less, unless [`max_length`](Self::max_length) says something else.
///
/// ```
/// use interloop::protocol::framing::{Decoder, Prefix, Prefixed};
///
/// let found = Prefixed::new(Prefix::U16).decode(b"\x00\x05hello\x00")?;
/// assert_eq!(found.frame, Some(&b"hello"[..]));
/// assert_eq!(found.consumed, 7);
/// # Ok::<_, interloop::protocol::framing::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prefixed {
    prefix: Prefix,
    max_length: usize,
}

/// The number before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// One byte: messages of up to 255 bytes.
    U8,
    /// Two bytes: messages of up to 65,535 bytes.
    U16,
    /// Four bytes.
    U32,
}

impl Prefix {
    /// Its bytes.
    fn len(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 => 4,
        }
    }

    /// The greatest length that it can say.
    fn max(self) -> usize {
        match self {
            Self::U8 => u8::MAX.into(),
            Self::U16 => u16::MAX.into(),
            Self::U32 => usize::try_from(u32::MAX).unwrap_or(usize::MAX),
        }
    }
}

impl Prefixed {
    /// With a prefix of this kind.
    pub fn new(prefix: Prefix) -> Self {
        Self {
            prefix,
            max_length: prefix.max().min(99_999),
        }
    }

    /// Sets the most bytes that a message may have, without the prefix. More than the prefix can say counts as that.
    pub fn max_length(mut self, max_length: usize) -> Self {
        self.max_length = max_length.min(self.prefix.max());
        self
    }
}

impl Decoder for Prefixed {
    type Frame<'a> = &'a [u8];
    type Error = FrameError;

    fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Decoded<&'a [u8]>, FrameError> {
        let Some((prefix, rest)) = input.split_at_checked(self.prefix.len()) else {
            return Ok(Decoded::more());
        };
        let length = prefix.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        check(length, self.max_length)?;
        Ok(match rest.get(..length) {
            Some(frame) => Decoded::frame(prefix.len() + length, frame),
            None => Decoded::more(),
        })
    }
}

impl Encoder<&[u8]> for Prefixed {
    type Error = FrameError;

    fn encode(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        check(message.len(), self.max_length)?;
        let length = u64::try_from(message.len()).unwrap_or(u64::MAX).to_be_bytes();
        out.reserve(self.prefix.len() + message.len());
        out.extend_from_slice(&length[length.len() - self.prefix.len()..]);
        out.extend_from_slice(message);
        Ok(())
    }
}
