//! An HTTP server and a client, both of hyper.

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use interloop::Reactor;
use interloop_hyper::{Client, ClientBuilder};

use super::{Library, bytes, expect, serve_echo, shut_down};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "hyper",
    package: "hyper",
    by: "`interloop-hyper`",
    exchanges: "1 MiB to a server and back, by HTTP/1.1 and HTTP/2",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let (serving, addr) = serve_echo(&reactor)?;
    let sent = bytes(1 << 20);
    let clients = [
        (ClientBuilder::new(&reactor), Version::HTTP_11),
        (ClientBuilder::new(&reactor).http2_only(), Version::HTTP_2),
    ];
    for (builder, version) in clients {
        let client: Client<Full<Bytes>> = builder.build();
        let request = Request::post(format!("http://{addr}/")).body(sent.clone().into())?;
        let response = client.request(request).await?;
        expect(response.version(), version, "the version of HTTP")?;
        let got = response.into_body().collect().await?.to_bytes();
        expect(got, sent.clone(), "the body")?;
    }
    shut_down(serving).await
}
