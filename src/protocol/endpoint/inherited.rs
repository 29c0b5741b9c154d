use std::{
    env, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

/// Sockets that this process was given at its start, by systemd or whoever keeps to its protocol: `LISTEN_PID`, `LISTEN_FDS` and
/// `LISTEN_FDNAMES` in the environment, and descriptors from number 3 on.
///
/// ```
/// use interloop::protocol::endpoint::{Inherited, Parser};
///
/// // What a program that was handed its sockets in another way does.
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let inherited = Inherited::from_fds([("web".to_owned(), listener.into())]);
/// let parser = Parser::new().inherited(inherited);
/// let endpoint = parser.server("systemd:domain=INET:name=web").unwrap();
/// assert_eq!(endpoint.to_string(), "systemd:domain=INET:name=web");
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(String, OwnedFd)>,
}

/// The number of the first one.
const FIRST: i32 = 3;

impl Inherited {
    /// Duplicates what the environment says was inherited; nothing, if it says nothing, or says it to another process.
    ///
    /// The descriptors themselves stay open and untouched: they are numbers without an owner that Rust would know of, and whoever
    /// else in the process reads the environment may take them. So a listener on such a socket that is stopped leaves it
    /// open, as it is with systemd anyway, and connections wait there for the next one; and children inherit the originals, but
    /// not the duplicates. Where that matters, the program takes the ownership, by whatever `unsafe` code it trusts, and hands it to
    /// [`from_fds`](Self::from_fds).
    ///
    /// # Errors
    /// If the environment says something that is no such thing, or a descriptor is not open; and [`io::ErrorKind::Unsupported`] or
    /// [`io::ErrorKind::PermissionDenied`] where the system does not let it duplicate them: this takes Linux 5.6, and a sandbox may
    /// forbid it.
    pub fn from_env() -> io::Result<Self> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> io::Result<Self> {
        let (Some(pid), Some(count)) = (variable("LISTEN_PID"), variable("LISTEN_FDS")) else {
            return Ok(Self::default());
        };
        if number("LISTEN_PID", &pid)? != std::process::id() {
            return Ok(Self::default());
        }
        let count = i32::try_from(number("LISTEN_FDS", &count)?).unwrap_or(i32::MAX);
        let names = variable("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').map(str::to_owned);
        let mut sockets = Vec::new();
        for number in FIRST..FIRST.saturating_add(count) {
            // What systemd calls one without a name.
            let name = names.next().filter(|name| !name.is_empty());
            sockets.push((name.unwrap_or_else(|| "unknown".to_owned()), duplicate(number)?));
        }
        Ok(Self { sockets })
    }

    /// What a program was handed in another way, in the order of their indices.
    pub fn from_fds(sockets: impl IntoIterator<Item = (String, OwnedFd)>) -> Self {
        Self {
            sockets: sockets.into_iter().collect(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// The one with an index, from 0 on.
    pub fn get(&self, index: usize) -> Option<BorrowedFd<'_>> {
        self.sockets.get(index).map(|(_, socket)| socket.as_fd())
    }

    /// The first one of a name.
    pub fn named(&self, name: &str) -> Option<BorrowedFd<'_>> {
        let found = self.sockets.iter().find(|(given, _)| given == name);
        found.map(|(_, socket)| socket.as_fd())
    }

    /// Their names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sockets.iter().map(|(name, _)| &**name)
    }
}

fn number(name: &str, text: &str) -> io::Result<u32> {
    text.parse().map_err(|_| {
        let why = format!("the environment's {name} is `{text}`, which is no number: correct it, or unset it");
        io::Error::new(io::ErrorKind::InvalidData, why)
    })
}

/// A duplicate of a descriptor of this process, by its number alone.
#[cfg(target_os = "linux")]
pub(super) fn duplicate(number: i32) -> io::Result<OwnedFd> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    // By way of the kernel's handle on this process, as another one would do it: nobody's ownership is taken for granted.
    let duplicated = pidfd_open(getpid(), PidfdFlags::empty())
        .and_then(|process| pidfd_getfd(process, number, PidfdGetfdFlags::empty()));
    duplicated.map_err(|error| {
        let error = io::Error::from(error);
        let why = format!("the descriptor {number} cannot be duplicated: {error}");
        io::Error::new(error.kind(), why)
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn duplicate(_: i32) -> io::Result<OwnedFd> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "inherited descriptors cannot be duplicated on this system: take them over, and use `Inherited::from_fds`",
    ))
}
