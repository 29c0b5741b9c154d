use std::{
    future::Future,
    io::{self, Read, Write},
    net::SocketAddr,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use async_rs::{Runtime, traits, util};
use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use interloop::{
    Aborted, Reactor,
    net::{Descriptor, TcpStream},
    time::Sleep,
};

use crate::{Interval, Task};

/// async-rs' runtime over a reactor, as libraries take it.
pub fn runtime(reactor: &Reactor) -> Runtime<Kit> {
    Runtime::new(Kit::new(reactor))
}

/// async-rs' runtime traits over a reactor: for its [`Runtime`], which [`runtime`] makes. Cheap to clone.
///
/// Its `block_on` is for threads of your own, as [`Reactor::wait_for`] is, and polls what it is given there.
///
/// # Panics
/// `block_on` does on a thread that runs a loop, where it could not come to an end: it has no way to fail.
#[derive(Clone, Debug)]
pub struct Kit {
    reactor: Reactor,
}

impl Kit {
    /// Runs everything on this reactor.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
        }
    }
}

impl traits::RuntimeKit for Kit {}

impl traits::Executor for Kit {
    type Task<T: Send + 'static> = Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        let result = self.reactor.wait_for(future);
        result.unwrap_or_else(|aborted| panic!("`block_on` {aborted}"))
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(&self, future: F) -> util::Task<Task<T>> {
        Task::new(self.reactor.spawn_infallible(future)).into()
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(&self, job: F) -> util::Task<Task<T>> {
        Task::new(self.reactor.spawn_blocking(|| Ok::<_, Aborted>(job()))).into()
    }
}

impl traits::Reactor for Kit {
    type TcpStream = TcpStream;
    type Sleep = Sleep;

    // The trait's own bound cannot be named outside of its crate; it has this one in it.
    fn register<H: Read + Write + AsFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Descriptor::new(&self.reactor, socket)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.reactor.sleep(duration)
    }

    fn interval(&self, period: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        Interval::new(self.reactor.interval(period))
    }

    fn tcp_connect_addr(&self, addr: SocketAddr) -> impl Future<Output = io::Result<TcpStream>> + Send + 'static {
        let reactor = self.reactor.clone();
        async move { TcpStream::connect(&reactor, addr).await }
    }
}
