//! An HTTP client that is made for tokio.

use ::reqwest::Client;
use interloop::Reactor;

use super::{Library, bytes, expect, serve_echo, shut_down, tokio_context};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "reqwest",
    package: "reqwest",
    by: "`interloop_tokio::context`",
    exchanges: "1 MiB to a server and back, twice by one client; the server is the loop's own",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let (serving, addr) = serve_echo(&reactor)?;
    let context = tokio_context()?;
    let fetching = context.reactor(&reactor).spawn(async move {
        let sent = bytes(1 << 20);
        let client = Client::new();
        for _ in 0..2 {
            let response = client.post(format!("http://{addr}/")).body(sent.clone()).send().await?;
            expect(response.bytes().await?, sent.clone(), "the body")?;
        }
        Ok::<_, Failure>(())
    });
    fetching.await?;
    shut_down(serving).await
}
