//! WebSockets, over a stream that is handed over.

use ::async_tungstenite::{accept_async, client_async, tungstenite::Message};
use futures_util::StreamExt;
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
};

use super::{Library, bytes, expect};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "async-tungstenite",
    package: "async-tungstenite",
    by: "`interloop::net`'s streams",
    exchanges: "a text and 1 MiB of bytes to a server and back, and the closing handshake",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse()?)?;
    let addr = listener.local_addr()?;
    let serving = reactor.spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut socket = accept_async(stream).await?;
        while let Some(message) = socket.next().await {
            let message = message?;
            if message.is_text() || message.is_binary() {
                socket.send(message).await?;
            }
        }
        Ok::<_, Failure>(())
    });

    let stream = TcpStream::connect(&reactor, addr).await?;
    let (mut socket, response) = client_async(format!("ws://{addr}/"), stream).await?;
    expect(response.status().as_u16(), 101, "the status of the handshake")?;
    for sent in [Message::text("schön, dich zu sehen"), Message::binary(bytes(1 << 20))] {
        socket.send(sent.clone()).await?;
        let got = socket.next().await.ok_or("the connection has ended")??;
        expect(got, sent, "the message")?;
    }
    socket.close(None).await?;
    while let Some(message) = socket.next().await {
        message?;
    }
    serving.await
}
