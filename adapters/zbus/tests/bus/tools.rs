//! A bus of one's own, and what is served on it.

use std::{
    error::Error,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
};

use interloop::{Completer, Deferred, Reactor};
use interloop_zbus::runtime;
use zbus::{Connection, Fd, connection::Builder, interface, object_server::SignalEmitter, proxy};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A daemon, which is ended when this is dropped.
pub(crate) struct Bus {
    daemon: Child,
    pub(crate) address: String,
}

impl Bus {
    /// `None` where there is no such program.
    pub(crate) fn start() -> io::Result<Option<Self>> {
        let mut command = Command::new("dbus-daemon");
        command.args([
            "--session",
            "--nofork",
            "--print-address=1",
            "--address=unix:tmpdir=/tmp",
        ]);
        let mut daemon = match command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() {
            Ok(daemon) => daemon,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!("skipped, as there is no dbus-daemon");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut address = String::new();
        let printed = daemon
            .stdout
            .take()
            .ok_or("its output is piped")
            .map_err(io::Error::other)?;
        BufReader::new(printed).read_line(&mut address)?;
        Ok(Some(Self {
            daemon,
            address: address.trim_end().to_owned(),
        }))
    }

    pub(crate) fn on(&self, reactor: &Reactor) -> Builder<'static> {
        Builder::address(&*self.address).runtime(runtime(reactor))
    }

    /// A connection with a service.
    pub(crate) async fn serve(&self, reactor: &Reactor, words: Words) -> zbus::Result<Connection> {
        self.on(reactor)
            // Nobody takes the name away.
            .allow_name_replacements(false)
            .serve_at("/words", words)
            .name("test.Words")
            .build()
            .await
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What a service tells when it is asked to ponder, and how long it does.
struct Pondering {
    asked: Completer<(), Failure>,
    ends: Deferred<(), Failure>,
}

/// A service.
#[derive(Default)]
pub(crate) struct Words {
    pondering: Option<Pondering>,
}

#[interface(name = "test.Words")]
impl Words {
    fn shout(&self, word: &str) -> String {
        word.to_uppercase()
    }

    fn write(&self, word: &str, to: zbus::OwnedFd) -> zbus::fdo::Result<()> {
        let written = File::from(OwnedFd::from(to)).write_all(word.as_bytes());
        written.map_err(|error| zbus::fdo::Error::IOError(error.to_string()))
    }

    async fn say(&self, word: &str, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) -> zbus::fdo::Result<()> {
        emitter.said(word).await.map_err(Into::into)
    }

    async fn ponder(&mut self) {
        if let Some(Pondering { asked, ends }) = self.pondering.take() {
            asked.complete(());
            // zbus runs a method to its end, whoever waits for its answer.
            drop(ends.await);
        }
    }

    #[zbus(signal)]
    async fn said(emitter: &SignalEmitter<'_>, word: &str) -> zbus::Result<()>;
}

/// The same from the other side.
#[proxy(interface = "test.Words", default_service = "test.Words", default_path = "/words")]
pub(crate) trait Words {
    fn shout(&self, word: &str) -> zbus::Result<String>;
    fn write(&self, word: &str, to: Fd<'_>) -> zbus::Result<()>;
    fn say(&self, word: &str) -> zbus::Result<()>;
    fn ponder(&self) -> zbus::Result<()>;
    #[zbus(signal)]
    fn said(&self, word: String) -> zbus::Result<()>;
}

impl Words {
    /// A service that ponders, what tells that it has been asked to, and what ends that.
    pub(crate) fn pondering() -> (Self, Deferred<(), Failure>, Completer<(), Failure>) {
        let (asked, told) = Deferred::pair();
        let (end, ends) = Deferred::pair();
        let pondering = Some(Pondering { asked, ends });
        (Self { pondering }, told, end)
    }
}
