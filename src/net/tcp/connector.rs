use std::{error::Error, fmt, io, net::SocketAddr, time::Duration};

use super::{TcpStream, race::Race};
use crate::{
    Aborted, AsAborted, Reactor,
    net::{HostPort, lookup::LookupError, lookup_host},
    time::after,
};

/// Connects to whichever of several addresses answers first, as RFC 8305 ("Happy Eyeballs") says.
///
/// The addresses are tried in their order, except that IPv6 and IPv4 take turns. The next attempt begins when one has failed,
/// or after 250 ms in which none has ended; those before go on. The first that connects wins, and the others are given
/// up.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use std::time::Duration;
/// use interloop::net::{Connector, TcpListener};
///
/// let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse().unwrap())?;
/// let port = listener.local_addr()?.port();
///
/// let connector = Connector::new().limit(Duration::from_secs(10));
/// let stream = connector.connect(&reactor, ("localhost", port)).await?;
/// assert_eq!(stream.peer_addr()?.port(), port);
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Connector {
    attempt_delay: Duration,
    limit: Option<Duration>,
}

impl Connector {
    /// As RFC 8305 recommends, without a time limit beside those of the system.
    pub fn new() -> Self {
        Self {
            attempt_delay: Duration::from_millis(250),
            limit: None,
        }
    }

    /// Gives up when so much time has passed, that for the look-up of the name included. The error is of the kind
    /// [`io::ErrorKind::TimedOut`].
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// How long an attempt has for itself before the next one begins beside it. 250 ms unless it is set; the RFC
    /// allows 10 ms to 2 s. With zero, all begin at once.
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = delay;
        self
    }

    /// Looks a name up and connects to one of its addresses.
    ///
    /// # Errors
    /// A [`ConnectError`] in the [`io::Error`], which has the error of each address; what the look-up failed with, see
    /// [`lookup_host`]; and if the loop has shut down.
    ///
    /// # Cancel safety
    /// Dropped, all attempts are given up. A look-up that runs already runs on, and its result is dropped.
    pub async fn connect(&self, reactor: &Reactor, host: impl Into<HostPort>) -> io::Result<TcpStream> {
        let host = host.into();
        let deadline = self.limit.map(|limit| after(reactor.now(), limit));
        let looked_up = lookup_host(reactor, host.clone()).cancel_on_drop();
        let addrs = match deadline {
            Some(deadline) => match reactor.timeout_at(deadline, looked_up).await {
                Err(error) if error.as_aborted().is_some_and(Aborted::is_timed_out) => {
                    Err(LookupError::wrap(host, error))
                }
                result => result,
            },
            None => looked_up.await,
        }?;
        let limit = deadline.map(|deadline| reactor.sleep_until(deadline));
        Race::new(reactor, self.attempt_delay, limit, addrs).await
    }

    /// Connects to one of several addresses.
    ///
    /// # Errors
    /// A [`ConnectError`] in the [`io::Error`], which has the error of each address; and if the loop has shut down.
    /// [`io::ErrorKind::InvalidInput`] if there is no address.
    ///
    /// # Cancel safety
    /// Dropped, all attempts are given up.
    pub async fn connect_any(
        &self,
        reactor: &Reactor,
        addrs: impl IntoIterator<Item = SocketAddr>,
    ) -> io::Result<TcpStream> {
        let addrs = addrs.into_iter().collect();
        let limit = self.limit.map(|limit| reactor.sleep(limit));
        Race::new(reactor, self.attempt_delay, limit, addrs).await
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

/// None of several addresses could be connected to. Found in the [`io::Error`] of a [`Connector`].
///
/// The kind of that error is that of the first that failed, or [`TimedOut`](io::ErrorKind::TimedOut) if the limit has
/// passed.
///
/// ```
/// # async fn example(reactor: interloop::Reactor) {
/// use interloop::net::{ConnectError, TcpStream};
///
/// let error = TcpStream::connect_host(&reactor, "localhost:9").await.unwrap_err();
/// // "cannot connect to [::1]:9 (Connection refused), 127.0.0.1:9 (Connection refused)"
/// println!("{error}");
/// let error = error.get_ref().and_then(|inner| inner.downcast_ref::<ConnectError>());
/// for (addr, error) in error.unwrap().failures() {
///     println!("{addr}: {error}");
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct ConnectError {
    failures: Vec<(SocketAddr, io::Error)>,
    unanswered: Vec<SocketAddr>,
}

impl ConnectError {
    pub(super) fn all_failed(failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
        let kinds = failures.first().map(|(_, error)| error.kind());
        let kind = kinds.unwrap_or(io::ErrorKind::InvalidInput);
        let unanswered = Vec::new();
        io::Error::new(kind, Self { failures, unanswered })
    }

    pub(super) fn timed_out(failures: Vec<(SocketAddr, io::Error)>, unanswered: Vec<SocketAddr>) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, Self { failures, unanswered })
    }

    /// The addresses that have failed, with their errors, in the order in which they failed.
    pub fn failures(&self) -> impl Iterator<Item = (SocketAddr, &io::Error)> {
        self.failures.iter().map(|(addr, error)| (*addr, error))
    }

    /// The addresses that had not answered when the limit had passed, or were not tried yet.
    pub fn unanswered(&self) -> impl Iterator<Item = SocketAddr> {
        self.unanswered.iter().copied()
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.failures.is_empty() && self.unanswered.is_empty() {
            return f.write_str("there is no address to connect to");
        }
        let mut before = "cannot connect to ";
        for (addr, error) in &self.failures {
            write!(f, "{before}{addr} ({error})")?;
            before = ", ";
        }
        for addr in &self.unanswered {
            write!(f, "{before}{addr} (no answer in time)")?;
            before = ", ";
        }
        Ok(())
    }
}

impl Error for ConnectError {}
