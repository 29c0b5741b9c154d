//! [libcurl](https://curl.se/libcurl/) on every loop: a transfer is a [`Deferred`](interloop::Deferred).
//!
//! | noun | is |
//! |---|---|
//! | [`Curl`] | the handle on transfers that share their connections: a multi handle on a [`Reactor`](interloop::Reactor) |
//! | [`Easy2`](curl::easy::Easy2) | one transfer to be: what to fetch and how, with its handler; the crate [`curl`] has it |
//! | [`Handler`](curl::easy::Handler) | what is called with what arrives, for what is to be sent, and with the progress |
//! | [`Collect`] | the handler that keeps the body in memory |
//! | [`Error`] | why a transfer has failed; the handle is in it |
//!
//! ```
//! # use std::{io::{Read, Write}, net::TcpListener};
//! # let listener = TcpListener::bind("127.0.0.1:0").unwrap();
//! # let url = &format!("http://{}/", listener.local_addr().unwrap());
//! # std::thread::spawn(move || {
//! #     let (mut stream, _) = listener.accept().unwrap();
//! #     let _ = stream.read(&mut [0; 4096]);
//! #     stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").unwrap();
//! # });
//! use interloop_curl::{Collect, Curl, Error, curl::easy::Easy2};
//!
//! let curl = Curl::new(&interloop_smol::global());
//! let mut easy = Easy2::new(Collect::new());
//! easy.url(url)?;
//! easy.timeout(std::time::Duration::from_secs(10))?;
//!
//! let greeting = curl
//!     .perform(easy)
//!     .and_then(|mut easy| match easy.response_code() {
//!         Ok(200) => Ok(easy.get_mut().take()),
//!         Ok(_) => Ok(Vec::new()),
//!         Err(error) => Err(error.into()),
//!     });
//! assert_eq!(greeting.wait()?, b"hello");
//! # Ok::<_, Error>(())
//! ```
//!
//! Everything that one transfer does is an option of its handle: redirects (`follow_location`, off at first), time limits, uploads,
//! headers, `fail_on_error`. What concerns all of them together is in [`Options`].
//!
//! # How it is driven
//!
//! By `curl_multi_socket_action`. The loop waits for libcurl's sockets, the time that libcurl asks to be told is one [delayed call](interloop::Reactor::call_later), which nothing but libcurl itself moves or takes back. A task
//! of the reactor's drives it as long as there are transfers; without any there is neither task nor call, so that executors that
//! end with their last task do. The connections are kept by the [`Curl`] and its clones.
//!
//! # Where what runs
//!
//! - Handlers run inside of libcurl, in that task, on whichever of the loop's threads it is; one at a time, among all transfers of
//!   one [`Curl`]. So one that takes long holds the others up; what may take long belongs elsewhere, see
//!   [`Curl::perform_with_control`] for how a handler waits. Nothing is locked meanwhile: a handler may start and cancel transfers,
//!   its own included, and drop what it likes.
//! - Callbacks on deferreds run in that task, too, outside of libcurl.
//! - [`cancel`](interloop::Deferred::cancel), or dropping a [`CancelOnDrop`](interloop::CancelOnDrop), takes the transfer off libcurl
//!   on the thread that calls, at once: its connection is closed when that returns, unless it is one of HTTP/2, which other transfers
//!   may use. If libcurl is at work on another thread, or around the call, that is done as soon as it returns.
//! - A handler that panics fails all transfers that run on the same [`Curl`] with that panic, and closes their connections: what else
//!   was to be called meanwhile was not, and libcurl cannot tell what. Transfers that are started afterwards do not notice.
//! - When the loop shuts down, all transfers fail with [`Aborted::shut_down`](interloop::Aborted::shut_down), and connections are
//!   closed; so do transfers that are started later.
//!
//! # Threads
//!
//! This crate starts none. libcurl starts up to twenty for each [`Curl`] to **look up names**, when a name is to be looked up, and ends
//! them after two idle seconds, as the system has no other way to ask. Nobody waits for them: what is cancelled or dropped while
//! a name is looked up ends at once, and the thread when the system has answered. libcurl starts none for addresses, for names that
//! it has looked up within the last minute, and for those that the handle has from [`Curl::lookup`], which uses the loop's own
//! threads for blocking work. A redirect to another name is looked up by libcurl again.
//!
//! # Descriptors
//!
//! Each connection has libcurl's socket, and a [`Curl`] has five more for itself, from its first transfer on: libcurl's own, and on Linux an
//! instance of epoll, which watches all of its sockets and for which the loop waits. On other systems, the loop waits for a duplicate of each
//! socket as long as a transfer does; it is closed right before libcurl closes the socket. Where there are no descriptors left for a
//! duplicate, its socket is looked after every 10 ms until there is one.
//!
//! libcurl as `curl-sys` 0.4.91 builds it asks the system by select(2), and **fails to connect where a descriptor is 1024 or greater**. A
//! program with as many says in its environment, or the `[env]` of its `.cargo/config.toml`, `CFLAGS = "-DHAVE_POLL"`, as this repository
//! does.
//!
//! # What it is built from
//!
//! The source of libcurl and of zlib that comes with the crates `curl-sys` and `libz-sys`, whatever the system has; that takes a C
//! compiler. Out of the box there is no TLS, as it costs something: the features `ssl` (the system's OpenSSL) and `static-ssl`
//! (OpenSSL from source, with perl and make) have it. `http2` has HTTP/2, from source. All of them can be on at once.
//!
//! A handle trusts the authorities that the system trusts, where these are found in one of the usual places, as the crate `curl` has it;
//! [`cainfo`](curl::easy::Easy2::cainfo) names a file with others, and [`ssl_cainfo_blob`](curl::easy::Easy2::ssl_cainfo_blob) has them in
//! memory.
//!
//! # Unsafe code
//!
//! Three lines, in one module. The crate `curl` does not let its multi handles go from one thread to another, since their easy handles
//! could stay behind; here they go together. A descriptor that libcurl owns is lent to the system call that begins or ends watching it. And
//! one option of the multi handle has no name in the crate yet: that its end does not wait for its threads.

mod collect;
mod driver;
mod engine;
mod error;
mod handle;
mod options;
mod raw;
mod shared;
mod sockets;
mod timer;
mod transfer;

pub use curl;

pub use self::{
    collect::Collect,
    error::Error,
    handle::{Control, Curl},
    options::Options,
};

// The chapter on moving to this crate, checked as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../../migration/curl.md")]
mod migration {}
