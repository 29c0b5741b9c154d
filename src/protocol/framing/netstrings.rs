use std::io::Write;

use super::{Decoded, Decoder, Encoder, FrameError, check};

/// Netstrings: the length in decimal, a colon, the bytes, a comma, as in `12:hello world!,`. Twisted's `NetstringReceiver`.
///
/// The limit is 99,999 bytes unless [`max_length`](Self::max_length) says something else.
///
/// ```
/// use interloop::protocol::framing::{Decoder, Netstrings};
///
/// let found = Netstrings::new().decode(b"5:hello,2:")?;
/// assert_eq!(found.frame, Some(&b"hello"[..]));
/// assert_eq!(found.consumed, 8);
/// # Ok::<_, interloop::protocol::framing::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Netstrings {
    max_length: usize,
}

impl Netstrings {
    /// With the limit of 99,999 bytes.
    pub fn new() -> Self {
        Self { max_length: 99_999 }
    }

    /// Sets the most bytes that a message may have, without what is around it.
    pub fn max_length(mut self, max_length: usize) -> Self {
        self.max_length = max_length;
        self
    }

    /// The length, and how many bytes say it with the colon; `None` if they have not all come.
    fn length(&self, input: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
        let mut length = 0_usize;
        for (at, byte) in input.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    if at > 0 && length == 0 {
                        return Err(FrameError::Malformed("a length begins with a zero"));
                    }
                    // Before more of it is read than the limit has digits.
                    length = length.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
                    check(length, self.max_length)?;
                }
                b':' if at > 0 => return Ok(Some((length, at + 1))),
                _ => return Err(FrameError::Malformed("a length is digits, then a colon")),
            }
        }
        Ok(None)
    }
}

impl Default for Netstrings {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for Netstrings {
    type Frame<'a> = &'a [u8];
    type Error = FrameError;

    fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Decoded<&'a [u8]>, FrameError> {
        let Some((length, begin)) = self.length(input)? else {
            return Ok(Decoded::more());
        };
        match input[begin..].get(length) {
            None => Ok(Decoded::more()),
            Some(b',') => Ok(Decoded::frame(begin + length + 1, &input[begin..begin + length])),
            Some(_) => Err(FrameError::Malformed("there is no comma after the message")),
        }
    }
}

impl Encoder<&[u8]> for Netstrings {
    type Error = FrameError;

    fn encode(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        check(message.len(), self.max_length)?;
        write!(out, "{}:", message.len()).expect("memory can be written to");
        out.extend_from_slice(message);
        out.push(b',');
        Ok(())
    }
}
