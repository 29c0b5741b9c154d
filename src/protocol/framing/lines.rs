use std::borrow::Cow;

use super::{Decoded, Decoder, Encoder, FrameError, check};

/// Lines, each with a delimiter at its end, which is not part of it. Twisted's `LineReceiver`.
///
/// The limit is 16,384 bytes unless [`max_length`](Self::max_length) says something else.
///
/// ```
/// use interloop::protocol::framing::{Decoder, Lines};
///
/// let found = Lines::crlf().decode(b"MAIL FROM:<a@example.org>\r\nRCPT")?;
/// assert_eq!(found.frame, Some(&b"MAIL FROM:<a@example.org>"[..]));
/// assert_eq!(found.consumed, 27);
/// # Ok::<_, interloop::protocol::framing::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lines {
    delimiter: Cow<'static, [u8]>,
    max_length: usize,
    /// No delimiter begins before this.
    searched: usize,
}

impl Lines {
    /// Lines that end with `\r\n`, as in most protocols of the internet.
    pub fn crlf() -> Self {
        Self::of(Cow::Borrowed(b"\r\n"))
    }

    /// Lines that end with `\n`.
    pub fn lf() -> Self {
        Self::of(Cow::Borrowed(b"\n"))
    }

    /// Lines that end with a delimiter.
    ///
    /// # Panics
    /// If it is empty.
    pub fn delimited_by(delimiter: impl Into<Vec<u8>>) -> Self {
        let delimiter = delimiter.into();
        assert!(!delimiter.is_empty(), "a delimiter has at least one byte");
        Self::of(Cow::Owned(delimiter))
    }

    fn of(delimiter: Cow<'static, [u8]>) -> Self {
        Self {
            delimiter,
            max_length: 16_384,
            searched: 0,
        }
    }

    /// Sets the most bytes that a line may have, without the delimiter.
    pub fn max_length(mut self, max_length: usize) -> Self {
        self.max_length = max_length;
        self
    }

    /// Where the first delimiter begins, at or after what was searched.
    fn find(&self, input: &[u8]) -> Option<usize> {
        let (last, before) = self.delimiter.split_last()?;
        let mut at = self.searched + before.len();
        while let Some(distance) = position(input.get(at..)?, *last) {
            at += distance;
            let begin = at - before.len();
            if input[begin..at] == *before {
                return Some(begin);
            }
            at += 1;
        }
        None
    }
}

/// Where a byte is first. Looks at eight at a time, as what is searched is all that comes.
fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let mut eights = bytes.chunks_exact(8);
    let mut at = 0;
    while let Some(Ok(eight)) = eights.next().map(<[u8; 8]>::try_from) {
        // Zero where the byte is.
        let differing = u64::from_le_bytes(eight) ^ (ONES * u64::from(wanted));
        // The lowest bit of it is right, though a higher one may belong to a byte that is 1 too large.
        let zeros = differing.wrapping_sub(ONES) & !differing & HIGHS;
        if zeros != 0 {
            return Some(at + zeros.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let found = eights.remainder().iter().position(|byte| *byte == wanted)?;
    Some(at + found)
}

impl Decoder for Lines {
    type Frame<'a> = &'a [u8];
    type Error = FrameError;

    fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Decoded<&'a [u8]>, FrameError> {
        match self.find(input) {
            Some(end) => {
                self.searched = 0;
                check(end, self.max_length)?;
                Ok(Decoded::frame(end + self.delimiter.len(), &input[..end]))
            }
            None => {
                // The beginning of a delimiter may have come.
                let unknown = self.delimiter.len() - 1;
                self.searched = 0;
                check(input.len().saturating_sub(unknown), self.max_length)?;
                self.searched = input.len().saturating_sub(unknown);
                Ok(Decoded::more())
            }
        }
    }

    fn forget(&mut self) {
        self.searched = 0;
    }
}

/// The line is not searched for delimiters.
impl Encoder<&[u8]> for Lines {
    type Error = FrameError;

    fn encode(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        check(line.len(), self.max_length)?;
        out.reserve(line.len() + self.delimiter.len());
        out.extend_from_slice(line);
        out.extend_from_slice(&self.delimiter);
        Ok(())
    }
}
