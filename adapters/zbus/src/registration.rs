use std::{
    io,
    task::{Context, Poll},
};

use interloop::{Reactor, net::Descriptor};
use zbus::runtime::{Interest, IoSource, traits::PollIo};

/// A socket or a pipe of zbus', in a loop. The loop waits on a duplicate, which goes before the original is released.
///
/// ```
/// use std::{future::poll_fn, io::Write, os::fd::OwnedFd, os::unix::net::UnixStream};
/// use interloop_zbus::runtime;
/// use zbus::runtime::{Interest, IoSource, traits::{PollIo, Runtime}};
///
/// interloop_smol::block_on(async |reactor| {
///     let (here, mut there) = UnixStream::pair()?;
///     let reading = here.try_clone()?;
///     let registration = runtime(&reactor).register_io_source(IoSource::from(OwnedFd::from(here)))?;
///     there.write_all(b"a")?;
///     let mut byte = [0];
///     let read = poll_fn(|cx| registration.poll_io(cx, Interest::Readable, || (&reading).read(&mut byte)));
///     assert_eq!(read.await?, 1);
///     Ok::<_, std::io::Error>(())
/// })??;
/// # use std::io::Read;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Registration {
    // It drops its duplicate first, then what it was made of.
    descriptor: Descriptor<IoSource>,
}

impl Registration {
    pub(crate) fn new(reactor: &Reactor, source: IoSource) -> io::Result<Self> {
        Ok(Self {
            descriptor: Descriptor::new(reactor, source)?,
        })
    }
}

impl PollIo for Registration {
    fn poll_io<T>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut operation: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match interest {
            Interest::Readable => self.descriptor.poll_read_with(cx, |_| operation()),
            Interest::Writable => self.descriptor.poll_write_with(cx, |_| operation()),
            // zbus may come to have more.
            _ => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        }
    }
}
