//! A reverse proxy whose server runs on one loop and whose HTTP client belongs to another: for each request, a task of the one
//! awaits a deferred of the other.
//!
//! ```text
//! cargo run -p interloop-hyper --example reverse_proxy -- [--loop LOOP] [--client-loop LOOP] [--port NUMBER] [--requests NUMBER]
//! ```
//!
//! What stands behind it is a server on the client's loop. It serves until it is stopped; or it asks itself as often as it is told
//! to, all at once, and checks the answers.

use std::{convert::Infallible, env, error::Error, net::SocketAddr, process::ExitCode, thread, time::Duration};

use bytes::Bytes;
use futures_util::future::try_join_all;
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    HeaderMap, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{CONNECTION, HOST, TE, TRANSFER_ENCODING, UPGRADE},
    service::service_fn,
};
use interloop::{BlockOnError, Completer, Deferred, Reactor, net::TcpListener};
use interloop_hyper::{Client, ClientBuilder, Server, Serving};

type Failure = Box<dyn Error + Send + Sync>;

const LOOPS: [&str; 5] = ["tokio", "tokio_current_thread", "smol", "async_std", "futures"];
const USAGE: &str = "\
usage: reverse_proxy [--loop LOOP] [--client-loop LOOP] [--port NUMBER] [--requests NUMBER]
  LOOP: tokio, tokio_current_thread, smol, async_std, futures; tokio for the server and smol for the client unless told
  --port: where it listens, or 0 for any port that is free; 0 unless told
  --requests: how often it asks itself before it ends, or 0 to serve until it is stopped; 0 unless told";

fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprintln!("error: {wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The client on its loop, and the server that it asks.
struct Behind {
    reactor: Reactor,
    client: Client<Incoming>,
    origin: SocketAddr,
}

impl Arguments {
    fn run(self) -> Result<(), Failure> {
        let (completer, behind) = Deferred::<Behind>::pair();
        let (stop, stopped) = Deferred::<()>::pair();
        let client_loop = self.client_loop;
        let far = thread::spawn(move || {
            run_on(client_loop, async |reactor| {
                run_behind(reactor, completer, stopped).await
            })
        });
        let near = run_on(self.server_loop, async |reactor| {
            self.serve(reactor, behind.await?).await
        });
        stop.complete(());
        let far = far.join().map_err(|_| "the client's loop panicked")?;
        near??;
        far?
    }

    /// On the server's loop.
    async fn serve(&self, reactor: Reactor, behind: Behind) -> Result<(), Failure> {
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], self.port).into())?;
        let addr = listener.local_addr()?;
        println!(
            "serving on {} what the client on {} fetches: http://{addr}/",
            self.server_loop, self.client_loop
        );
        let behind = std::sync::Arc::new(behind);
        let proxy = service_fn(move |request| {
            let behind = behind.clone();
            async move { Ok::<_, Infallible>(behind.forward(request).await) }
        });
        let serving = Server::new(&reactor).serve(listener, proxy);
        if self.requests == 0 {
            return Ok(serving.await?);
        }
        ask(&reactor, addr, self.requests).await?;
        println!("{} requests crossed the border and came back", self.requests);
        serving.shut_down(Duration::from_secs(10)).await?;
        Ok(())
    }
}

impl Behind {
    /// Asks the origin, on the client's loop, and awaits the answer on the server's. The bodies are streamed from the one to
    /// the other.
    async fn forward(&self, mut request: Request<Incoming>) -> Response<Either<Incoming, Full<Bytes>>> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let Ok(uri) = format!("http://{}{path}", self.origin).parse::<Uri>() else {
            return refusal(StatusCode::BAD_REQUEST, "there is no such path");
        };
        *request.uri_mut() = uri;
        strip(request.headers_mut());
        let client = self.client.clone();
        let response: Deferred<_, Failure> = self.reactor.spawn(async move { Ok(client.request(request).await?) });
        match response.await {
            Ok(mut response) => {
                strip(response.headers_mut());
                response.map(Either::Left)
            }
            Err(error) => refusal(StatusCode::BAD_GATEWAY, &error.to_string()),
        }
    }
}

/// Takes out what concerns one connection only.
fn strip(headers: &mut HeaderMap) {
    for name in [CONNECTION, HOST, TE, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

fn refusal(status: StatusCode, text: &str) -> Response<Either<Incoming, Full<Bytes>>> {
    let mut response = Response::new(Either::Right(format!("{text}\n").into()));
    *response.status_mut() = status;
    response
}

/// On the client's loop, until it is stopped.
async fn run_behind(reactor: Reactor, completer: Completer<Behind>, stopped: Deferred<()>) -> Result<(), Failure> {
    let (origin, addr) = serve_origin(&reactor)?;
    completer.complete(Behind {
        reactor: reactor.clone(),
        client: ClientBuilder::new(&reactor)
            .connect_timeout(Duration::from_secs(5))
            .build(),
        origin: addr,
    });
    stopped.await?;
    origin.shut_down(Duration::from_secs(10)).await?;
    Ok(())
}

/// Answers with what it was asked for, and sent.
fn serve_origin(reactor: &Reactor) -> Result<(Serving, SocketAddr), Failure> {
    let listener = TcpListener::bind(reactor, ([127, 0, 0, 1], 0).into())?;
    let addr = listener.local_addr()?;
    let echo = service_fn(async |request: Request<Incoming>| {
        let mut answer = format!("{} {}\n", request.method(), request.uri().path()).into_bytes();
        answer.extend_from_slice(&request.into_body().collect().await?.to_bytes());
        Ok::<_, hyper::Error>(Response::new(Full::<Bytes>::from(answer)))
    });
    Ok((Server::new(reactor).serve(listener, echo), addr))
}

async fn ask(reactor: &Reactor, addr: SocketAddr, requests: u32) -> Result<(), Failure> {
    let client: Client<Full<Bytes>> = ClientBuilder::new(reactor).build();
    try_join_all((0..requests).map(|number| {
        let client = client.clone();
        async move {
            let body = "x".repeat(number as usize % 10_000);
            let request = Request::post(format!("http://{addr}/{number}")).body(Full::from(body.clone()))?;
            let answer = client.request(request).await?.into_body().collect().await?.to_bytes();
            if answer != format!("POST /{number}\n{body}") {
                return Err(Failure::from(format!("request {number} was answered wrongly")));
            }
            Ok(())
        }
    }))
    .await?;
    Ok(())
}

struct Arguments {
    server_loop: &'static str,
    client_loop: &'static str,
    port: u16,
    requests: u32,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            server_loop: "tokio",
            client_loop: "smol",
            port: 0,
            requests: 0,
        };
        while let Some(flag) = arguments.next() {
            let value = arguments.next().unwrap_or_default();
            match &*flag {
                "--loop" => parsed.server_loop = loop_named(&flag, &value)?,
                "--client-loop" => parsed.client_loop = loop_named(&flag, &value)?,
                "--port" => parsed.port = number(&flag, &value)?,
                "--requests" => parsed.requests = number(&flag, &value)?,
                _ => return Err(format!("there is no `{flag}` here")),
            }
        }
        Ok(parsed)
    }
}

fn loop_named(flag: &str, name: &str) -> Result<&'static str, String> {
    let known = LOOPS.into_iter().find(|known| *known == name);
    known.ok_or_else(|| format!("{flag} takes one of {}, not `{name}`", LOOPS.join(", ")))
}

fn number<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{flag} takes a number, not `{value}`"))
}

fn run_on<T>(name: &str, main: impl AsyncFnOnce(Reactor) -> T) -> Result<T, BlockOnError> {
    match name {
        "tokio" => interloop_tokio::block_on(main),
        "tokio_current_thread" => interloop_tokio::block_on_current_thread(main),
        "smol" => interloop_smol::block_on(main),
        "async_std" => interloop_async_std::block_on(main),
        "futures" => interloop_futures::block_on(main),
        _ => unreachable!("it is one of `LOOPS`"),
    }
}
