//! What can be set for all transfers of a [`Curl`].

use curl::{MultiError, multi::Multi};
use interloop::Reactor;

use crate::Curl;

/// Limits for all transfers of a [`Curl`] together. Made by [`Curl::options`]; what concerns one transfer is set on its
/// handle.
///
/// ```
/// # let reactor = interloop_smol::global();
/// use interloop_curl::Curl;
///
/// let curl = Curl::options().max_connections(100).max_connections_per_host(8).on(&reactor);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until a `Curl` is made with them"]
pub struct Options {
    connections: Option<usize>,
    connections_per_host: Option<usize>,
    idle_connections: Option<usize>,
}

impl Options {
    /// At most so many connections at once; further transfers wait for one. Zero, as it is at first, is no limit. A program
    /// that starts thousands of transfers sets it, as each connection takes a descriptor (see [the crate's
    /// documentation](crate#descriptors)).
    pub fn max_connections(mut self, count: usize) -> Self {
        self.connections = Some(count);
        self
    }

    /// At most so many connections to one host and port. Zero, as it is at first, is no limit.
    pub fn max_connections_per_host(mut self, count: usize) -> Self {
        self.connections_per_host = Some(count);
        self
    }

    /// At most so many connections are kept open for transfers to come. If this is not set, libcurl keeps four for each transfer that
    /// there is at the time: after many transfers at once, it closes most of their connections as these come to their end.
    pub fn max_idle_connections(mut self, count: usize) -> Self {
        self.idle_connections = Some(count);
        self
    }

    /// Makes a [`Curl`] with these on a reactor.
    pub fn on(self, reactor: &Reactor) -> Curl {
        Curl::with(reactor, self)
    }

    pub(crate) fn apply(&self, multi: &mut Multi) -> Result<(), MultiError> {
        if let Some(count) = self.connections {
            multi.set_max_total_connections(count)?;
        }
        if let Some(count) = self.connections_per_host {
            multi.set_max_host_connections(count)?;
        }
        if let Some(count) = self.idle_connections {
            multi.set_max_connects(count)?;
        }
        Ok(())
    }
}
