//! Sockets of one machine, by paths, and on Linux by abstract names.

mod datagram;
mod listener;
mod stream;
mod ucred;

use std::{
    future::{Future, poll_fn},
    io,
    os::{
        fd::BorrowedFd,
        unix::{ffi::OsStrExt, net::SocketAddr},
    },
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use rustix::net::{SocketAddrAny, SocketAddrUnix};
use socket2::{SockAddr, SockRef};

pub use self::{datagram::UnixDatagram, listener::UnixListener, stream::UnixStream, ucred::UCred};
use crate::Reactor;

/// Pauses that grow, where the system says "not now" and has nothing that could be waited for.
struct BackOff<'a> {
    reactor: &'a Reactor,
    pause: Duration,
}

impl<'a> BackOff<'a> {
    const LONGEST: Duration = Duration::from_millis(64);

    fn new(reactor: &'a Reactor) -> Self {
        Self {
            reactor,
            pause: Duration::from_millis(1),
        }
    }

    async fn wait(&mut self) -> io::Result<()> {
        self.wait_or(|_| Poll::Pending).await
    }

    /// Waits for the end of a pause, or for something else, whichever is first.
    async fn wait_or(&mut self, mut other: impl FnMut(&mut Context<'_>) -> Poll<io::Result<()>>) -> io::Result<()> {
        let mut sleep = self.reactor.sleep(self.pause);
        self.pause = (self.pause * 2).min(Self::LONGEST);
        poll_fn(|cx| match other(cx) {
            Poll::Pending => Pin::new(&mut sleep).poll(cx).map_err(io::Error::from),
            ready => ready,
        })
        .await
    }
}

/// The address of a path, as a user gives it.
fn at_path(path: &Path) -> io::Result<SocketAddr> {
    if path.as_os_str().is_empty() {
        return Err(no_name());
    }
    SocketAddr::from_pathname(path)
}

/// An address as the system takes it.
fn to_system(addr: &SocketAddr) -> io::Result<SocketAddrUnix> {
    if let Some(path) = addr.as_pathname() {
        return Ok(SocketAddrUnix::new(path)?);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = abstract_name(addr) {
        return Ok(SocketAddrUnix::new_abstract_name(name)?);
    }
    Err(no_name())
}

fn no_name() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the address of a Unix socket has no name: give a path",
    )
}

#[cfg(target_os = "linux")]
fn abstract_name(addr: &SocketAddr) -> Option<&[u8]> {
    std::os::linux::net::SocketAddrExt::as_abstract_name(addr)
}

#[cfg(target_os = "android")]
fn abstract_name(addr: &SocketAddr) -> Option<&[u8]> {
    std::os::android::net::SocketAddrExt::as_abstract_name(addr)
}

fn with_abstract_name(name: &[u8]) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    return <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    #[cfg(target_os = "android")]
    return <SocketAddr as std::os::android::net::SocketAddrExt>::from_abstract_name(name);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = name;
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// The address that a socket has who has none.
fn unnamed() -> io::Result<SocketAddr> {
    SocketAddr::from_pathname("")
}

/// The sender's address of a datagram. The system gives none for a socket that is not bound.
fn from_sender(addr: Option<SocketAddrAny>) -> io::Result<SocketAddr> {
    let Some(addr) = addr else { return unnamed() };
    let addr = SocketAddrUnix::try_from(addr)?;
    if let Some(path) = addr.path_bytes() {
        // With a path that leaves room for nothing else the zero at its end comes along.
        let path = path.strip_suffix(&[0]).unwrap_or(path);
        return SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path));
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = addr.abstract_name() {
        return with_abstract_name(name);
    }
    unnamed()
}

fn from_socket(addr: &SockAddr) -> io::Result<SocketAddr> {
    match (addr.as_pathname(), addr.as_abstract_namespace()) {
        (Some(path), _) => SocketAddr::from_pathname(path),
        (None, Some(name)) => with_abstract_name(name),
        (None, None) => unnamed(),
    }
}

fn local_addr(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    from_socket(&SockRef::from(&fd).local_addr()?)
}

fn peer_addr(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    from_socket(&SockRef::from(&fd).peer_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_without_a_name_has_an_address_that_says_so() {
        assert!(unnamed().unwrap().is_unnamed());
        assert_eq!(
            to_system(&unnamed().unwrap()).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert_eq!(at_path(Path::new("")).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
