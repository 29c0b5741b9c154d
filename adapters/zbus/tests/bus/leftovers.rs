//! What a connection leaves behind: no task, as every test here makes sure by itself, and no descriptor.

use std::{
    io::{self, Read},
    os::unix::net::UnixStream,
};

use futures_util::StreamExt;
use interloop::{Reactor, defer_to_thread};
use interloop_conformance::on_every_loop;
use interloop_zbus::runtime;
use zbus::{Guid, connection::Builder, fdo::DBusProxy};

use crate::tools::{Bus, Failure, Words, WordsProxy};

on_every_loop!(
    a_connection_that_is_dropped_closes_its_descriptors,
    an_attempt_that_is_dropped_closes_its_descriptors,
    a_name_is_free_when_its_connection_is_dropped,
    a_service_is_closed_while_it_is_asked,
);

async fn a_connection_that_is_dropped_closes_its_descriptors(reactor: Reactor) -> Result<(), Failure> {
    let (one, other) = UnixStream::pair()?;
    let service = Builder::unix_stream(one)
        .p2p()
        .server(Guid::generate())
        .runtime(runtime(&reactor));
    let client = Builder::unix_stream(other.try_clone()?)
        .p2p()
        .runtime(runtime(&reactor));
    let (service, client) = futures_util::try_join!(service.build(), client.build())?;
    drop(client);
    drop(service);
    // Its mode is that of all its duplicates.
    other.set_nonblocking(false)?;
    ends(other).await
}

async fn an_attempt_that_is_dropped_closes_its_descriptors(reactor: Reactor) -> Result<(), Failure> {
    let (one, mut other) = UnixStream::pair()?;
    let building = Builder::unix_stream(one).p2p().runtime(runtime(&reactor)).build();
    let attempt = reactor.spawn(async { Ok::<_, Failure>(building.await?) });
    // It has begun to greet, and waits for a greeting.
    let other = defer_to_thread(move || {
        other.read_exact(&mut [0])?;
        Ok::<_, Failure>(other)
    });
    let other = other.await?;
    attempt.cancel();
    assert!(attempt.await.is_err());
    ends(other).await
}

async fn a_name_is_free_when_its_connection_is_dropped(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let service = bus.serve(&reactor, Words::default()).await?;
    let client = bus.on(&reactor).build().await?;
    let daemon = DBusProxy::new(&client).await?;
    let mut changes = daemon
        .receive_name_owner_changed_with_args(&[(0, "test.Words")])
        .await?;
    drop(service);
    let change = changes.next().await.ok_or("the stream has ended")?;
    assert!(change.args()?.new_owner().is_none());
    drop(changes);
    drop(daemon);
    client.graceful_shutdown().await;
    Ok(())
}

async fn a_service_is_closed_while_it_is_asked(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let (words, asked, end) = Words::pondering();
    let service = bus.serve(&reactor, words).await?;
    let client = bus.on(&reactor).build().await?;
    let proxy = WordsProxy::new(&client).await?;
    let call = reactor.spawn(async move { Ok::<_, Failure>(proxy.ponder().await?) });
    asked.await?;
    service.close().await?;
    // The bus answers for who has gone.
    assert!(call.await.is_err());
    end.complete(());
    client.close().await?;
    Ok(())
}

/// Waits until nobody has the other end any more.
async fn ends(mut stream: UnixStream) -> Result<(), Failure> {
    let ended = defer_to_thread(move || {
        io::copy(&mut stream, &mut io::sink())?;
        Ok::<_, Failure>(())
    });
    ended.await
}
