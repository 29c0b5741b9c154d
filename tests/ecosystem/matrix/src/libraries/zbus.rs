//! The D-Bus, over a stream that is handed over.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use ::zbus::{
    Connection,
    connection::{
        Builder,
        socket::{ReadHalf, Socket, Split, WriteHalf},
    },
    interface,
};
use async_trait::async_trait;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Aborted, Deferred, Reactor,
    net::{OwnedReadHalf, OwnedWriteHalf, UnixStream},
};

use super::{Library, Service, expect};
use crate::Failure;

const SERVER: Service = Service {
    name: "D-Bus",
    variable: "MATRIX_DBUS",
};

pub(super) const LIBRARY: Library = Library {
    name: "zbus",
    package: "zbus",
    by: "its socket traits over `interloop::net`'s streams, and its executor as a task",
    exchanges: "a name that is owned, 100 calls of a method at it, and an error of the bus",
    server: Some(SERVER),
    run: |reactor| Box::pin(run(reactor)),
};

/// A service on the bus.
struct Words;

#[interface(name = "test.Words")]
impl Words {
    fn shout(&self, word: &str) -> String {
        word.to_uppercase()
    }
}

async fn run(reactor: Reactor) -> Result<(), Failure> {
    // The path of a socket.
    let place = SERVER.place()?;
    let name = format!("test.Words{}", std::process::id());
    let stream = UnixStream::connect(&reactor, &place).await?;
    let server = Builder::socket(OnLoop(stream))
        .serve_at("/words", Words)?
        .name(&*name)?
        .internal_executor(false)
        .build()
        .await?;
    let serving = drive(&reactor, &server);
    let stream = UnixStream::connect(&reactor, &place).await?;
    let client = Builder::socket(OnLoop(stream)).internal_executor(false).build().await?;
    let asking = drive(&reactor, &client);
    for number in 0..100 {
        let word = format!("word {number}");
        let answer = client
            .call_method(Some(&*name), "/words", Some("test.Words"), "Shout", &word)
            .await?;
        let answer: String = answer.body().deserialize()?;
        expect(answer, word.to_uppercase(), "the answer")?;
    }
    let nobody = format!("{name}.Nobody");
    let refused = client
        .call_method(Some(&*nobody), "/", Some("test.Words"), "Shout", &"")
        .await;
    let error = match refused {
        Err(::zbus::Error::MethodError(name, ..)) => name.to_string(),
        other => format!("{other:?}"),
    };
    let expected = "org.freedesktop.DBus.Error.ServiceUnknown";
    expect(error, expected.to_owned(), "the error of the bus")?;
    for (connection, driven) in [(client, asking), (server, serving)] {
        driven.cancel();
        drop(driven.await);
        connection.close().await?;
    }
    Ok(())
}

/// Runs what a connection does, in a task of the loop instead of a thread of its own.
fn drive(reactor: &Reactor, connection: &Connection) -> Deferred<(), Aborted> {
    let executor = connection.executor().clone();
    reactor.spawn(async move {
        loop {
            executor.tick().await;
        }
    })
}

/// A stream of the loop, as zbus takes it. It passes no descriptors.
struct OnLoop(UnixStream);

#[derive(Debug)]
struct Reading(OwnedReadHalf<UnixStream>);

#[derive(Debug)]
struct Writing(OwnedWriteHalf<UnixStream>);

impl Socket for OnLoop {
    type ReadHalf = Reading;
    type WriteHalf = Writing;

    fn split(self) -> Split<Reading, Writing> {
        let (read, write) = self.0.into_split();
        Split::new(Reading(read), Writing(write))
    }
}

#[async_trait]
impl ReadHalf for Reading {
    async fn recvmsg(&mut self, buf: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        Ok((self.0.read(buf).await?, Vec::new()))
    }
}

#[async_trait]
impl WriteHalf for Writing {
    async fn sendmsg(&mut self, buffer: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        if !fds.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.0.write(buffer).await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.0.close().await
    }
}
