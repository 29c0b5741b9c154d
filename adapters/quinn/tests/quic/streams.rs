use std::net::UdpSocket;

use bytes::Bytes;
use interloop::{Deferred, Reactor};
use interloop_quinn::{client, server};

use super::{
    on_every_loop,
    tools::{Failure, ask, bytes, close, configs, localhost, serve_echo},
};

on_every_loop!(
    a_mebibyte_comes_back,
    a_hundred_streams_share_a_connection,
    datagrams_come_back,
    a_connection_moves_to_another_socket,
);

async fn a_mebibyte_comes_back(reactor: Reactor) -> Result<(), Failure> {
    let (for_server, for_client) = configs()?;
    let server = server(&reactor, for_server, localhost())?;
    let addr = server.local_addr()?;
    let serving = serve_echo(&reactor, server);

    let endpoint = client(&reactor, localhost())?;
    let connection = endpoint.connect_with(for_client, addr, "localhost")?.await?;
    let sent = bytes(1 << 20);
    assert!(ask(&reactor, &connection, sent.clone()).await? == sent);
    close(&connection, &endpoint).await;
    serving.await
}

async fn a_hundred_streams_share_a_connection(reactor: Reactor) -> Result<(), Failure> {
    let (for_server, for_client) = configs()?;
    let server = server(&reactor, for_server, localhost())?;
    let addr = server.local_addr()?;
    let serving = serve_echo(&reactor, server);

    let endpoint = client(&reactor, localhost())?;
    let connection = endpoint.connect_with(for_client, addr, "localhost")?.await?;
    let asking: Vec<Deferred<Vec<u8>, Failure>> = (1..=100)
        .map(|number| {
            let (inner, connection) = (reactor.clone(), connection.clone());
            reactor.spawn(async move { ask(&inner, &connection, bytes(number * 100)).await })
        })
        .collect();
    for (number, asked) in (1..).zip(asking) {
        assert!(asked.await? == bytes(number * 100), "stream {number}");
    }
    close(&connection, &endpoint).await;
    serving.await
}

async fn datagrams_come_back(reactor: Reactor) -> Result<(), Failure> {
    let (for_server, for_client) = configs()?;
    let server = server(&reactor, for_server, localhost())?;
    let addr = server.local_addr()?;
    let serving = serve_echo(&reactor, server);

    let endpoint = client(&reactor, localhost())?;
    let connection = endpoint.connect_with(for_client, addr, "localhost")?.await?;
    for number in 0..10_u8 {
        let sent = Bytes::from(vec![number; 100]);
        connection.send_datagram(sent.clone())?;
        assert_eq!(connection.read_datagram().await?, sent);
    }
    close(&connection, &endpoint).await;
    serving.await
}

async fn a_connection_moves_to_another_socket(reactor: Reactor) -> Result<(), Failure> {
    let (for_server, for_client) = configs()?;
    let server = server(&reactor, for_server, localhost())?;
    let addr = server.local_addr()?;
    let serving = serve_echo(&reactor, server);

    let endpoint = client(&reactor, localhost())?;
    let connection = endpoint.connect_with(for_client, addr, "localhost")?.await?;
    assert_eq!(ask(&reactor, &connection, bytes(1000)).await?, bytes(1000));
    let before = endpoint.local_addr()?;
    endpoint.rebind(UdpSocket::bind(localhost())?)?;
    assert_ne!(endpoint.local_addr()?, before);
    assert_eq!(ask(&reactor, &connection, bytes(2000)).await?, bytes(2000));
    close(&connection, &endpoint).await;
    serving.await
}
