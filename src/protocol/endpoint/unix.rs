use std::{
    fmt, fs, io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::{SocketAddr, UnixListener as StdListener},
    },
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use socket2::{Domain, SockAddr, Socket, Type};

use super::{
    ClientEndpoint, EndpointError, Listening, ServerEndpoint,
    description::Writer,
    lock::Lock,
    tcp::{BACKLOG, TIMEOUT},
};
use crate::{
    Deferred, Reactor,
    net::{Incoming, UnixListener, UnixStream},
    protocol::Channel,
};

/// As Twisted's: whoever may enter the directory may connect.
const MODE: u32 = 0o666;

/// A server on a Unix socket. As text: `unix:/run/x:mode=660`.
///
/// # What is at the path already
///
/// A server that was killed leaves its socket behind. So that the next one can tell that from one somebody listens on, and two that
/// start at once do not take it from each other, a server holds a lock on a file beside the socket, `/run/x.lock`, as Twisted's does: here
/// the system's own lock (`flock`), which ends with the process, however it ends. Who has it removes a socket on which nobody
/// listens. What is no socket is never removed. Where a server of Twisted has left its own kind of lock, a link, that is an
/// error.
///
/// The socket is removed when listening ends; the file of the lock stays. [`lockfile(false)`](Self::lockfile) goes without a lock,
/// and anything at the path is an error then.
///
/// A name that begins with a zero byte is an abstract one, on Linux; it has neither file nor lock nor mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixServer {
    path: PathBuf,
    mode: u32,
    backlog: Option<u32>,
    lockfile: bool,
}

impl UnixServer {
    /// At a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            mode: MODE,
            backlog: None,
            lockfile: true,
        }
    }

    /// Who may connect: the permissions of the socket, from before anybody can connect. `0o666` unless this is set, as in
    /// Twisted; the directory says who comes that far.
    #[must_use = "it gives the endpoint back"]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode & 0o7777;
        self
    }

    /// How many connections may wait to be accepted: 1,024 unless this is set, and no more than the system has it.
    #[must_use = "it gives the endpoint back"]
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = Some(backlog);
        self
    }

    /// Whether it takes a lock, and removes a socket that was left behind. See [above](Self). It does unless this says otherwise.
    #[must_use = "it gives the endpoint back"]
    pub fn lockfile(mut self, lockfile: bool) -> Self {
        self.lockfile = lockfile;
        self
    }

    fn try_bind(&self, reactor: &Reactor) -> io::Result<Listening> {
        let addr = SockAddr::unix(&self.path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        let mut file = None;
        if !is_abstract(&self.path) {
            let lock = match self.lockfile {
                true => Some(Lock::take(&self.path)?),
                false => None,
            };
            if lock.is_some() {
                remove_stale(&self.path, &addr)?;
            }
            socket.bind(&addr)?;
            file = Some(SocketFile {
                path: self.path.clone(),
                identity: identity(&self.path)?,
                _lock: lock,
            });
            fs::set_permissions(&self.path, fs::Permissions::from_mode(self.mode))?;
        } else {
            socket.bind(&addr)?;
        }
        let backlog = self.backlog.unwrap_or(BACKLOG);
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        let listener = UnixListener::from_std(reactor, StdListener::from(socket))?;
        let address = listener.local_addr()?;
        let accepting = Accepting {
            incoming: listener.into_incoming(),
            _file: file,
        };
        Ok(Listening::new(accepting, Some(address.into())))
    }
}

impl ServerEndpoint for UnixServer {
    fn bind(&self, reactor: &Reactor) -> Deferred<Listening, io::Error> {
        let bound = self.try_bind(reactor);
        Deferred::settled(bound.map_err(|error| EndpointError::listening(self, error)))
    }
}

/// As text that parses back, if the path is text.
impl fmt::Display for UnixServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Writer::new(f, "unix")?
            .positional(self.path.display())?
            .unless("mode", format_args!("{:o}", self.mode), "666")?
            .some("backlog", self.backlog)?
            .unless("lockfile", u8::from(self.lockfile), "1")?
            .end()
    }
}

/// A client on a Unix socket. As text: `unix:path=/run/x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixClient {
    path: PathBuf,
    timeout: Duration,
}

impl UnixClient {
    /// To a path; one that begins with a zero byte is an abstract name, on Linux. The server has 30 seconds to accept.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            timeout: TIMEOUT,
        }
    }

    /// How long the server has to accept.
    #[must_use = "it gives the endpoint back"]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl ClientEndpoint for UnixClient {
    fn open(&self, reactor: &Reactor) -> Deferred<Box<dyn Channel>, io::Error> {
        let (this, tasks) = (self.clone(), reactor.clone());
        reactor.spawn(async move {
            let connect = async { UnixStream::connect_addr(&tasks, &address(&this.path)?).await };
            match tasks.timeout(this.timeout, connect).await {
                Ok(stream) => Ok(Box::new(stream) as _),
                Err(error) => Err(EndpointError::connecting(&this, error)),
            }
        })
    }
}

/// As text that parses back, if the path is text.
impl fmt::Display for UnixClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Writer::new(f, "unix")?
            .named("path", self.path.display())?
            .timeout(self.timeout)?
            .end()
    }
}

fn is_abstract(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().first() == Some(&0)
}

fn address(path: &Path) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.as_os_str().as_encoded_bytes().strip_prefix(b"\0") {
        return <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    }
    SocketAddr::from_pathname(path)
}

/// Removes a socket on which nobody listens.
fn remove_stale(path: &Path, addr: &SockAddr) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            let why = "what is there is no socket: remove it, or listen somewhere else";
            return Err(io::Error::new(io::ErrorKind::AddrInUse, why));
        }
        Ok(_) => {}
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // One whose connections wait in vain to be accepted is listening, too.
    probe.set_nonblocking(true)?;
    match probe.connect(addr) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// The connections, and the file that goes when nobody accepts them any more.
struct Accepting {
    // Dropped first.
    incoming: Incoming<UnixListener>,
    _file: Option<SocketFile>,
}

impl Stream for Accepting {
    type Item = io::Result<(UnixStream, SocketAddr)>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.incoming).poll_next(cx)
    }
}

/// A socket at a path, which is removed before its lock is.
struct SocketFile {
    path: PathBuf,
    /// By which it is told from another one that somebody has put there since.
    identity: (u64, u64),
    _lock: Option<Lock>,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let removed = match identity(&self.path) {
            Ok(identity) if identity == self.identity => fs::remove_file(&self.path),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            log::debug!("the socket at {} cannot be removed: {error}", self.path.display());
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}
