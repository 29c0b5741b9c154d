//! What the library does, in async Rust that names no runtime.

use std::{
    error::Error,
    ffi::{c_char, c_int},
    fmt, io,
    num::NonZero,
};

use futures_util::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use interloop::{Aborted, AsAborted, Reactor, net::TcpStream};

/// The most bytes in a line, as the header has it.
pub const LONGEST: usize = 255;

/// A line, as the header has it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Line {
    text: [c_char; LONGEST + 1],
    length: usize,
    peer: [c_char; 64],
}

/// Connects to a host, and reads a line.
///
/// # Errors
/// If the host cannot be connected to, or gives no line.
pub async fn line(reactor: Reactor, host: String, port: u16) -> io::Result<Line> {
    let stream = TcpStream::connect_host(&reactor, (host.as_str(), port)).await?;
    let peer = stream.peer_addr()?.to_string();
    let mut text = Vec::new();
    let limit = LONGEST as u64 + 1;
    BufReader::new(stream.take(limit)).read_until(b'\n', &mut text).await?;
    if text.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, NoLine));
    }
    Ok(Line {
        text: c_text(&text),
        length: text.len(),
        peer: c_text(peer.as_bytes()),
    })
}

/// What fits, and a zero.
fn c_text<const N: usize>(text: &[u8]) -> [c_char; N] {
    let mut chars = [0; N];
    for (char, byte) in chars[..N - 1].iter_mut().zip(text) {
        *char = *byte as c_char;
    }
    chars
}

#[derive(Debug)]
struct NoLine;

impl fmt::Display for NoLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server has sent no line, or one that is too long")
    }
}

impl Error for NoLine {}

/// The status of an error, as the header has it.
pub fn status(error: &io::Error) -> NonZero<c_int> {
    let status = match (error.as_aborted(), error.kind()) {
        (Some(aborted), _) if aborted.is_cancelled() => 1,
        (Some(aborted), _) if aborted.is_shut_down() => 2,
        (Some(aborted), _) if Aborted::is_panicked(aborted) => 3,
        (_, io::ErrorKind::ConnectionRefused) => 4,
        (_, io::ErrorKind::InvalidData) => 5,
        _ => 6,
    };
    NonZero::new(status).expect("none of them is zero")
}
