//! Blocking code on both sides of an async server, on any loop: a handler that blocks is served concurrently, and an async client
//! is called by threads that block.
//!
//! ```text
//! cargo run -p interloop-hyper --example blocking_handler -- [--loop LOOP] [--port NUMBER] [--at-once NUMBER]
//!     [--milliseconds NUMBER] [--requests NUMBER]
//! ```
//!
//! The handler is what WSGI has: a function from a request to a response. Each call runs on the blocking pool, and a semaphore lets
//! so many run at once. It serves until it is stopped; or threads ask it as often as it is told to, all at once, and check the
//! answers.

mod flags;

use std::{
    convert::Infallible,
    num::NonZeroUsize,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use flags::{
    PORT, REQUESTS,
    on_loop::{Error, Number, Usage},
};
use futures_util::future::try_join_all;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, StatusCode, body::Incoming, service::service_fn};
use interloop::{Aborted, Deferred, Reactor, net::TcpListener, sync::Semaphore};
use interloop_hyper::{Client, ClientBuilder, Server};

const USAGE: Usage<4> = Usage {
    name: "blocking_handler",
    numbers: [
        PORT,
        Number {
            flag: "--at-once",
            what_for: "how many calls of the handler may run at once",
            range: 1..=256,
            default: 64,
        },
        Number {
            flag: "--milliseconds",
            what_for: "for how long the handler blocks",
            range: 0..=60_000,
            default: 200,
        },
        // Each is asked by a thread.
        Number {
            range: 0..=1_000,
            ..REQUESTS
        },
    ],
};

/// The longest body that a handler is given.
const LONGEST_BODY: usize = 1 << 20;

/// The blocking code: somebody's application, which knows nothing of loops.
struct Application {
    takes: Duration,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Application {
    /// Takes its time, as a query of a database would, and answers with what it was sent.
    fn handle(&self, request: Request<Bytes>) -> Response<String> {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(running, Ordering::Relaxed);
        thread::sleep(self.takes);
        self.running.fetch_sub(1, Ordering::Relaxed);
        let body = String::from_utf8_lossy(request.body());
        Response::new(format!("{} {}: {body}", request.method(), request.uri().path()))
    }
}

/// Serves a function that blocks.
struct Gateway<F> {
    reactor: Reactor,
    permits: Semaphore,
    handler: Arc<F>,
}

impl<F> Clone for Gateway<F> {
    fn clone(&self) -> Self {
        Self {
            reactor: self.reactor.clone(),
            permits: self.permits.clone(),
            handler: self.handler.clone(),
        }
    }
}

impl<F: Fn(Request<Bytes>) -> Response<String> + Send + Sync + 'static> Gateway<F> {
    /// The body is received, and the permit awaited, without a thread. A client that leaves meanwhile is not called for.
    async fn call(self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, LONGEST_BODY).collect().await else {
            return refusal(StatusCode::BAD_REQUEST, "the body is too long, or did not come");
        };
        let request = Request::from_parts(head, body.to_bytes());
        match self.handle(request).await {
            Ok(response) => response.map(Full::from),
            // The handler panicked, or the loop is shutting down.
            Err(aborted) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &aborted.to_string()),
        }
    }

    async fn handle(self, request: Request<Bytes>) -> Result<Response<String>, Aborted> {
        let permit = self.permits.acquire().await?;
        let job = move || {
            let response = (self.handler)(request);
            // Here, as the handler runs to its end even if nobody waits for its answer any more.
            drop(permit);
            Ok(response)
        };
        self.reactor.spawn_blocking(job).await
    }
}

fn refusal(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(format!("{text}\n").into());
    *response.status_mut() = status;
    response
}

/// An async client, for callers that block: threads of their own, and jobs on the blocking pool.
#[derive(Clone)]
struct BlockingClient {
    reactor: Reactor,
    client: Client<Full<Bytes>>,
}

impl BlockingClient {
    fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
            client: ClientBuilder::new(reactor).build(),
        }
    }

    /// Blocks until the answer is there. On a thread that runs a loop it fails instead, as that would never be.
    fn post(&self, uri: &str, body: String) -> Result<String, Error> {
        let request = Request::post(uri).body(Full::from(body))?;
        let client = self.client.clone();
        let answer: Deferred<_, Error> = self.reactor.spawn(async move {
            let response = client.request(request).await?;
            let status = response.status();
            Ok((status, response.into_body().collect().await?.to_bytes()))
        });
        let (status, body) = answer.wait()?;
        let body = String::from_utf8(body.into())?;
        if status == StatusCode::OK {
            Ok(body)
        } else {
            Err(format!("{status}: {body}").into())
        }
    }
}

fn main() -> ExitCode {
    USAGE.run(async |reactor, [port, at_once, milliseconds, requests]| {
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], port as u16).into())?;
        let addr = listener.local_addr()?;
        println!("serving a handler that blocks for {milliseconds} ms on http://{addr}/");
        let application = Arc::new(Application {
            takes: Duration::from_millis(milliseconds.into()),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let gateway = Gateway {
            reactor: reactor.clone(),
            permits: Semaphore::new(NonZeroUsize::new(at_once as usize).ok_or("none may run")?),
            handler: Arc::new({
                let application = application.clone();
                move |request| application.handle(request)
            }),
        };
        let service = service_fn(move |request| {
            let gateway = gateway.clone();
            async move { Ok::<_, Infallible>(gateway.call(request).await) }
        });
        let serving = Server::new(&reactor).serve(listener, service);
        if requests == 0 {
            return Ok(serving.await?);
        }
        let begun = Instant::now();
        ask(&BlockingClient::new(&reactor), &format!("http://{addr}"), requests).await?;
        let took = begun.elapsed().as_millis();
        let most = application.most.load(Ordering::Relaxed);
        if most > at_once as usize {
            return Err(format!("{most} calls ran at once, where {at_once} may").into());
        }
        println!("{requests} threads were answered; at most {most} calls ran at once, and all took {took} ms");
        serving.shut_down(Duration::from_secs(10)).await?;
        Ok(())
    })
}

/// Asks from as many threads, and waits for them without blocking the loop.
async fn ask(client: &BlockingClient, server: &str, requests: u32) -> Result<(), Error> {
    let threads = (0..requests).map(|number| {
        let (completer, deferred) = Deferred::<(), Error>::pair();
        let client = client.clone();
        let uri = format!("{server}/{number}");
        thread::spawn(move || {
            let answer = client.post(&uri, format!("from thread {number}"));
            completer.settle(answer.and_then(|answer| {
                let expected = format!("POST /{number}: from thread {number}");
                if answer == expected {
                    Ok(())
                } else {
                    Err(format!("expected '{expected}', got '{answer}'").into())
                }
            }));
        });
        deferred
    });
    try_join_all(threads).await?;
    // Where a loop runs, blocking is refused.
    match client.post(server, String::new()) {
        Ok(_) => Err("a task was blocked".into()),
        Err(error) => match error.downcast_ref::<Aborted>() {
            Some(aborted) if aborted.is_deadlock() => Ok(()),
            _ => Err(error),
        },
    }
}
