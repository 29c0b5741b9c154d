//! An HTTP client.

use std::{io, time::Duration};

use futures_util::TryStreamExt;
use interloop::Reactor;
use interloop_ecosystem_tokio_context::serve;
use interloop_tokio::context::Context;
use reqwest::Client;

use super::on_each_loop;

#[test]
fn a_task_of_the_loop_fetches() {
    let url = format!("http://{}/", serve());
    on_each_loop(|name, context, reactor| {
        let url = url.clone();
        let fetched = context.reactor(reactor).spawn(async move {
            let client = Client::new();
            // On the same connection, and by tasks that it spawns.
            let mut texts = Vec::new();
            for _ in 0..3 {
                let (client, url) = (client.clone(), url.clone());
                let fetch = async move { client.get(url).send().await?.text().await };
                let text = Reactor::current()?.spawn(async { fetch.await.map_err(io::Error::other) });
                texts.push(text.await?);
            }
            Ok::<_, io::Error>(texts)
        });
        assert_eq!(fetched.wait().unwrap(), ["hello"; 3], "{name}");
    });
}

#[test]
fn a_client_that_was_made_inside_is_used_outside() {
    let url = format!("http://{}/", serve());
    on_each_loop(|name, context, reactor| {
        let client = context.wrap(context.call(Client::new));
        let url = url.clone();
        // The reactor is the plain one.
        let fetched = reactor.spawn(async move {
            let response = client.wrap(|client| client.get(&url).send()).await;
            let body = client
                .context()
                .wrap(response.map_err(io::Error::other)?.bytes_stream());
            let bytes: Vec<_> = body.try_collect().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>(bytes.concat())
        });
        assert_eq!(fetched.wait().unwrap(), b"hello", "{name}");
    });
}

#[test]
fn a_time_limit_of_the_client_is_kept() {
    let url = format!("http://{}/never", serve());
    on_each_loop(|name, context, reactor| {
        let url = url.clone();
        let fetched = context.reactor(reactor).spawn_infallible(async move {
            let client = Client::builder().timeout(Duration::from_millis(50)).build().unwrap();
            client.get(url).send().await.map(drop)
        });
        assert!(fetched.wait().unwrap().unwrap_err().is_timeout(), "{name}");
    });
}

#[test]
fn a_request_that_is_cancelled_is_dropped_without_a_panic() {
    let url = format!("http://{}/never", serve());
    on_each_loop(|name, context, reactor| {
        let url = url.clone();
        let (starts, has_started) = std::sync::mpsc::channel();
        let fetch = context.reactor(reactor).spawn_infallible(async move {
            starts.send(()).unwrap();
            Client::new().get(url).send().await.map(drop)
        });
        has_started.recv().unwrap();
        fetch.cancel();
        assert!(fetch.wait().unwrap_err().is_cancelled(), "{name}");
    });
}

#[test]
fn a_runtime_of_the_users_serves_as_well() {
    let url = format!("http://{}/", serve());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let context = Context::new(runtime.handle()).unwrap();
    let fetch = || async { Client::new().get(&url).send().await?.text().await };
    assert_eq!(smol::block_on(context.run(fetch())).unwrap().unwrap(), "hello");
    assert_eq!(
        async_std::task::block_on(context.run(fetch())).unwrap().unwrap(),
        "hello"
    );
    assert_eq!(
        futures_executor::block_on(context.run(fetch())).unwrap().unwrap(),
        "hello"
    );
    assert_eq!(runtime.block_on(context.run(fetch())).unwrap().unwrap(), "hello");
    drop(runtime);
    assert!(smol::block_on(context.run(fetch())).unwrap_err().is_shut_down());
}
