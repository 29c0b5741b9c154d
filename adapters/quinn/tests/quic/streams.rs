use std::net::UdpSocket;

use bytes::Bytes;
use interloop::{Deferred, Reactor};
use interloop_conformance::on_every_loop;

use super::tools::{Echo, Failure, ask, bytes, localhost};

on_every_loop!(
    a_mebibyte_comes_back,
    a_hundred_streams_share_a_connection,
    datagrams_come_back,
    a_connection_moves_to_another_socket,
);

async fn a_mebibyte_comes_back(reactor: Reactor) -> Result<(), Failure> {
    let echo = Echo::connect(&reactor).await?;
    let sent = bytes(1 << 20);
    assert!(ask(&reactor, &echo.connection, sent.clone()).await? == sent);
    echo.close().await
}

async fn a_hundred_streams_share_a_connection(reactor: Reactor) -> Result<(), Failure> {
    let echo = Echo::connect(&reactor).await?;
    let asking: Vec<Deferred<Vec<u8>, Failure>> = (1..=100)
        .map(|number| {
            let (inner, connection) = (reactor.clone(), echo.connection.clone());
            reactor.spawn(async move { ask(&inner, &connection, bytes(number * 100)).await })
        })
        .collect();
    for (number, asked) in (1..).zip(asking) {
        assert!(asked.await? == bytes(number * 100), "stream {number}");
    }
    echo.close().await
}

async fn datagrams_come_back(reactor: Reactor) -> Result<(), Failure> {
    let echo = Echo::connect(&reactor).await?;
    for number in 0..10_u8 {
        let sent = Bytes::from(vec![number; 100]);
        echo.connection.send_datagram(sent.clone())?;
        assert_eq!(echo.connection.read_datagram().await?, sent);
    }
    echo.close().await
}

async fn a_connection_moves_to_another_socket(reactor: Reactor) -> Result<(), Failure> {
    let echo = Echo::connect(&reactor).await?;
    assert_eq!(ask(&reactor, &echo.connection, bytes(1000)).await?, bytes(1000));
    let before = echo.endpoint.local_addr()?;
    echo.endpoint.rebind(UdpSocket::bind(localhost())?)?;
    assert_ne!(echo.endpoint.local_addr()?, before);
    assert_eq!(ask(&reactor, &echo.connection, bytes(2000)).await?, bytes(2000));
    echo.close().await
}
