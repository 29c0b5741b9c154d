//! Endpoints: where connections come from and go to, the text for it, and how a client comes back.

mod backing_off;
mod inherited;
mod parsing;
mod proxied;
mod service;
mod splitting;
mod stdio;
mod twisted;
mod unix;
mod upgrading;

use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use interloop::{
    Clock, Deferred, Reactor,
    net::memory::{self, MemoryStream},
    protocol::{Channel, Protocol, Transport, endpoint::ClientEndpoint},
};

/// Sends back what comes, in capitals.
struct Shout;

impl Protocol for Shout {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(&data.to_ascii_uppercase());
    }
}

/// Passes seconds, one by one, so that what happens in between happens at its time.
fn pass(clock: &Clock, seconds: u64) {
    for _ in 0..seconds {
        clock.advance(Duration::from_secs(1));
    }
}

/// A client whose attempts fail as a test says, and connect after that; and what came of it.
#[derive(Clone)]
struct Scripted {
    start: Instant,
    failures: Arc<Mutex<VecDeque<io::ErrorKind>>>,
    attempts: Arc<Mutex<Vec<Duration>>>,
    servers: Arc<Mutex<Vec<MemoryStream>>>,
}

impl Scripted {
    fn new(clock: &Clock, failures: impl IntoIterator<Item = io::ErrorKind>) -> Self {
        Self {
            start: clock.now(),
            failures: Arc::new(Mutex::new(failures.into_iter().collect())),
            attempts: Arc::default(),
            servers: Arc::default(),
        }
    }

    /// When attempts were made, in seconds.
    fn attempts(&self) -> Vec<f64> {
        let attempts = self.attempts.lock().unwrap();
        attempts.iter().map(Duration::as_secs_f64).collect()
    }

    /// The other end of the latest connection.
    fn server(&self) -> MemoryStream {
        self.servers.lock().unwrap().pop().expect("a connection")
    }
}

impl ClientEndpoint for Scripted {
    fn open(&self, reactor: &Reactor) -> Deferred<Box<dyn Channel>, io::Error> {
        self.attempts.lock().unwrap().push(reactor.now() - self.start);
        if let Some(failure) = self.failures.lock().unwrap().pop_front() {
            return Deferred::failed(failure.into());
        }
        let (here, there) = memory::pair(100);
        self.servers.lock().unwrap().push(there);
        Deferred::ready(Box::new(here))
    }
}

impl fmt::Display for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scripted")
    }
}
