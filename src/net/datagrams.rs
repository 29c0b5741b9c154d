//! What sockets of datagrams have in common, whatever their addresses are.

/// Sending to where a socket is connected, and all receiving, for a socket with a `source`, and a `has_ended` that says of one
/// without datagrams whether none will ever come; the type of its addresses, and what makes one of the system's.
macro_rules! datagrams {
    ($socket:ident, $addr:ty, $to_addr:path) => {
        /// # Sending where it is connected
        ///
        /// A datagram is sent as a whole or not at all.
        impl $socket {
            /// Sends a datagram to where the socket is connected, and says how long it was.
            ///
            /// # Errors
            /// Those of the system, among them [`io::ErrorKind::NotConnected`],
            /// [`io::ErrorKind::ConnectionRefused`] for one that was sent before, and a datagram that is too long; and if the
            /// loop has shut down.
            ///
            /// # Cancel safety
            /// Dropped before it has ended, it has sent nothing.
            pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
                poll_fn(|cx| self.poll_send(cx, buf)).await
            }

            /// Polls for sending. See [`send`](Self::send).
            ///
            /// # Errors
            /// As there.
            pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                transfer::poll_op(&*self.source, cx, Interest::Writable, |fd| send(fd, buf))
            }

            /// Sends if there is room now. See [`send`](Self::send).
            ///
            /// # Errors
            /// As there, and [`io::ErrorKind::WouldBlock`] if there is no room.
            pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
                send(self.as_fd(), buf)
            }
        }

        /// # Receiving
        ///
        /// Each datagram goes to one of the tasks that wait. What does not fit into the buffer is cut off. A datagram may
        /// be empty: zero is no end.
        impl $socket {
            /// Receives a datagram, and says how much of the buffer it takes.
            ///
            /// # Errors
            /// Those of the system, and if the loop has shut down. The socket stays usable in the former case.
            ///
            /// # Cancel safety
            /// No datagram is lost when this is dropped.
            pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
                poll_fn(|cx| self.poll_recv(cx, buf)).await
            }

            /// Polls for a datagram. See [`recv`](Self::recv).
            ///
            /// # Errors
            /// As there.
            pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                transfer::poll_op(&*self.source, cx, Interest::Readable, |fd| {
                    recv(self, fd, buf, RecvFlags::empty())
                })
            }

            /// Receives a datagram that is there. See [`recv`](Self::recv).
            ///
            /// # Errors
            /// As there, and [`io::ErrorKind::WouldBlock`] if there is none.
            pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
                recv(self, self.as_fd(), buf, RecvFlags::empty())
            }

            /// As [`recv`](Self::recv), and says from where.
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// As there.
            pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, $addr)> {
                poll_fn(|cx| self.poll_recv_from(cx, buf)).await
            }

            /// Polls for a datagram. See [`recv_from`](Self::recv_from).
            ///
            /// # Errors
            /// As there.
            pub fn poll_recv_from(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, $addr)>> {
                transfer::poll_op(&*self.source, cx, Interest::Readable, |fd| {
                    recv_from(self, fd, buf, RecvFlags::empty())
                })
            }

            /// Receives a datagram that is there. See [`recv_from`](Self::recv_from).
            ///
            /// # Errors
            /// As there, and [`io::ErrorKind::WouldBlock`] if there is none.
            pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, $addr)> {
                recv_from(self, self.as_fd(), buf, RecvFlags::empty())
            }

            /// As [`recv`](Self::recv), and leaves the datagram to be received. Where several tasks receive, another one may
            /// take it first.
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// Nothing is taken, so nothing is lost.
            pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
                poll_fn(|cx| self.poll_peek(cx, buf)).await
            }

            /// Polls for a datagram, and leaves it. See [`peek`](Self::peek).
            ///
            /// # Errors
            /// As there.
            pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                transfer::poll_op(&*self.source, cx, Interest::Readable, |fd| {
                    recv(self, fd, buf, RecvFlags::PEEK)
                })
            }

            /// Looks at a datagram that is there. See [`peek`](Self::peek).
            ///
            /// # Errors
            /// As there, and [`io::ErrorKind::WouldBlock`] if there is none.
            pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
                recv(self, self.as_fd(), buf, RecvFlags::PEEK)
            }

            /// As [`peek`](Self::peek), and says from where.
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// As there.
            pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, $addr)> {
                poll_fn(|cx| self.poll_peek_from(cx, buf)).await
            }

            /// Polls for a datagram, and leaves it. See [`peek_from`](Self::peek_from).
            ///
            /// # Errors
            /// As there.
            pub fn poll_peek_from(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, $addr)>> {
                transfer::poll_op(&*self.source, cx, Interest::Readable, |fd| {
                    recv_from(self, fd, buf, RecvFlags::PEEK)
                })
            }

            /// Looks at a datagram that is there. See [`peek_from`](Self::peek_from).
            ///
            /// # Errors
            /// As there, and [`io::ErrorKind::WouldBlock`] if there is none.
            pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, $addr)> {
                recv_from(self, self.as_fd(), buf, RecvFlags::PEEK)
            }
        }

        fn send(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
            Ok(retry_on_intr(|| transfer::send(fd, buf))?)
        }

        fn recv(socket: &$socket, fd: BorrowedFd<'_>, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
            match retry_on_intr(|| rustix::net::recv(fd, &mut *buf, flags | RecvFlags::DONTWAIT)) {
                Err(Errno::AGAIN) if socket.has_ended()? => Ok(0),
                result => Ok(result?.0),
            }
        }

        fn recv_from(
            socket: &$socket,
            fd: BorrowedFd<'_>,
            buf: &mut [u8],
            flags: RecvFlags,
        ) -> io::Result<(usize, $addr)> {
            match retry_on_intr(|| rustix::net::recvfrom(fd, &mut *buf, flags | RecvFlags::DONTWAIT)) {
                Err(Errno::AGAIN) if socket.has_ended()? => Ok((0, $to_addr(None)?)),
                result => {
                    let (taken, _, addr) = result?;
                    Ok((taken, $to_addr(addr)?))
                }
            }
        }
    };
}
pub(super) use datagrams;
