//! Where a bus is, or is not.

use std::{env, fs, net::TcpListener, time::Duration};

use interloop::{Reactor, defer_to_thread};
use interloop_conformance::on_every_loop;
use interloop_zbus::runtime;
use zbus::{
    Error, Guid,
    connection::{AuthMechanism, Builder},
};

use crate::tools::{Bus, Failure, Words};

on_every_loop!(
    a_bus_that_is_not_there_is_an_error,
    a_peer_by_the_name_of_its_host,
    a_peer_behind_a_program,
    credentials_of_a_peer,
);

async fn a_bus_that_is_not_there_is_an_error(reactor: Reactor) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    drop(listener);
    let addresses = [
        "unix:path=/nowhere/bus".to_owned(),
        "unix:abstract=interloop-nobody".to_owned(),
        format!("unix:path=/{}", "long".repeat(100)),
        format!("tcp:host=127.0.0.1,port={port}"),
        "unixexec:path=/nowhere/program".to_owned(),
    ];
    for address in addresses {
        let refused = Builder::address(&*address).runtime(runtime(&reactor)).build().await;
        assert!(matches!(refused, Err(Error::Connection(..))), "{address}: {refused:?}");
    }
    Ok(())
}

async fn a_peer_by_the_name_of_its_host(reactor: Reactor) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("tcp:host=localhost,family=ipv4,port={}", listener.local_addr()?.port());
    let client = anonymous(Builder::address(&*address), &reactor);
    talk(&reactor, listener, client).await
}

async fn a_peer_behind_a_program(reactor: Reactor) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let script = env::temp_dir().join(format!("interloop-zbus-{}-{port}", std::process::id()));
    let number = script.with_extension("pid");
    // zbus takes arguments as they are in an address, so they have no commas: a file has them.
    let bridge = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port}; echo $$ >{}; cat <&3 & exec cat >&3",
        number.display()
    );
    fs::write(&script, bridge)?;
    let address = format!("unixexec:path=bash,argv1={}", script.display());
    let client = anonymous(Builder::address(&*address), &reactor);
    talk(&reactor, listener, client).await?;
    // Its input has ended, so it has, and is reaped without anybody's asking.
    let child = fs::read_to_string(&number)?;
    while fs::exists(format!("/proc/{}", child.trim_end()))? {
        reactor.sleep(Duration::from_millis(1)).await?;
    }
    fs::remove_file(&number)?;
    fs::remove_file(&script)?;
    Ok(())
}

async fn credentials_of_a_peer(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let client = bus.on(&reactor).build().await?;
    // Who starts a daemon is whom it runs as.
    let user = rustix::process::getuid().as_raw();
    assert_eq!(client.peer_creds().await?.unix_user_id(), Some(user));
    // The groups among them were looked up by the loop.
    for thread in fs::read_dir("/proc/self/task")? {
        // It may have ended meanwhile.
        let name = fs::read_to_string(thread?.path().join("comm")).unwrap_or_default();
        assert!(!name.starts_with("zruntime"), "{name}");
    }
    client.close().await?;
    Ok(())
}

/// Of a peer that knows nobody.
fn anonymous(builder: Builder<'static>, reactor: &Reactor) -> Builder<'static> {
    builder
        .p2p()
        .auth_mechanism(AuthMechanism::Anonymous)
        .runtime(runtime(reactor))
}

/// Calls the one who comes to a listener.
async fn talk(reactor: &Reactor, listener: TcpListener, client: Builder<'static>) -> Result<(), Failure> {
    let of_service = reactor.clone();
    let service = reactor.spawn(async move {
        let (stream, _) = defer_to_thread(move || Ok::<_, Failure>(listener.accept()?)).await?;
        let service = anonymous(Builder::tcp_stream(stream), &of_service)
            .server(Guid::generate())
            .serve_at("/words", Words::default());
        Ok::<_, Failure>(service.build().await?)
    });
    let client = client.build().await?;
    let service = service.await?;
    let answer = client
        .call_method(None::<&str>, "/words", Some("test.Words"), "Shout", &"hello")
        .await?;
    assert_eq!(answer.body().deserialize::<&str>()?, "HELLO");
    client.close().await?;
    service.close().await?;
    Ok(())
}
