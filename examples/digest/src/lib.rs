//! A digest service over TCP: clients stream a file, the server answers with its SHA-256.
//!
//! This is a library as its users would write one. It is written against [`interloop`] alone, and
//! its manifest names no runtime, so it runs on whichever loop its caller has. Both styles meet in it: the
//! [server] is written in `async fn`s, the [client] in callbacks.
//!
//! # Protocol
//!
//! A file is a sequence of frames: a length of four bytes, big-endian, then as many bytes, at most
//! [`MAX_FRAME`]. A frame of length zero ends the file. The server answers with one byte, zero, and the
//! digest; or with one, a length of two bytes, and a message in UTF-8, after which it closes. A
//! connection may carry any number of files, one after the other.

#![forbid(unsafe_code)]

pub mod client;
pub mod server;

pub use self::{client::digest, server::Server};

/// A SHA-256.
pub type Digest = [u8; 32];

/// The most bytes in a frame. A server refuses longer ones before it has memory for them.
pub const MAX_FRAME: usize = 256 * 1024;

/// The first byte of an answer that is a digest.
const DIGEST: u8 = 0;
/// The first byte of an answer that is a message.
const REFUSED: u8 = 1;
