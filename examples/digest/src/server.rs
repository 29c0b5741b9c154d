//! The server, in `async fn`s.

use std::{io, net::SocketAddr};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Deferred, Reactor,
    net::{TcpListener, TcpStream},
};
use sha2::{Digest as _, Sha256};

use crate::{DIGEST, Digest, MAX_FRAME, REFUSED};

/// A digest server that listens, and has yet to [`serve`](Self::serve).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    reactor: Reactor,
}

impl Server {
    /// Listens on an address.
    ///
    /// # Errors
    /// Those of [`TcpListener::bind`].
    pub fn bind(reactor: &Reactor, addr: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(reactor, addr)?,
            reactor: reactor.clone(),
        })
    }

    /// The address on which it listens.
    ///
    /// # Errors
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves connections, each in a task of its own, until it is dropped.
    ///
    /// # Errors
    /// Those of [`TcpListener::accept`].
    pub async fn serve(self) -> io::Result<()> {
        loop {
            let (stream, peer) = self.listener.accept().await?;
            self.reactor
                .spawn(connection(self.reactor.clone(), stream))
                .or_else(move |error| {
                    log::debug!("connection of {peer}: {error}");
                    Ok::<_, io::Error>(())
                })
                .detach();
        }
    }
}

/// Serves one connection until the client closes it.
async fn connection(reactor: Reactor, mut stream: TcpStream) -> io::Result<()> {
    while let Some(digest) = file(&reactor, &mut stream).await.transpose() {
        match digest {
            Ok(digest) => {
                let mut answer = [DIGEST; 1 + size_of::<Digest>()];
                answer[1..].copy_from_slice(&digest);
                stream.write_all(&answer).await?;
            }
            Err(error) => {
                refuse(&mut stream, &error.to_string()).await?;
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Receives one file and hashes it. `None` if the client has closed the connection instead.
///
/// While one frame is hashed on the blocking pool, the next is received: two buffers, whatever the
/// size of the file.
async fn file(reactor: &Reactor, stream: &mut TcpStream) -> io::Result<Option<Digest>> {
    let mut hashing = Deferred::<_, io::Error>::ready((Sha256::new(), Vec::new()));
    let mut frame = Vec::new();
    let mut is_first = true;
    loop {
        let Some(length) = frame_length(stream, is_first).await? else {
            return Ok(None);
        };
        is_first = false;
        if length == 0 {
            let (hasher, _) = hashing.await?;
            return Ok(Some(hasher.finalize().into()));
        }
        frame.resize(length, 0);
        stream.read_exact(&mut frame).await?;
        let (mut hasher, spare) = hashing.await?;
        let full = std::mem::replace(&mut frame, spare);
        hashing = reactor.spawn_blocking(move || {
            hasher.update(&full);
            Ok((hasher, full))
        });
    }
}

/// Receives the length of a frame. `None` if the connection ends where a file may begin.
async fn frame_length(stream: &mut TcpStream, may_end: bool) -> io::Result<Option<usize>> {
    let mut length = [0; 4];
    let mut received = 0;
    while received < length.len() {
        match stream.read(&mut length[received..]).await? {
            0 if may_end && received == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => received += count,
        }
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME {
        let message = format!("a frame of {length} bytes is longer than {MAX_FRAME}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(Some(length))
}

async fn refuse(stream: &mut TcpStream, message: &str) -> io::Result<()> {
    // Messages are the ones above, far below 64 KiB.
    let length = message.len().min(usize::from(u16::MAX));
    stream.write_all(&[REFUSED]).await?;
    stream.write_all(&(length as u16).to_be_bytes()).await?;
    stream.write_all(&message.as_bytes()[..length]).await?;
    stream.close().await
}
