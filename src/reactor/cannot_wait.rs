use std::{error::Error, fmt, io};

/// Why a loop cannot wait for a descriptor. Found in the `io::Error` of [`Reactor::register`](crate::Reactor::register), and of
/// what is built on it, such as [`Descriptor::new`](crate::net::Descriptor::new).
///
/// ```
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use std::{fs::File, io};
/// use interloop::net::{CannotWait, Descriptor};
///
/// let file = File::open("Cargo.toml")?;
/// let error = Descriptor::new(&reactor, file).unwrap_err();
/// # if cfg!(target_os = "linux") {
/// assert_eq!(error.kind(), io::ErrorKind::Unsupported);
/// let why = error.get_ref().and_then(|error| error.downcast_ref::<CannotWait>()).unwrap();
/// assert!(why.is_always_ready());
/// # }
/// # Ok::<_, io::Error>(())
/// ```
#[derive(Debug)]
pub struct CannotWait {
    kind: Kind,
    cause: io::Error,
}

#[derive(Debug)]
enum Kind {
    AlwaysReady,
    Registered,
}

impl CannotWait {
    /// Says more of the system's errors that are known, and leaves all others as they are.
    pub(super) fn explain(cause: io::Error) -> io::Error {
        let (kind, io_kind) = match cause.raw_os_error() {
            // What epoll says of a descriptor for which there is no waiting.
            Some(libc::EPERM) => (Kind::AlwaysReady, io::ErrorKind::Unsupported),
            Some(libc::EEXIST) => (Kind::Registered, io::ErrorKind::AlreadyExists),
            _ => return cause,
        };
        io::Error::new(io_kind, Self { kind, cause })
    }

    /// Whether there is nothing to wait for: regular files and directories are always ready, and block all the same.
    pub fn is_always_ready(&self) -> bool {
        matches!(self.kind, Kind::AlwaysReady)
    }

    /// Whether the loop waits for this descriptor already.
    pub fn is_registered(&self) -> bool {
        matches!(self.kind, Kind::Registered)
    }
}

impl fmt::Display for CannotWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::AlwaysReady => {
                "a loop cannot wait for this descriptor, as regular files and directories are always ready: \
                 use them in `Reactor::spawn_blocking`"
            }
            Kind::Registered => {
                "this descriptor is registered with the loop already: share the one that is, or register a duplicate"
            }
        })
    }
}

impl Error for CannotWait {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(errno: i32) -> io::Error {
        CannotWait::explain(io::Error::from_raw_os_error(errno))
    }

    #[test]
    fn errors_that_are_known_say_what_to_do() {
        let error = explained(libc::EPERM);
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(error.to_string().contains("`Reactor::spawn_blocking`"), "{error}");
        let error = explained(libc::EEXIST);
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(
            error.to_string().contains("registered with the loop already"),
            "{error}"
        );
        let cause = error.get_ref().and_then(Error::source).unwrap();
        assert_eq!(
            cause.to_string(),
            io::Error::from_raw_os_error(libc::EEXIST).to_string()
        );
    }

    #[test]
    fn other_errors_are_left_as_they_are() {
        assert_eq!(explained(libc::EMFILE).raw_os_error(), Some(libc::EMFILE));
    }
}
