use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    Resolver,
    config::{LookupIpStrategy, NameServerConfig, ResolverConfig},
    name_server::GenericConnector,
    proto::xfer::Protocol,
};
use interloop::{Deferred, Reactor};
use interloop_conformance::on_every_loop;
use interloop_hickory::Provider;

use super::server::{large, serve};

type Failure = Box<dyn Error + Send + Sync>;

on_every_loop!(
    an_address_is_looked_up,
    an_answer_that_is_too_large_for_udp_comes_by_tcp,
    a_name_that_there_is_not_is_an_error,
    a_server_that_is_silent_is_given_up,
    a_hundred_names_are_looked_up_at_once,
);

fn resolver(reactor: &Reactor, server: SocketAddr) -> Resolver<GenericConnector<Provider>> {
    impatient(reactor, server, Duration::from_secs(30))
}

fn impatient(reactor: &Reactor, server: SocketAddr, limit: Duration) -> Resolver<GenericConnector<Provider>> {
    let mut config = ResolverConfig::new();
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        config.add_name_server(NameServerConfig::new(server, protocol));
    }
    let connector = GenericConnector::new(Provider::new(reactor));
    let mut builder = Resolver::builder_with_config(config, connector);
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4Only;
    options.attempts = 1;
    options.timeout = limit;
    builder.build()
}

async fn an_address_is_looked_up(reactor: Reactor) -> Result<(), Failure> {
    let resolver = resolver(&reactor, serve()?);
    let found = resolver.lookup_ip("host7.test.").await?;
    assert_eq!(found.iter().collect::<Vec<_>>(), [Ipv4Addr::new(10, 0, 0, 7)]);
    Ok(())
}

async fn an_answer_that_is_too_large_for_udp_comes_by_tcp(reactor: Reactor) -> Result<(), Failure> {
    let resolver = resolver(&reactor, serve()?);
    let found = resolver.txt_lookup("large.test.").await?;
    let texts: Vec<String> = found.iter().map(|text| text.to_string()).collect();
    assert_eq!(texts, [large()]);
    Ok(())
}

async fn a_name_that_there_is_not_is_an_error(reactor: Reactor) -> Result<(), Failure> {
    let resolver = resolver(&reactor, serve()?);
    let error = resolver.lookup_ip("elsewhere.test.").await.unwrap_err();
    assert!(error.is_nx_domain(), "{error}");
    Ok(())
}

async fn a_server_that_is_silent_is_given_up(reactor: Reactor) -> Result<(), Failure> {
    let resolver = impatient(&reactor, serve()?, Duration::from_millis(100));
    let error = resolver.lookup_ip("silent.test.").await.unwrap_err();
    assert!(error.to_string().contains("timed out"), "{error}");
    Ok(())
}

async fn a_hundred_names_are_looked_up_at_once(reactor: Reactor) -> Result<(), Failure> {
    let resolver = resolver(&reactor, serve()?);
    let looking: Vec<Deferred<_, Failure>> = (1..=100_u8)
        .map(|number| {
            let resolver = resolver.clone();
            reactor.spawn(async move { Ok(resolver.lookup_ip(format!("host{number}.test.")).await?) })
        })
        .collect();
    for (number, found) in (1..).zip(looking) {
        let found: Vec<_> = found.await?.iter().collect();
        assert_eq!(found, [Ipv4Addr::new(10, 0, 0, number)]);
    }
    Ok(())
}

#[test]
fn outside_of_all_reactors_a_lookup_says_so() -> Result<(), Failure> {
    let resolver = resolver(&interloop_smol::global(), serve()?);
    let error = futures_executor::block_on(resolver.lookup_ip("host7.test.")).unwrap_err();
    assert!(error.to_string().contains("reactor"), "{error}");
    // In a task it is there.
    let looking =
        interloop_smol::global().spawn(async move { Ok::<_, Failure>(resolver.lookup_ip("host7.test.").await?) });
    assert_eq!(looking.wait()?.iter().collect::<Vec<_>>(), [Ipv4Addr::new(10, 0, 0, 7)]);
    Ok(())
}

#[test]
fn a_lookup_on_a_loop_that_has_ended_fails() -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let reactor = interloop_tokio::from_handle(runtime.handle())?;
    let resolver = resolver(&reactor, serve()?);
    drop(runtime);
    let _entered = reactor.enter();
    assert!(futures_executor::block_on(resolver.lookup_ip("host7.test.")).is_err());
    Ok(())
}
