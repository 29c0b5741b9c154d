//! Pipes, with a name and without.

mod reader;
mod writer;

use std::{
    fs::OpenOptions,
    io,
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::Path,
};

use rustix::fs::{FileType, OFlags};

pub use self::{reader::PipeReader, writer::PipeWriter};
use crate::Reactor;

/// Makes a pipe without a name.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
///
/// let (mut reader, mut writer) = interloop::net::pipe(&reactor)?;
/// writer.write_all(b"ping").await?;
/// writer.close().await?;
/// let mut received = Vec::new();
/// reader.read_to_end(&mut received).await?;
/// assert_eq!(received, b"ping");
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// If no descriptors are left, or the loop has shut down.
pub fn pipe(reactor: &Reactor) -> io::Result<(PipeReader, PipeWriter)> {
    #[cfg(not(target_vendor = "apple"))]
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    #[cfg(target_vendor = "apple")]
    let (reader, writer) = {
        let (reader, writer) = rustix::pipe::pipe()?;
        for end in [&reader, &writer] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
        }
        (reader, writer)
    };
    Ok((
        PipeReader::registered(reactor, reader)?,
        PipeWriter::registered(reactor, writer)?,
    ))
}

/// Opens without waiting for somebody at the other end.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<OwnedFd> {
    let file = options.custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)?;
    a_pipe(file.into())
}

fn a_pipe(fd: OwnedFd) -> io::Result<OwnedFd> {
    match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
        FileType::Fifo => Ok(fd),
        _ => Err(unfit(
            "this is no pipe, use a `Descriptor`, or `spawn_blocking` for a file",
        )),
    }
}

/// Makes sure that what was made elsewhere is a pipe, and open for what is to be done with it.
fn checked(fd: OwnedFd, mode: OFlags) -> io::Result<OwnedFd> {
    let fd = a_pipe(fd)?;
    match rustix::fs::fcntl_getfl(&fd)? & OFlags::RWMODE {
        has if has == mode || has == OFlags::RDWR => Ok(fd),
        _ => Err(unfit(
            "this is the other end of the pipe, open it for the other direction",
        )),
    }
}

fn unfit(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
