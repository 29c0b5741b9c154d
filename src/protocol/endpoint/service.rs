use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Backoff, ClientEndpoint, retry::is_passing};
use crate::{
    Aborted, Completer, Deferred, Reactor, Shared,
    protocol::{Channel, Factory, Lost, Transport, connection::attach_to, serve::Stopping},
};

/// Keeps one connection, and makes another when it is lost. Twisted's `ClientService`.
///
/// After a loss, and after an attempt that fails, it waits as its [`Backoff`] says; a connection that is made begins that anew.
/// Cheap to clone; dropping it lets it go on.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use interloop::protocol::{Address, Protocol, Transport};
/// use interloop::protocol::endpoint::{Backoff, ClientService, ServerEndpoint, TcpClient, TcpServer};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) {
///         transport.write(data);
///     }
/// }
///
/// let port = TcpServer::new(0).interface("127.0.0.1").listen(&reactor, || Echo).await?;
/// let Some(Address::Ip(addr)) = port.local_addr() else { unreachable!() };
///
/// let endpoint = TcpClient::new("127.0.0.1", addr.port());
/// let service = ClientService::start(&reactor, endpoint, || Echo, Backoff::new());
/// let transport = service.when_connected().await?;
/// assert!(!transport.is_closing());
/// service.stop().await?;
/// assert!(transport.is_closing());
/// # port.stop();
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct ClientService {
    state: Arc<Mutex<State>>,
    task: Shared<(), Aborted>,
}

struct State {
    current: Current,
    waiting: Vec<Waiting>,
    is_stopping: bool,
}

enum Current {
    None,
    /// There is one, for which the factory makes a protocol.
    Made,
    Connected(Transport),
    Over(Lost),
}

struct Waiting {
    completer: Completer<Transport, Lost>,
    /// As many attempts may fail.
    failures: Option<u32>,
}

impl ClientService {
    /// Connects from now on. The factory makes the protocol of each connection; where it refuses one, that is closed, and the next
    /// attempt comes after a delay. It is told of the end as a server's is.
    pub fn start(reactor: &Reactor, endpoint: impl ClientEndpoint, factory: impl Factory, policy: Backoff) -> Self {
        let state = Arc::new(Mutex::new(State {
            current: Current::None,
            waiting: Vec::new(),
            is_stopping: false,
        }));
        let running = Running {
            state: state.clone(),
            failure: Aborted::cancelled().into(),
            gave_up: false,
        };
        let task = run(running, endpoint, Stopping(factory), policy, reactor.clone());
        // Whoever waits for a connection hears of a loop that has shut down; that the service has ended is no failure.
        let task = reactor.spawn(task).or_else(|_: Aborted| Ok::<_, Aborted>(()));
        Self {
            state,
            task: task.shared(),
        }
    }

    /// Fires with the connection, as soon as there is one: at once if it is there.
    ///
    /// # Errors
    /// When the service has stopped or given up, or the loop has shut down.
    pub fn when_connected(&self) -> Deferred<Transport, Lost> {
        self.wait(None)
    }

    /// As [`when_connected`](Self::when_connected), except that it fails when so many attempts have failed from now on, with the error of the last of
    /// them; the service goes on. Zero counts as one.
    ///
    /// # Errors
    /// As there.
    pub fn when_connected_within(&self, attempts: u32) -> Deferred<Transport, Lost> {
        self.wait(Some(attempts.max(1)))
    }

    fn wait(&self, failures: Option<u32>) -> Deferred<Transport, Lost> {
        let mut state = lock(&self.state);
        match &state.current {
            Current::Connected(transport) => Deferred::ready(transport.clone()),
            Current::Over(reason) => Deferred::failed(reason.clone()),
            Current::None | Current::Made => {
                let (completer, deferred) = Deferred::pair();
                state.waiting.push(Waiting { completer, failures });
                deferred
            }
        }
    }

    /// Closes the connection, once what is written is sent, and makes no other. Fires when the connection is over, and the service
    /// with it. It can be called again, by each who wants to hear of that.
    pub fn stop(&self) -> Deferred<(), Aborted> {
        let mut state = lock(&self.state);
        state.is_stopping = true;
        let (is_made, current) = match &state.current {
            Current::Connected(transport) => (true, Some(transport.clone())),
            // It is closed as soon as it has its protocol.
            Current::Made => (true, None),
            Current::None | Current::Over(_) => (false, None),
        };
        drop(state);
        if let Some(transport) = current {
            transport.lose_connection();
        }
        if !is_made {
            self.task.cancel();
        }
        self.task.subscribe()
    }
}

impl fmt::Debug for ClientService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("ClientService")
            .field("is_connected", &matches!(state.current, Current::Connected(_)))
            .field("is_over", &matches!(state.current, Current::Over(_)))
            .field("is_stopping", &state.is_stopping)
            .finish_non_exhaustive()
    }
}

async fn run<F: Factory>(
    mut running: Running,
    endpoint: impl ClientEndpoint,
    mut factory: Stopping<F>,
    policy: Backoff,
    reactor: Reactor,
) -> Result<(), Aborted> {
    let mut delays = policy.delays();
    loop {
        match endpoint.open(&reactor).cancel_on_drop().await {
            Ok(channel) => {
                if !running.made() {
                    return Ok(());
                }
                let peer = channel.peer_address();
                if let Some(protocol) = factory.build(peer.as_ref()) {
                    let transport = attach_to(&reactor, channel, peer, protocol);
                    running.connected(&transport);
                    delays.restart();
                    // Taken from its protocol, it is somebody else's, and this service is without one.
                    let _ = transport.closed().await;
                }
                if !running.lost() {
                    return Ok(());
                }
            }
            Err(error) if !is_passing(&error) => return Ok(()),
            Err(error) => running.failed(error.into()),
        }
        let Some(delay) = delays.next() else {
            running.gave_up = true;
            return Ok(());
        };
        log::debug!("{endpoint} is connected to again in {delay:?}");
        reactor.sleep(delay).await?;
    }
}

/// The task's side of the service. When it is dropped, the service is over.
struct Running {
    state: Arc<Mutex<State>>,
    /// What the last attempt failed with that did.
    failure: Lost,
    /// Whether there are no more attempts.
    gave_up: bool,
}

impl Running {
    /// There is a connection. Whether it is wanted.
    fn made(&self) -> bool {
        let mut state = lock(&self.state);
        if !state.is_stopping {
            state.current = Current::Made;
        }
        !state.is_stopping
    }

    fn connected(&self, transport: &Transport) {
        let mut state = lock(&self.state);
        if state.is_stopping {
            drop(state);
            transport.lose_connection();
            return;
        }
        state.current = Current::Connected(transport.clone());
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        for waiting in waiting {
            waiting.completer.complete(transport.clone());
        }
    }

    /// Whether there is to be another one.
    fn lost(&self) -> bool {
        let mut state = lock(&self.state);
        let former = mem::replace(&mut state.current, Current::None);
        let goes_on = !state.is_stopping;
        drop(state);
        drop(former);
        goes_on
    }

    fn failed(&mut self, reason: Lost) {
        let mut state = lock(&self.state);
        let mut failed = Vec::new();
        for mut waiting in mem::take(&mut state.waiting) {
            waiting.failures = waiting.failures.map(|failures| failures - 1);
            match waiting.failures {
                Some(0) => failed.push(waiting),
                _ => state.waiting.push(waiting),
            }
        }
        drop(state);
        for waiting in failed {
            waiting.completer.fail(reason.clone());
        }
        self.failure = reason;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        let reason = match (state.is_stopping, self.gave_up) {
            (true, _) => Aborted::cancelled().into(),
            (false, true) => self.failure.clone(),
            // Nobody else drops a task that has more to do.
            (false, false) => Aborted::shut_down().into(),
        };
        let former = mem::replace(&mut state.current, Current::Over(reason.clone()));
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        drop(former);
        for waiting in waiting {
            waiting.completer.fail(reason.clone());
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
