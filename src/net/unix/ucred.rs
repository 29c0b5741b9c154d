use std::{io, os::fd::BorrowedFd};

/// Whose process is at the other end of a connection, as the system noted it when the connection was made. Given by
/// [`UnixStream::peer_cred`](super::UnixStream::peer_cred).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UCred {
    uid: u32,
    gid: u32,
    pid: Option<i32>,
}

impl UCred {
    /// The number of the user, the effective one.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The number of the group, the effective one.
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// The number of the process; `None` where the system does not tell it, and for a process that has no number
    /// here (one of another PID namespace).
    ///
    /// That process may be gone, and the number another's.
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }

    // rustix would give this as well, but with a type for the number of a process in which 0 has no place.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn of_peer(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let peer = nix::sys::socket::getsockopt(&fd, nix::sys::socket::sockopt::PeerCredentials)?;
        Ok(Self {
            uid: peer.uid(),
            gid: peer.gid(),
            pid: (peer.pid() != 0).then(|| peer.pid()),
        })
    }

    #[cfg(any(
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd"
    ))]
    pub(super) fn of_peer(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let (uid, gid) = nix::unistd::getpeereid(fd)?;
        Ok(Self {
            uid: uid.as_raw(),
            gid: gid.as_raw(),
            pid: None,
        })
    }

    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd"
    )))]
    pub(super) fn of_peer(_: BorrowedFd<'_>) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
