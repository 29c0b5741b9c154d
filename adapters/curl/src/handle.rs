//! The handle that users hold.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Weak},
};

use curl::easy::{Easy2, Handler, List};
use interloop::{CancelOnDrop, Completer, Deferred, Reactor, net};

use crate::{Collect, Error, Options, shared::Shared, transfer::Transfer};

/// Transfers of libcurl on a loop: the handle on a multi handle, cheap to clone, that any thread may use.
///
/// Clones share its connections, which are kept for transfers to come, and its limits. Dropping it ends no transfer; when the
/// last one is gone, and the last transfer has ended, its connections are closed.
///
/// See [the crate's documentation](crate) for what runs where.
#[derive(Clone)]
pub struct Curl {
    shared: Arc<Shared>,
}

impl Curl {
    /// Makes one on a reactor, without limits.
    pub fn new(reactor: &Reactor) -> Self {
        Self::options().on(reactor)
    }

    /// Limits for one that is to be made.
    pub fn options() -> Options {
        Options::default()
    }

    pub(crate) fn with(reactor: &Reactor, options: Options) -> Self {
        Self {
            shared: Shared::new(reactor, options),
        }
    }

    /// The reactor that it is on.
    pub fn reactor(&self) -> &Reactor {
        self.shared.reactor()
    }

    /// Starts a transfer as its handle says. The handle comes back with the handler, and with what libcurl tells of the transfer:
    /// its status, its times, where redirects have led. It may be used again, and goes on with its options.
    ///
    /// The transfer goes on by itself. Cancelling the deferred, or a chain on it, takes the transfer off libcurl and closes its
    /// connection (of HTTP/2, its stream), at once: inside of `cancel`, unless libcurl is at work on another thread, or around this call; then as soon
    /// as it returns. The handle is dropped then. Dropping the deferred detaches it, as any; for a future that
    /// cancels when it is dropped there is [`transfer`](Self::transfer).
    ///
    /// ```
    /// # let reactor = interloop_smol::global();
    /// # let url = "http://127.0.0.1:1/";
    /// use curl::easy::Easy2;
    /// use interloop_curl::{Collect, Curl, Error};
    ///
    /// let curl = Curl::new(&reactor);
    /// let mut easy = Easy2::new(Collect::new());
    /// easy.url(url)?;
    /// let length = curl
    ///     .perform(easy)
    ///     .map_ok(|easy| easy.get_ref().bytes().len())
    ///     .or_else(|error| if error.is_refused() { Ok(0) } else { Err(error) });
    /// assert_eq!(length.wait()?, 0);
    /// # Ok::<_, Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of libcurl, each with the handle; and an [`Aborted`](interloop::Aborted) if the transfer was cancelled, the loop has
    /// shut down, or a handler panicked.
    #[track_caller]
    pub fn perform<H: Handler + Send + 'static>(&self, easy: Easy2<H>) -> Deferred<Easy2<H>, Error> {
        let id = self.shared.next_id();
        let (completer, deferred) = self.pair(id);
        self.start(id, easy, completer);
        deferred
    }

    /// Like [`perform`](Self::perform), for async code: a future that takes the transfer off libcurl when it is dropped.
    ///
    /// # Cancel safety
    /// What was received is gone with the handle.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn transfer<H: Handler + Send + 'static>(&self, easy: Easy2<H>) -> CancelOnDrop<Easy2<H>, Error> {
        self.perform(easy).cancel_on_drop()
    }

    /// Like [`perform`](Self::perform), for a handler that pauses: [`Control::resume`] lets it go on.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn perform_with_control<H: Handler + Send + 'static>(
        &self,
        easy: Easy2<H>,
    ) -> (Control, Deferred<Easy2<H>, Error>) {
        let id = self.shared.next_id();
        let (completer, deferred) = self.pair(id);
        self.start(id, easy, completer);
        let shared = Arc::downgrade(&self.shared);
        (Control { shared, id }, deferred)
    }

    /// Fetches what is at a URL, with redirects followed, and all of it in memory: for small things from those who are trusted to
    /// send no others. The answer's status is `easy.response_code()`, its body `easy.get_ref().bytes()`.
    ///
    /// # Errors
    /// As [`perform`](Self::perform). A status that tells of a failure is none.
    #[track_caller]
    pub fn get(&self, url: &str) -> Deferred<Easy2<Collect>, Error> {
        let mut easy = Easy2::new(Collect::new());
        match easy.url(url).and_then(|()| easy.follow_location(true)) {
            Ok(()) => self.perform(easy),
            Err(error) => Deferred::failed(error.into()),
        }
    }

    /// Looks the addresses of a host up on the loop's own threads for blocking work, as what [`Easy2::resolve`] takes. libcurl
    /// starts no thread for that host and port then, see [the crate's documentation](crate#threads).
    ///
    /// ```
    /// # let reactor = interloop_smol::global();
    /// use curl::easy::Easy2;
    /// use interloop_curl::{Collect, Curl, Error};
    ///
    /// # smol::block_on(async {
    /// let curl = Curl::new(&reactor);
    /// let mut easy = Easy2::new(Collect::new());
    /// easy.url("http://localhost:1/")?;
    /// easy.resolve(curl.lookup("localhost", 1).await?)?;
    /// assert!(curl.transfer(easy).await.unwrap_err().is_refused());
    /// # Ok::<_, Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If there are none, or the loop has shut down.
    #[track_caller]
    pub fn lookup(&self, host: &str, port: u16) -> Deferred<List, Error> {
        let host = host.to_owned();
        net::lookup_host(self.reactor(), (host.as_str(), port))
            .map_err(Error::lookup)
            .and_then(move |addrs: Vec<SocketAddr>| {
                let mut list = List::new();
                list.append(&entry(&host, port, &addrs))?;
                Ok::<_, Error>(list)
            })
    }

    #[track_caller]
    fn pair<H: Handler + Send + 'static>(&self, id: usize) -> (Completer<Easy2<H>, Error>, Deferred<Easy2<H>, Error>) {
        let shared = Arc::downgrade(&self.shared);
        Deferred::with_canceller(move |_| {
            if let Some(shared) = shared.upgrade() {
                shared.cancel(id);
            }
        })
    }

    fn start<H: Handler + Send + 'static>(&self, id: usize, easy: Easy2<H>, completer: Completer<Easy2<H>, Error>) {
        self.shared.start(id, Box::new(Transfer { easy, completer }));
    }
}

/// As libcurl takes it: `host:port:address,address`.
fn entry(host: &str, port: u16, addrs: &[SocketAddr]) -> String {
    let addrs: Vec<String> = addrs.iter().map(|addr| addr.ip().to_string()).collect();
    format!("{host}:{port}:{}", addrs.join(","))
}

impl fmt::Debug for Curl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Curl")
            .field("reactor", self.reactor())
            .finish_non_exhaustive()
    }
}

/// Lets a transfer go on that its handler has paused, from any thread. Made by [`Curl::perform_with_control`].
///
/// A handler pauses by returning [`WriteError::Pause`](curl::easy::WriteError::Pause), or
/// [`ReadError::Pause`](curl::easy::ReadError::Pause): that is how a body that nobody takes in time is held back at the
/// server. It keeps neither the transfer nor the [`Curl`] alive.
#[derive(Clone)]
pub struct Control {
    shared: Weak<Shared>,
    id: usize,
}

impl Control {
    /// Lets it go on in both directions: the handler is asked again, on the loop. Does nothing if it is not paused or has ended.
    ///
    /// Called while the handler is running, on its way to pausing, it takes effect after that: no resuming is lost.
    pub fn resume(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.resume(self.id);
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("id", &self.id).finish_non_exhaustive()
    }
}
