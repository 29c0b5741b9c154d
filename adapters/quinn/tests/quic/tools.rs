//! Certificates, servers, and a loop that has no function of its own.

use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

use interloop::{Deferred, Reactor};
use interloop_quinn::{client, server};
use quinn::{ClientConfig, Connection, Endpoint, IdleTimeout, RecvStream, SendStream, ServerConfig, TransportConfig};
use rustls::RootCertStore;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

pub(crate) fn localhost() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// What a server shows, and a client that trusts it.
pub(crate) fn configs() -> Result<(ServerConfig, ClientConfig), Failure> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = own.key_pair.serialize_der().try_into()?;
    let server = ServerConfig::with_single_cert(vec![own.cert.der().clone()], key)?;
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone())?;
    Ok((server, ClientConfig::with_root_certificates(Arc::new(roots))?))
}

/// The same client, which gives up after so long a silence.
pub(crate) fn impatient(mut client: ClientConfig, limit: Duration) -> Result<ClientConfig, Failure> {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(IdleTimeout::try_from(limit)?));
    client.transport_config(Arc::new(transport));
    Ok(client)
}

/// A client's connection to a server that gives all back, both on one reactor.
pub(crate) struct Echo {
    pub(crate) connection: Connection,
    pub(crate) endpoint: Endpoint,
    serving: Deferred<(), Failure>,
}

impl Echo {
    pub(crate) async fn connect(reactor: &Reactor) -> Result<Self, Failure> {
        let (for_server, for_client) = configs()?;
        let server = server(reactor, for_server, localhost())?;
        let addr = server.local_addr()?;
        let serving = serve_echo(reactor, server);
        let endpoint = client(reactor, localhost())?;
        let connection = endpoint.connect_with(for_client, addr, "localhost")?.await?;
        Ok(Self {
            connection,
            endpoint,
            serving,
        })
    }

    pub(crate) async fn close(self) -> Result<(), Failure> {
        close(&self.connection, &self.endpoint).await;
        self.serving.await
    }
}

/// Serves one connection on a reactor until it is closed: what comes on a stream goes back on it, and so does a datagram.
pub(crate) fn serve_echo(reactor: &Reactor, endpoint: Endpoint) -> Deferred<(), Failure> {
    let streams = reactor.clone();
    reactor.spawn(async move {
        let connection = accept(&endpoint).await?;
        let datagrams = connection.clone();
        let echo_datagrams = streams.spawn(async move {
            while let Ok(datagram) = datagrams.read_datagram().await {
                datagrams.send_datagram(datagram)?;
            }
            Ok::<_, Failure>(())
        });
        while let Ok((send, receive)) = connection.accept_bi().await {
            streams.spawn(echo(send, receive)).detach();
        }
        echo_datagrams.await?;
        endpoint.wait_idle().await;
        Ok(())
    })
}

pub(crate) async fn accept(endpoint: &Endpoint) -> Result<Connection, Failure> {
    let incoming = endpoint.accept().await.ok_or("the endpoint has ended")?;
    Ok(incoming.await?)
}

pub(crate) async fn echo(mut send: SendStream, mut receive: RecvStream) -> Result<(), Failure> {
    let mut chunk = [0; 16 * 1024];
    while let Some(length) = receive.read(&mut chunk).await? {
        send.write_all(&chunk[..length]).await?;
    }
    Ok(send.finish()?)
}

/// Sends bytes on a stream of its own, and reads what comes back, both at the same time.
pub(crate) async fn ask(reactor: &Reactor, connection: &Connection, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let (mut send, mut receive) = connection.open_bi().await?;
    let length = bytes.len();
    let sending: Deferred<(), Failure> = reactor.spawn(async move {
        send.write_all(&bytes).await?;
        Ok(send.finish()?)
    });
    let got = receive.read_to_end(length).await?;
    sending.await?;
    Ok(got)
}

/// Closes, and waits until the other end must know.
pub(crate) async fn close(connection: &Connection, endpoint: &Endpoint) {
    connection.close(0_u8.into(), b"done");
    endpoint.wait_idle().await;
}

/// Bytes whose order matters.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}
