//! The ends of a child's pipes.

use crate::net::{PipeReader, PipeWriter};

/// The writing end of the pipe that is a child's standard input.
///
/// The child reads its end when this is closed (`AsyncWriteExt::close`) or dropped. Writing to a child that has closed its side fails
/// with [`BrokenPipe`](std::io::ErrorKind::BrokenPipe); so does writing after `close`. Made into a [`Stdio`](super::Stdio), it is
/// another child's output.
pub type ChildStdin = PipeWriter;

/// The reading end of the pipe that is a child's standard output.
///
/// It is at its end when the child, and everybody else who has inherited the pipe from it, has closed it. Made into a
/// [`Stdio`](super::Stdio), it is another child's input.
pub type ChildStdout = PipeReader;

/// The reading end of the pipe that is a child's standard error. Otherwise as [`ChildStdout`].
pub type ChildStderr = PipeReader;
