//! Attempts to connect: one, and several that compete.

use std::{
    future::Future,
    io, mem,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
    vec,
};

use socket2::Socket;

use super::{ConnectError, TcpSocket, TcpStream};
use crate::{AsAborted, Interest, Reactor, Source, net::socket::connected, time::Sleep};

/// An attempt that is under way. Dropped, it is given up.
pub(super) struct Attempt {
    /// Empty when it has succeeded.
    source: Option<Box<dyn Source>>,
    addr: SocketAddr,
}

impl Attempt {
    /// Begins to connect a socket that is in non-blocking mode.
    pub(super) fn begin(reactor: &Reactor, socket: Socket, addr: SocketAddr) -> io::Result<Self> {
        match socket.connect(&addr.into()) {
            Ok(()) => {}
            Err(error) if is_in_progress(&error) => {}
            Err(error) => return Err(error),
        }
        let source = reactor.register_nonblocking(socket.into())?;
        Ok(Self {
            source: Some(source),
            addr,
        })
    }
}

fn is_in_progress(error: &io::Error) -> bool {
    // An attempt that a signal has interrupted goes on, says POSIX.
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
}

/// Not to be polled again when it is ready.
impl Future for Attempt {
    type Output = io::Result<TcpStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(source) = &self.source {
            ready!(source.poll_io(cx, Interest::Writable, &mut connected))?;
        }
        let source = self.source.take().ok_or(io::ErrorKind::NotConnected)?;
        Poll::Ready(Ok(TcpStream::new(source)))
    }
}

/// Attempts that compete. The first that connects wins, and the others are given up.
pub(super) struct Race<'a> {
    reactor: &'a Reactor,
    attempt_delay: Duration,
    /// When all of them have taken too long.
    limit: Option<Sleep>,
    /// To be tried.
    left: vec::IntoIter<SocketAddr>,
    under_way: Vec<Attempt>,
    failures: Vec<(SocketAddr, io::Error)>,
    /// When the next one begins, though none has failed.
    next: Option<Sleep>,
}

impl<'a> Race<'a> {
    pub(super) fn new(
        reactor: &'a Reactor,
        attempt_delay: Duration,
        limit: Option<Sleep>,
        addrs: Vec<SocketAddr>,
    ) -> Self {
        Self {
            reactor,
            attempt_delay,
            limit,
            left: interleaved(addrs).into_iter(),
            under_way: Vec::new(),
            failures: Vec::new(),
            next: None,
        }
    }

    /// Polls those that are under way. One that fails lets the next one begin at once.
    fn poll_under_way(&mut self, cx: &mut Context<'_>) -> Poll<TcpStream> {
        let mut index = 0;
        while let Some(attempt) = self.under_way.get_mut(index) {
            match Pin::new(attempt).poll(cx) {
                Poll::Ready(Ok(stream)) => return Poll::Ready(stream),
                Poll::Ready(Err(error)) => {
                    let attempt = self.under_way.remove(index);
                    self.failures.push((attempt.addr, error));
                    self.next = None;
                }
                Poll::Pending => index += 1,
            }
        }
        Poll::Pending
    }

    fn begin(&mut self, addr: SocketAddr) {
        let attempt =
            TcpSocket::for_addr(addr).and_then(|socket| Attempt::begin(self.reactor, socket.into_socket(), addr));
        match attempt {
            Ok(attempt) => {
                self.under_way.push(attempt);
                // Most need no timer.
                self.next = (self.left.len() > 0).then(|| self.reactor.sleep(self.attempt_delay));
            }
            Err(error) => self.failures.push((addr, error)),
        }
    }

    /// The error of a loop that has shut down, which concerns no address.
    fn shut_down(&mut self) -> Option<io::Error> {
        let index = self.failures.iter().position(|(_, error)| {
            let aborted = error.as_aborted();
            aborted.is_some_and(|aborted| aborted.is_shut_down())
        })?;
        Some(self.failures.swap_remove(index).1)
    }
}

/// Not to be polled again when it is ready.
impl Future for Race<'_> {
    type Output = io::Result<TcpStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(stream) = this.poll_under_way(cx) {
                return Poll::Ready(Ok(stream));
            }
            if let Some(error) = this.shut_down() {
                return Poll::Ready(Err(error));
            }
            let may_begin = match &mut this.next {
                None => true,
                Some(next) => match Pin::new(next).poll(cx) {
                    Poll::Ready(due) => due.map(|()| true)?,
                    Poll::Pending => false,
                },
            };
            if may_begin {
                if let Some(addr) = this.left.next() {
                    this.begin(addr);
                    continue;
                }
                if this.under_way.is_empty() {
                    return Poll::Ready(Err(ConnectError::all_failed(mem::take(&mut this.failures))));
                }
            }
            if let Some(limit) = &mut this.limit {
                if let Poll::Ready(elapsed) = Pin::new(limit).poll(cx) {
                    elapsed?;
                    let waiting = this.under_way.drain(..).map(|attempt| attempt.addr);
                    let unanswered = waiting.chain(&mut this.left).collect::<Vec<_>>();
                    return Poll::Ready(Err(ConnectError::timed_out(mem::take(&mut this.failures), unanswered)));
                }
            }
            return Poll::Pending;
        }
    }
}

/// The addresses without repetitions, so that the two kinds take turns, as RFC 8305 has it: where one kind gets nowhere,
/// the other one is tried soon. Otherwise in their order, in which the first kind is that of the first.
fn interleaved(addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut distinct = Vec::with_capacity(addrs.len());
    for addr in addrs {
        if !distinct.contains(&addr) {
            distinct.push(addr);
        }
    }
    let first_is_ipv6 = distinct.first().is_some_and(SocketAddr::is_ipv6);
    let count = distinct.len();
    let (first, second): (Vec<_>, Vec<_>) = distinct.into_iter().partition(|addr| addr.is_ipv6() == first_is_ipv6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut interleaved = Vec::with_capacity(count);
    while interleaved.len() < count {
        interleaved.extend(first.next());
        interleaved.extend(second.next());
    }
    interleaved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_two_kinds_of_addresses_take_turns() {
        let given = addrs(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]);
        let expected = addrs(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]);
        assert_eq!(interleaved(given), expected);
        let given = addrs(&["1.1.1.1:1", "1.1.1.2:1", "1.1.1.1:1", "[::1]:1"]);
        assert_eq!(interleaved(given), addrs(&["1.1.1.1:1", "[::1]:1", "1.1.1.2:1"]));
        assert_eq!(interleaved(Vec::new()), Vec::new());
    }
}
