//! Transfers over TLS, from a real server on a loop of its own. Built with the feature `ssl` or `static-ssl`; `ci/https.sh` does.

mod answers;
#[path = "../transfers/bodies.rs"]
mod bodies;
mod ends;
#[cfg(feature = "http2")]
mod http2;
#[path = "../transfers/loops.rs"]
mod loops;

use std::{convert::Infallible, future::Future, sync::Arc};

use bytes::Bytes;
use curl::easy::Easy2;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, Version, body::Incoming, service::service_fn};
use interloop::net::TcpListener;
use interloop_curl::{Collect, Curl};
use interloop_hyper::{Server, ServerHandle};
use interloop_rustls::TlsAcceptor;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::{bodies::bytes, loops::Loop};

/// What a test is given.
#[derive(Clone)]
struct World {
    curl: Curl,
    server: ServerHandle,
    port: u16,
    /// The only one who is to be trusted, as PEM.
    authority: Arc<str>,
}

impl World {
    fn new(event_loop: &dyn Loop) -> Self {
        let CertifiedKey { cert, key_pair } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let authority = cert.pem();
        let acceptor = TlsAcceptor::from_pem(authority.as_bytes(), key_pair.serialize_pem().as_bytes()).unwrap();
        let home = interloop_smol::global();
        let listener = TcpListener::bind(&home, ([127, 0, 0, 1], 0).into()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = Server::new(&home).tls(acceptor).serve(listener, service_fn(answer));
        let server = serving.handle();
        serving.detach();
        Self {
            curl: Curl::new(&event_loop.reactor()),
            server,
            port,
            authority: authority.into(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// A handle for a path of the server, whom it trusts.
    fn easy(&self, path: &str) -> Easy2<Collect> {
        let mut easy = Easy2::new(Collect::new());
        easy.url(&self.url(path)).unwrap();
        easy.ssl_cainfo_blob(self.authority.as_bytes()).unwrap();
        easy
    }

    /// Waits until the server has so many connections.
    async fn connections(&self, count: usize) {
        while self.server.connections() != count {
            let turn = self.curl.reactor().sleep(std::time::Duration::from_millis(1));
            turn.await.unwrap();
        }
    }
}

/// Answers `/bytes/N`, `/version`, and with what was sent, otherwise. `/never` has no answer.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (kind, argument) = request.uri().path()[1..].split_once('/').unwrap_or_default();
    let body = match kind {
        "bytes" => bytes(argument.parse().unwrap()).into(),
        "never" => std::future::pending().await,
        "version" if request.version() == Version::HTTP_2 => "2".into(),
        "version" => "1".into(),
        _ => request
            .into_body()
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default(),
    };
    Ok(Response::new(Full::new(body)))
}

/// Runs an asynchronous test.
fn on<F: Future<Output = ()> + 'static>(mut event_loop: Box<dyn Loop>, test: fn(World) -> F) {
    let world = World::new(&*event_loop);
    event_loop.block_on(Box::pin(test(world)));
}
