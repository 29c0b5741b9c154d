//! What stream sockets have in common, whatever their addresses are.

/// Reading and writing, with futures-io's traits and without waiting, and the two directions each by itself, for a stream socket
/// with a `source` and a `shutdown`.
macro_rules! streams {
    ($stream:ident) => {
        /// Reading without taking, and reading and writing without waiting.
        impl $stream {
            /// Reads without taking: the next read gives the same bytes. Zero is the end.
            ///
            /// # Errors
            /// Those of the system, and if the loop has shut down.
            ///
            /// # Cancel safety
            /// Nothing is lost when this is dropped.
            pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
                poll_fn(|cx| self.poll_peek(cx, buf)).await
            }

            /// Polls for bytes without taking them. See [`peek`](Self::peek).
            ///
            /// # Errors
            /// As for `peek`.
            pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                transfer::poll_peek(&*self.source, cx, buf)
            }

            /// Reads what is there, without taking it. See [`peek`](Self::peek).
            ///
            /// # Errors
            /// As for `peek`, and [`io::ErrorKind::WouldBlock`] if there is nothing.
            pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
                transfer::peek(self.as_fd(), buf)
            }

            /// Reads what is there. Zero is the end, unless `buf` is empty.
            ///
            /// With this a task holds no buffer while it waits:
            ///
            /// ```
            /// # async fn example(stream: interloop::net::TcpStream) -> std::io::Result<()> {
            /// use std::io::ErrorKind::WouldBlock;
            ///
            /// let (buf, len) = loop {
            ///     stream.readable().await?;
            ///     let mut buf = Box::new([0; 4096]);
            ///     match stream.try_read(&mut *buf) {
            ///         Err(error) if error.kind() == WouldBlock => {}
            ///         result => break (buf, result?),
            ///     }
            /// };
            /// # let _ = &buf[..len];
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// [`io::ErrorKind::WouldBlock`] if there is nothing; and those of the system.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                retry_interrupted(|| Ok(transfer::recv(self.as_fd(), buf)?))
            }

            /// Reads what is there into several buffers, one after the other. See [`try_read`](Self::try_read).
            ///
            /// # Errors
            /// As for `try_read`.
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                let bufs = at_once_mut(bufs);
                retry_interrupted(|| Ok(transfer::recv_vectored(self.as_fd(), bufs)?))
            }

            /// Writes as much as there is room for.
            ///
            /// # Errors
            /// [`io::ErrorKind::WouldBlock`] if there is none; and those of the system.
            pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                retry_interrupted(|| Ok(transfer::send(self.as_fd(), buf)?))
            }

            /// Writes several buffers, one after the other, as much as there is room for. See [`try_write`](Self::try_write).
            ///
            /// # Errors
            /// As for `try_write`.
            pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                let bufs = at_once(bufs);
                retry_interrupted(|| Ok(transfer::send_vectored(self.as_fd(), bufs)?))
            }
        }

        $crate::net::ready::tells_ready!($stream, <>, source);

        /// # Each direction by itself
        impl $stream {
            /// The two directions, each by itself. Dropping one does nothing to the connection.
            ///
            /// Not `split`, as that is what `AsyncReadExt` has, which takes the stream and puts a lock around it.
            pub fn split_ref(&self) -> (ReadHalf<'_, Self>, WriteHalf<'_, Self>) {
                Duplex::split_ref(self)
            }

            /// The two directions, each to own. Dropping the half that writes ends that direction, dropping both closes the
            /// connection. [`OwnedReadHalf::reunite`] puts them together again.
            pub fn into_split(self) -> (OwnedReadHalf<Self>, OwnedWriteHalf<Self>) {
                Duplex::into_split(self)
            }
        }

        impl Duplex for $stream {}

        impl halves::sealed::Duplex for $stream {
            fn source(&self) -> &dyn Source {
                &*self.source
            }

            fn end_writing(&self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }

        impl AsyncRead for &$stream {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                transfer::poll_read(&*self.source, cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                transfer::poll_read_vectored(&*self.source, cx, bufs)
            }
        }

        impl AsyncWrite for &$stream {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                transfer::poll_send(&*self.source, cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                transfer::poll_send_vectored(&*self.source, cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.shutdown(Shutdown::Write))
            }
        }

        impl AsyncRead for $stream {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self).poll_read(cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self).poll_read_vectored(cx, bufs)
            }
        }

        impl AsyncWrite for $stream {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut &*self).poll_write_vectored(cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut &*self).poll_flush(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut &*self).poll_close(cx)
            }
        }
    };
}
pub(super) use streams;
