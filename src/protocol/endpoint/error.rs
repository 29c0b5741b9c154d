use std::{error::Error, fmt, io};

use crate::Aborted;

/// An endpoint where nothing can listen, or to which nothing connects. Found in the [`io::Error`] of what an endpoint fails with, where
/// that says no place itself; the error has its kind.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use interloop::protocol::endpoint::{ServerEndpoint, UnixServer};
///
/// let error = UnixServer::new("/no/such/directory/socket").bind(&reactor).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// assert!(error.to_string().starts_with("cannot listen on `unix:/no/such/directory/socket`: "));
/// # });
/// ```
#[derive(Debug)]
pub struct EndpointError {
    doing: &'static str,
    endpoint: String,
    error: io::Error,
}

impl EndpointError {
    /// What the endpoint is, as text.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What went wrong.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    pub(super) fn listening(endpoint: &dyn fmt::Display, error: io::Error) -> io::Error {
        Self::wrap("listen on", endpoint, error)
    }

    pub(super) fn connecting(endpoint: &dyn fmt::Display, error: io::Error) -> io::Error {
        Self::wrap("connect to", endpoint, error)
    }

    fn wrap(doing: &'static str, endpoint: &dyn fmt::Display, error: io::Error) -> io::Error {
        // Who looks for a loop that has shut down, or a cancellation, looks there.
        let passes = Aborted::in_io_error(&error).is_some_and(|aborted| !aborted.is_timed_out());
        if passes {
            return error;
        }
        let kind = error.kind();
        let endpoint = endpoint.to_string();
        io::Error::new(kind, Self { doing, endpoint, error })
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { doing, endpoint, error } = self;
        write!(f, "cannot {doing} `{endpoint}`: {error}")
    }
}

impl Error for EndpointError {}
