use std::{
    any::Any,
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use curl::{MultiError, easy::Easy2};
use interloop::{Aborted, AsAborted};
use rustix::io::Errno;

/// Why a transfer has failed.
///
/// [`code`](Self::code) is what libcurl calls it. The handle is inside, see [`take_easy`](Self::take_easy).
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    // Taken once. Behind a lock as handlers need not be `Sync`.
    easy: Mutex<Option<Box<dyn Any + Send>>>,
}

#[derive(Clone)]
enum Kind {
    /// A transfer that libcurl has ended, and the system's error behind that, or zero.
    Transfer(curl::Error, i32),
    Multi(MultiError),
    Aborted(Aborted),
    NoWaiting(Arc<io::Error>),
    Lookup(Arc<io::Error>),
    HandleLost,
}

impl Error {
    fn new(kind: Kind) -> Self {
        let easy = Mutex::new(None);
        Self(Box::new(Inner { kind, easy }))
    }

    pub(crate) fn transfer(error: curl::Error, errno: i32) -> Self {
        Self::new(Kind::Transfer(error, errno))
    }

    pub(crate) fn no_waiting(error: io::Error) -> Self {
        match Aborted::in_io_error(&error) {
            Some(aborted) => aborted.clone().into(),
            None => Self::new(Kind::NoWaiting(Arc::new(error))),
        }
    }

    pub(crate) fn lookup(error: io::Error) -> Self {
        match Aborted::in_io_error(&error) {
            Some(aborted) => aborted.clone().into(),
            None => Self::new(Kind::Lookup(Arc::new(error))),
        }
    }

    pub(crate) fn handle_lost() -> Self {
        Self::new(Kind::HandleLost)
    }

    /// The same for another transfer.
    pub(crate) fn again(&self) -> Self {
        Self::new(self.0.kind.clone())
    }

    pub(crate) fn with_easy<H: Send + 'static>(mut self, easy: Option<Easy2<H>>) -> Self {
        self.0.easy = Mutex::new(easy.map(|easy| Box::new(easy) as Box<dyn Any + Send>));
        self
    }

    /// Takes the handle with its handler, to look at what was received, or to use it again.
    ///
    /// `None` if it was taken, if `H` is not the type of its handler, or if there is none: libcurl did not accept it, or the
    /// transfer was cancelled.
    ///
    /// ```
    /// # let reactor = interloop_smol::global();
    /// use curl::easy::Easy2;
    /// use interloop_curl::{Collect, Curl};
    ///
    /// let mut easy = Easy2::new(Collect::new());
    /// easy.url("http://127.0.0.1:1/").unwrap(); // where nobody listens
    /// let error = Curl::new(&reactor).perform(easy).wait().unwrap_err();
    /// assert!(error.is_refused());
    /// let easy = error.take_easy::<Collect>().unwrap();
    /// assert_eq!(easy.get_ref().bytes(), b"");
    /// ```
    pub fn take_easy<H: Send + 'static>(&self) -> Option<Easy2<H>> {
        let mut easy = self.0.easy.lock().unwrap_or_else(PoisonError::into_inner);
        match easy.take()?.downcast() {
            Ok(taken) => Some(*taken),
            Err(other) => {
                *easy = Some(other);
                None
            }
        }
    }

    /// The error of libcurl, if it is one of a transfer.
    pub fn as_curl(&self) -> Option<&curl::Error> {
        match &self.0.kind {
            Kind::Transfer(error, _) => Some(error),
            _ => None,
        }
    }

    /// The number that libcurl has for the failure (`CURLcode`), if it is its own.
    pub fn code(&self) -> Option<u32> {
        self.as_curl().map(curl::Error::code)
    }

    /// The system's error behind the failure of a connection, if libcurl tells it (`CURLINFO_OS_ERRNO`).
    pub fn os_error(&self) -> Option<io::Error> {
        match &self.0.kind {
            Kind::Transfer(_, errno) if *errno != 0 => Some(io::Error::from_raw_os_error(*errno)),
            Kind::NoWaiting(error) | Kind::Lookup(error) => error.raw_os_error().map(io::Error::from_raw_os_error),
            _ => None,
        }
    }

    /// Whether a time limit passed: one of the handle's, for the connection or for the transfer, or one of the deferred's.
    pub fn is_timeout(&self) -> bool {
        self.is(curl::Error::is_operation_timedout) || self.as_aborted().is_some_and(Aborted::is_timed_out)
    }

    /// Whether there was no connection, for whatever reason but a time limit and the look-up of the name.
    pub fn is_connect(&self) -> bool {
        self.is(curl::Error::is_couldnt_connect)
    }

    /// Whether nobody listens where the connection was to go.
    pub fn is_refused(&self) -> bool {
        self.is_connect() && self.is_errno(Errno::CONNREFUSED)
    }

    /// Whether the connection was cut off by the other end.
    pub fn is_reset(&self) -> bool {
        self.is_errno(Errno::CONNRESET) || self.is_errno(Errno::PIPE)
    }

    /// Whether the other end closed the connection before all was there: without any answer, or in its middle.
    pub fn is_cut_short(&self) -> bool {
        self.is(|error| error.is_got_nothing() || error.is_partial_file())
    }

    /// Whether the name of the host, or of the proxy, has no address.
    pub fn is_resolve(&self) -> bool {
        let resolve = |error: &curl::Error| error.is_couldnt_resolve_host() || error.is_couldnt_resolve_proxy();
        self.is(resolve) || matches!(self.0.kind, Kind::Lookup(_))
    }

    /// Whether there were more redirects than the handle allows.
    pub fn is_redirect_limit(&self) -> bool {
        self.is(curl::Error::is_too_many_redirects)
    }

    /// Whether the server said that it cannot, and the handle takes that for an error (`fail_on_error`).
    pub fn is_http_status(&self) -> bool {
        self.is(curl::Error::is_http_returned_error)
    }

    /// Whether this is no URL, or of a kind that libcurl was not built for.
    pub fn is_url(&self) -> bool {
        self.is(|error| error.is_url_malformed() || error.is_unsupported_protocol())
    }

    /// Whether TLS has failed, be it the connection or the certificate.
    pub fn is_tls(&self) -> bool {
        self.is(|error| {
            error.is_ssl_connect_error()
                || error.is_peer_failed_verification()
                || error.is_ssl_cacert()
                || error.is_ssl_cacert_badfile()
                || error.is_ssl_certproblem()
                || error.is_ssl_cipher()
                || error.is_ssl_issuer_error()
        })
    }

    /// Whether the handle's own handler has ended the transfer.
    pub fn is_handler(&self) -> bool {
        self.is(|error| error.is_write_error() || error.is_read_error() || error.is_aborted_by_callback())
    }

    /// Whether the result never came, since the transfer was cancelled, the loop has shut down, or a handler panicked.
    pub fn is_aborted(&self) -> bool {
        self.as_aborted().is_some()
    }

    fn is(&self, what: impl FnOnce(&curl::Error) -> bool) -> bool {
        self.as_curl().is_some_and(what)
    }

    fn is_errno(&self, errno: Errno) -> bool {
        matches!(self.0.kind, Kind::Transfer(_, told) if told == errno.raw_os_error())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Transfer(error, errno) => f
                .debug_struct("Transfer")
                .field("error", error)
                .field("errno", errno)
                .finish(),
            Kind::Multi(error) => f.debug_tuple("Multi").field(error).finish(),
            Kind::Aborted(aborted) => f.debug_tuple("Aborted").field(aborted).finish(),
            Kind::NoWaiting(error) => f.debug_tuple("NoWaiting").field(error).finish(),
            Kind::Lookup(error) => f.debug_tuple("Lookup").field(error).finish(),
            Kind::HandleLost => f.write_str("HandleLost"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0.kind {
            Kind::Transfer(..) if self.is_refused() => "nobody listens at the address of this URL: look at its port",
            Kind::Transfer(..) if self.is_reset() => "the other end cut the connection off: try again",
            Kind::Transfer(..) if self.is_resolve() => "the host of this URL has no address: look at its name",
            Kind::Transfer(..) if self.is_redirect_limit() => {
                "there were too many redirects: allow more with `max_redirections`, or look at where they go"
            }
            Kind::Transfer(..) if self.is_timeout() => {
                "the time limit of the transfer passed: set `timeout` or `connect_timeout` to more, or try again"
            }
            Kind::Transfer(error, _) if error.is_unsupported_protocol() => {
                "libcurl was built without the protocol of this URL: for https, turn on a feature for TLS"
            }
            Kind::Transfer(..) if self.is_tls() => {
                "TLS with the server failed: look at its certificate, and at the authorities that the handle trusts"
            }
            Kind::Transfer(..) => "the transfer failed",
            Kind::Multi(_) => "libcurl cannot go on with its transfers: start them again",
            Kind::Aborted(aborted) => return write!(f, "the transfer was aborted: {aborted}"),
            Kind::NoWaiting(_) => "the loop cannot wait for libcurl's sockets: use one that waits for descriptors",
            Kind::Lookup(_) => "the address of the host cannot be looked up: look at its name",
            Kind::HandleLost => "libcurl did not give the handle back: make another one",
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            Kind::Transfer(error, _) => Some(error),
            Kind::Multi(error) => Some(error),
            // Its words are in ours.
            Kind::Aborted(_) | Kind::HandleLost => None,
            Kind::NoWaiting(error) | Kind::Lookup(error) => Some(&**error),
        }
    }
}

impl From<Aborted> for Error {
    fn from(aborted: Aborted) -> Self {
        Self::new(Kind::Aborted(aborted))
    }
}

impl AsAborted for Error {
    fn as_aborted(&self) -> Option<&Aborted> {
        match &self.0.kind {
            Kind::Aborted(aborted) => Some(aborted),
            _ => None,
        }
    }
}

/// An error of a handle's options, for functions that set some and then start a transfer.
impl From<curl::Error> for Error {
    fn from(error: curl::Error) -> Self {
        Self::transfer(error, 0)
    }
}

impl From<MultiError> for Error {
    fn from(error: MultiError) -> Self {
        Self::new(Kind::Multi(error))
    }
}

/// The kind is that of the system's error, if there is one, and [`TimedOut`](io::ErrorKind::TimedOut) for a time limit. An
/// [`Aborted`] becomes what it is by itself.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        if let Kind::Aborted(aborted) = &error.0.kind {
            return aborted.clone().into();
        }
        let kind = match error.os_error() {
            _ if error.is_timeout() => io::ErrorKind::TimedOut,
            Some(os_error) => os_error.kind(),
            None if error.is_url() => io::ErrorKind::InvalidInput,
            None if error.is_cut_short() => io::ErrorKind::UnexpectedEof,
            None => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
