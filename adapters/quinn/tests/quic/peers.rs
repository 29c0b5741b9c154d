use interloop::Reactor;
use interloop_conformance::on_every_loop;
use interloop_quinn::{client, server};
use quinn::Endpoint;
use tokio::runtime;

use super::tools::{Failure, accept, ask, bytes, close, configs, echo, localhost, serve_echo};

on_every_loop!(
    a_client_speaks_with_quinn_on_tokio,
    an_endpoint_stays_with_its_reactor_inside_of_a_tokio,
    two_loops_speak_with_each_other,
);

async fn a_client_speaks_with_quinn_on_tokio(reactor: Reactor) -> Result<(), Failure> {
    let (for_server, for_client) = configs()?;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let server = {
        let _inside = runtime.enter();
        Endpoint::server(for_server, localhost())?
    };
    let addr = server.local_addr()?;
    let serving = runtime.spawn(async move {
        let connection = accept(&server).await?;
        let (send, receive) = connection.accept_bi().await?;
        echo(send, receive).await?;
        connection.closed().await;
        Ok::<_, Failure>(())
    });

    let endpoint = client(&reactor, localhost())?;
    let connection = endpoint.connect_with(for_client, addr, "localhost")?.await?;
    let sent = bytes(100_000);
    assert!(ask(&reactor, &connection, sent.clone()).await? == sent);
    close(&connection, &endpoint).await;
    serving.await??;
    // It may not be dropped where tokio runs, as it does for some of these.
    runtime.shutdown_background();
    Ok(())
}

async fn an_endpoint_stays_with_its_reactor_inside_of_a_tokio(reactor: Reactor) -> Result<(), Failure> {
    let (for_server, for_client) = configs()?;
    // It is driven by nobody: what was given to it would never run.
    let idle = runtime::Builder::new_current_thread().enable_all().build()?;
    let (server, endpoint) = {
        let _inside = idle.enter();
        (
            server(&reactor, for_server, localhost())?,
            client(&reactor, localhost())?,
        )
    };
    let addr = server.local_addr()?;
    let serving = serve_echo(&reactor, server);
    let connecting = {
        let _inside = idle.enter();
        endpoint.connect_with(for_client, addr, "localhost")?
    };
    let connection = connecting.await?;
    assert_eq!(ask(&reactor, &connection, bytes(1000)).await?, bytes(1000));
    close(&connection, &endpoint).await;
    idle.shutdown_background();
    serving.await
}

async fn two_loops_speak_with_each_other(reactor: Reactor) -> Result<(), Failure> {
    let (for_server, for_client) = configs()?;
    let other = interloop_smol::global();
    let server = server(&other, for_server, localhost())?;
    let addr = server.local_addr()?;
    let serving = serve_echo(&other, server);

    let endpoint = client(&reactor, localhost())?;
    let connection = endpoint.connect_with(for_client, addr, "localhost")?.await?;
    let sent = bytes(100_000);
    assert!(ask(&reactor, &connection, sent.clone()).await? == sent);
    close(&connection, &endpoint).await;
    serving.await
}
