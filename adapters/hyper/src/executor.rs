use std::{fmt, future::Future};

use interloop::{Reactor, local};

/// Spawns hyper's tasks on a reactor. Cheap to clone.
///
/// A task that panics is reported as any [unhandled](interloop::unhandled) failure. A loop that has shut down drops the task, and
/// whoever waits for what it would have done, such as a client for its response, gets hyper's error for that.
#[derive(Clone, Debug)]
pub struct Executor {
    reactor: Reactor,
}

impl Executor {
    /// Spawns on this reactor.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
        }
    }
}

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let spawned = async move {
            future.await;
        };
        self.reactor.spawn_infallible(spawned).detach();
    }
}

/// Spawns hyper's tasks on a reactor whose tasks stay on their thread: for services, and bodies, that are not `Send`.
///
/// ```
/// use std::{convert::Infallible, rc::Rc};
/// use http_body_util::Full;
/// use bytes::Bytes;
/// use hyper::{Request, Response, body::Incoming, server::conn::http2, service::service_fn};
/// use interloop::{local, net::TcpStream};
/// use interloop_hyper::{Io, LocalExecutor, Timer};
///
/// async fn serve(reactor: local::Reactor, stream: TcpStream, name: Rc<str>) -> hyper::Result<()> {
///     let service = service_fn(move |_: Request<Incoming>| {
///         let name = name.clone();
///         async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!("I am {name}")))) }
///     });
///     http2::Builder::new(LocalExecutor::new(&reactor))
///         .timer(Timer::new(reactor.handle()))
///         .serve_connection(Io::new(stream), service)
///         .await
/// }
/// ```
#[derive(Clone)]
pub struct LocalExecutor {
    reactor: local::Reactor,
}

impl LocalExecutor {
    /// Spawns on this reactor.
    pub fn new(reactor: &local::Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
        }
    }
}

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        let spawned = async move {
            future.await;
        };
        self.reactor.spawn_infallible(spawned).detach();
    }
}

impl fmt::Debug for LocalExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalExecutor").finish_non_exhaustive()
    }
}
