//! The client, in callbacks.

use std::{
    fs::File,
    io::{self, Read},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{Deferred, Outcome, Reactor, net::TcpStream};

use crate::{DIGEST, Digest, MAX_FRAME};

/// Is told the number of bytes that were sent since it was told last.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// Sends a file to a server, and fires with the digest that the server answers.
///
/// Takes the memory of one frame, whatever the size of the file. Cancelling the deferred gives the
/// transfer up and closes its connection.
///
/// # Errors
/// If the file cannot be read, the server cannot be reached, or it refuses.
#[track_caller]
pub fn digest(reactor: &Reactor, server: SocketAddr, file: PathBuf, progress: Progress) -> Deferred<Digest, io::Error> {
    let opened = reactor.spawn_blocking(move || File::open(file));
    let reactor = reactor.clone();
    opened
        .and_then(move |file| connect(reactor, server, file, progress))
        .and_then(send_frames)
        .and_then(Upload::receive_answer)
}

/// A transfer on its way from callback to callback.
struct Upload {
    reactor: Reactor,
    file: File,
    stream: TcpStream,
    /// The length of the frame, and its bytes.
    frame: Vec<u8>,
    progress: Progress,
}

fn connect(reactor: Reactor, server: SocketAddr, file: File, progress: Progress) -> Deferred<Upload, io::Error> {
    let connecting = {
        let reactor = reactor.clone();
        async move { TcpStream::connect(&reactor, server).await }
    };
    reactor.clone().spawn(connecting).map_ok(move |stream| Upload {
        reactor,
        file,
        stream,
        frame: Vec::new(),
        progress,
    })
}

/// Sends frame after frame. Each round returns the deferred of the next, which is a loop: it takes
/// neither stack nor memory for its length.
fn send_frames(upload: Upload) -> Deferred<Upload, io::Error> {
    upload.read_frame().and_then(Upload::send_frame).and_then(|upload| {
        if upload.frame.len() > LENGTH {
            Outcome::Waiting(send_frames(upload))
        } else {
            Outcome::Settled(Ok(upload))
        }
    })
}

/// The size of a frame's length.
const LENGTH: usize = 4;

impl Upload {
    /// Fills the frame from the file, on the blocking pool. At the end of the file it stays empty.
    fn read_frame(mut self) -> Deferred<Self, io::Error> {
        self.reactor.clone().spawn_blocking(move || {
            self.frame.clear();
            self.frame.extend([0; LENGTH]);
            let count = (&self.file).take(MAX_FRAME as u64).read_to_end(&mut self.frame)?;
            // At most `MAX_FRAME`.
            self.frame[..LENGTH].copy_from_slice(&(count as u32).to_be_bytes());
            Ok(self)
        })
    }

    fn send_frame(mut self) -> Deferred<Self, io::Error> {
        self.reactor.clone().spawn(async move {
            self.stream.write_all(&self.frame).await?;
            (self.progress)((self.frame.len() - LENGTH) as u64);
            Ok(self)
        })
    }

    fn receive_answer(mut self) -> Deferred<Digest, io::Error> {
        self.reactor.clone().spawn(async move {
            let mut status = [0];
            self.stream.read_exact(&mut status).await?;
            if status == [DIGEST] {
                let mut digest = Digest::default();
                self.stream.read_exact(&mut digest).await?;
                return Ok(digest);
            }
            let mut length = [0; 2];
            self.stream.read_exact(&mut length).await?;
            let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
            self.stream.read_exact(&mut message).await?;
            let message = String::from_utf8_lossy(&message);
            Err(io::Error::other(format!("the server refused: {message}")))
        })
    }
}
