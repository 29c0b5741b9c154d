use std::{net::UdpSocket, time::Duration};

use interloop::Reactor;
use interloop_conformance::on_every_loop;
use interloop_quinn::{client, server};
use quinn::{ConnectError, ConnectionError};
use tokio::runtime;

use super::tools::{Failure, accept, close, configs, impatient, localhost};

on_every_loop!(
    a_server_that_never_answers_is_given_up,
    a_peer_that_falls_silent_is_given_up,
    a_close_is_told_with_its_reason,
);

async fn a_server_that_never_answers_is_given_up(reactor: Reactor) -> Result<(), Failure> {
    let (_, for_client) = configs()?;
    let deaf = UdpSocket::bind(localhost())?;
    let endpoint = client(&reactor, localhost())?;
    let for_client = impatient(for_client, Duration::from_millis(100))?;
    let connecting = endpoint.connect_with(for_client, deaf.local_addr()?, "localhost")?;
    assert_eq!(connecting.await.err(), Some(ConnectionError::TimedOut));
    endpoint.wait_idle().await;
    Ok(())
}

async fn a_peer_that_falls_silent_is_given_up(reactor: Reactor) -> Result<(), Failure> {
    let (for_server, for_client) = configs()?;
    let server = server(&reactor, for_server, localhost())?;
    let addr = server.local_addr()?;
    let accepting = reactor.spawn(async move {
        let connection = accept(&server).await?;
        Ok::<_, Failure>((server, connection))
    });
    let endpoint = client(&reactor, localhost())?;
    let for_client = impatient(for_client, Duration::from_millis(100))?;
    let connection = endpoint.connect_with(for_client, addr, "localhost")?.await?;
    // Kept, so that it is not closed.
    let (_server, _theirs) = accepting.await?;
    assert_eq!(connection.closed().await, ConnectionError::TimedOut);
    endpoint.wait_idle().await;
    Ok(())
}

async fn a_close_is_told_with_its_reason(reactor: Reactor) -> Result<(), Failure> {
    let (for_server, for_client) = configs()?;
    let server = server(&reactor, for_server, localhost())?;
    let addr = server.local_addr()?;
    let accepting = reactor.spawn(async move {
        let connection = accept(&server).await?;
        Ok::<_, Failure>(connection.closed().await)
    });
    let endpoint = client(&reactor, localhost())?;
    let connection = endpoint.connect_with(for_client, addr, "localhost")?.await?;
    close(&connection, &endpoint).await;
    let ConnectionError::ApplicationClosed(close) = accepting.await? else {
        return Err("it was closed for another reason".into());
    };
    assert_eq!(close.reason, "done");
    Ok(())
}

#[test]
fn an_endpoint_whose_loop_has_ended_says_so() -> Result<(), Failure> {
    let (_, for_client) = configs()?;
    let runtime = runtime::Runtime::new()?;
    let reactor = interloop_tokio::from_handle(runtime.handle())?;
    let endpoint = client(&reactor, localhost())?;
    drop(runtime);
    let refused = endpoint.connect_with(for_client, ([127, 0, 0, 1], 9).into(), "localhost");
    assert_eq!(refused.err(), Some(ConnectError::EndpointStopping));
    assert!(client(&reactor, localhost()).is_err());
    Ok(())
}
