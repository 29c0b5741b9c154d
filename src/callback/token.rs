//! The integer behind which a completer waits.

use std::{error::Error, ffi::c_void, fmt, ptr};

/// A place in a table of [`Tokens`](super::Tokens), and which of those that have had it: an integer for a C library to
/// carry. Never 0.
///
/// A token of any table is a `u64`, whose highest bit is never set. Where that is what a pointer has, it is a `usize` and a `void *`, too; a
/// token of a [narrow](super::Tokens::narrow) table is also a `u32`, and an `int` that is not negative.
///
/// What comes back from C is made a token without a look at it: the table says what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(u64);

impl From<u64> for Token {
    #[inline]
    fn from(bits: u64) -> Self {
        Self(bits)
    }
}

impl From<u32> for Token {
    #[inline]
    fn from(bits: u32) -> Self {
        Self(bits.into())
    }
}

/// A negative number is a token that no table gives out.
impl From<i32> for Token {
    #[inline]
    fn from(bits: i32) -> Self {
        Self(i64::from(bits) as u64)
    }
}

impl From<usize> for Token {
    #[inline]
    fn from(bits: usize) -> Self {
        Self(bits as u64)
    }
}

/// What C gave back of [`Token::to_ptr`].
impl From<*mut c_void> for Token {
    #[inline]
    fn from(pointer: *mut c_void) -> Self {
        pointer.addr().into()
    }
}

impl From<Token> for u64 {
    #[inline]
    fn from(token: Token) -> Self {
        token.0
    }
}

#[cfg(target_pointer_width = "64")]
impl From<Token> for usize {
    #[inline]
    fn from(token: Token) -> Self {
        token.0 as usize
    }
}

#[cfg(not(target_pointer_width = "64"))]
impl TryFrom<Token> for usize {
    type Error = WideToken;

    fn try_from(token: Token) -> Result<Self, WideToken> {
        token.0.try_into().map_err(|_| WideToken(token))
    }
}

impl TryFrom<Token> for u32 {
    type Error = WideToken;

    fn try_from(token: Token) -> Result<Self, WideToken> {
        token.0.try_into().map_err(|_| WideToken(token))
    }
}

impl TryFrom<Token> for i32 {
    type Error = WideToken;

    fn try_from(token: Token) -> Result<Self, WideToken> {
        token.0.try_into().map_err(|_| WideToken(token))
    }
}

#[cfg(target_pointer_width = "64")]
impl Token {
    /// As the `void *` of a library that carries nothing else. It points nowhere, so a library that calls twice, or long after, does
    /// no harm.
    #[inline]
    pub fn to_ptr(self) -> *mut c_void {
        ptr::without_provenance_mut(self.into())
    }
}

/// A token is too large for an integer: its table is not [narrow](super::Tokens::narrow), or has more than 2²⁰ waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WideToken(Token);

impl WideToken {
    /// The token, to take its completer out of the table again.
    pub fn token(&self) -> Token {
        self.0
    }
}

impl fmt::Display for WideToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the token does not fit into this integer: make the table with `Tokens::narrow`, \
             and let at most 1048576 wait at once",
        )
    }
}

impl Error for WideToken {}
