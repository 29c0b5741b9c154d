//! The lock beside a Unix socket.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// Held until it is dropped, or the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        let mut name = OsString::from(path);
        name.push(".lock");
        let mut options = OpenOptions::new();
        // Twisted's lock is a link whose target is the number of a process, where nothing must be made.
        options
            .write(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW);
        let file = options.open(&name).map_err(|error| match error.raw_os_error() {
            Some(libc::ELOOP) => in_use(
                "a server of Twisted holds the lock beside it, or has left it behind: stop that server, or remove the link",
            ),
            _ => error,
        })?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { file }),
            Err(Errno::WOULDBLOCK) => Err(in_use("another server holds the lock beside it: stop that one first")),
            Err(error) => Err(error.into()),
        }
    }
}

/// Given back, not just closed: a child that is being started has a copy of the descriptor for a moment, and would hold it.
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn in_use(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, why)
}
