use std::{
    future::Future,
    io,
    net::SocketAddr,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, net::SocketAddr as UnixAddr},
    },
    path::Path,
    pin::Pin,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use interloop::{
    Reactor,
    net::{TcpStream, UnixStream},
    process,
};
use zbus::runtime::{IoSource, traits};

use crate::{Registration, Sleep, Task, blocking};

/// zbus' runtime over a reactor, for a connection's builder.
///
/// ```no_run
/// use interloop::Reactor;
/// use zbus::{Connection, connection::Builder};
///
/// async fn session_bus(reactor: &Reactor) -> zbus::Result<Connection> {
///     Builder::session().runtime(interloop_zbus::runtime(reactor)).build().await
/// }
/// ```
pub fn runtime(reactor: &Reactor) -> Runtime {
    Runtime::new(reactor)
}

/// zbus' runtime, which is a reactor. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use interloop_zbus::Runtime;
/// use zbus::runtime::traits::Runtime as _;
///
/// // As zbus uses it:
/// interloop_smol::block_on(async |reactor| {
///     let runtime = Runtime::new(&reactor);
///     let sleep = runtime.sleep(Duration::from_millis(1));
///     let task = runtime.spawn("answer", async {
///         sleep.await;
///         6 * 7
///     });
///     assert_eq!(task.await?, 42);
///     Ok::<_, std::io::Error>(())
/// })??;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// - Tasks have no names on a reactor. One that panics fails whoever awaits it; if nobody does, it is reported as any
///   [unhandled](interloop::unhandled) failure.
/// - Connections are made by [`TcpStream`] and [`UnixStream`]. The latter waits while a listener's queue is full.
/// - Child processes are never killed, with one exception: where the system is so short of descriptors that a child that was started cannot be waited
///   for, it is ended, and starting it fails. They are reaped as [`interloop::process`] has it, whether or not zbus waits for them.
/// - Blocking work runs to its end, whatever becomes of its future. A panic in it goes on where it is awaited.
#[derive(Clone, Debug)]
pub struct Runtime {
    reactor: Reactor,
}

impl Runtime {
    /// Runs connections on this reactor.
    ///
    /// ```no_run
    /// # async fn example(reactor: interloop::Reactor) -> zbus::Result<()> {
    /// let runtime = interloop_zbus::Runtime::new(&reactor);
    /// let system = zbus::connection::Builder::system().runtime(runtime.clone()).build().await?;
    /// let session = zbus::connection::Builder::session().runtime(runtime).build().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
        }
    }
}

impl traits::Runtime for Runtime {
    type RegisteredIoSource = Registration;
    type Sleep = Sleep;
    type Task<T>
        = Task<T>
    where
        T: Send + 'static;

    fn register_io_source(&self, source: IoSource) -> io::Result<Registration> {
        Registration::new(&self.reactor, source)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(self.reactor.sleep(duration))
    }

    fn spawn<T>(&self, _name: &str, future: impl Future<Output = T> + Send + 'static) -> Task<T>
    where
        T: Send + 'static,
    {
        Task::new(self.reactor.spawn_infallible(future))
    }

    async fn connect_tcp(&self, address: SocketAddr) -> io::Result<IoSource> {
        let stream = TcpStream::connect(&self.reactor, address).await?;
        // Off the loop again: zbus registers it.
        Ok(OwnedFd::from(stream.into_std()?).into())
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<IoSource> {
        let stream = match path.as_os_str().as_bytes() {
            [0, name @ ..] => UnixStream::connect_addr(&self.reactor, &abstract_addr(name)?).await?,
            _ => UnixStream::connect(&self.reactor, path).await?,
        };
        Ok(OwnedFd::from(stream.into_std()?).into())
    }

    fn spawn_process(
        &self,
        command: Command,
        stdin: Stdio,
        stdout: Stdio,
        stderr: Stdio,
    ) -> io::Result<Pin<Box<dyn Future<Output = io::Result<ExitStatus>> + Send + 'static>>> {
        let mut command = process::Command::from(command);
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        let mut child = command.spawn(&self.reactor)?;
        // It only looks on. Whoever drops it does not mind how the child ends, nor that the loop does.
        let status = child.status().cancel_on_drop();
        // The command goes here, and its copies of the streams with it: while they were open, a pipe from the child would have no end.
        Ok(Box::pin(status))
    }

    fn spawn_blocking<T>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Pin<Box<dyn Future<Output = T> + Send + 'static>>
    where
        T: Send + 'static,
    {
        Box::pin(blocking::spawn(&self.reactor, work))
    }
}

/// The address of a name that is no file's.
fn abstract_addr(name: &[u8]) -> io::Result<UnixAddr> {
    #[cfg(target_os = "linux")]
    return <UnixAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    #[cfg(target_os = "android")]
    return <UnixAddr as std::os::android::net::SocketAddrExt>::from_abstract_name(name);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = name;
        Err(io::ErrorKind::InvalidInput.into())
    }
}
