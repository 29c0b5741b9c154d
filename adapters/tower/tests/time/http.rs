use std::{error::Error, future::pending, time::Duration};

use axum::{BoxError, Router, error_handling::HandleErrorLayer, http::StatusCode, routing::get};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use interloop::{Aborted, AsAborted, Reactor, net::TcpListener};
use interloop_conformance::on_every_loop;
use interloop_hyper::{Client, ClientBuilder, Server};
use interloop_tower::TimeoutLayer;
use tower::{ServiceBuilder, ServiceExt};

type Failure = Box<dyn Error + Send + Sync>;

on_every_loop!(a_handler_that_is_late_is_answered_for, a_client_gives_a_request_up);

/// Says what came of a handler that gave no response.
async fn explain(error: BoxError) -> (StatusCode, String) {
    let status = if error.as_aborted().is_some_and(Aborted::is_timed_out) {
        StatusCode::GATEWAY_TIMEOUT
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    (status, error.to_string())
}

async fn a_handler_that_is_late_is_answered_for(reactor: Reactor) -> Result<(), Failure> {
    let limits = |limit| {
        ServiceBuilder::new()
            .layer(HandleErrorLayer::new(explain))
            .layer(TimeoutLayer::new(&reactor, limit))
    };
    let app = Router::new()
        .route("/late", get(pending::<()>).layer(limits(Duration::from_millis(5))))
        .route("/soon", get(async || "hello").layer(limits(Duration::from_secs(60))));
    let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into())?;
    let addr = listener.local_addr()?;
    let serving = Server::new(&reactor).serve_tower(listener, app);

    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
    for (path, status, text) in [("late", 504, "timed out"), ("soon", 200, "hello")] {
        let response = client.get(format!("http://{addr}/{path}").parse()?).await?;
        assert_eq!(response.status(), status);
        assert_eq!(response.into_body().collect().await?.to_bytes(), text);
    }
    drop(client);
    serving.shut_down(Duration::from_secs(60)).await?;
    Ok(())
}

async fn a_client_gives_a_request_up(reactor: Reactor) -> Result<(), Failure> {
    let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into())?;
    let addr = listener.local_addr()?;
    let app = Router::new().route("/never", get(pending::<()>));
    let serving = Server::new(&reactor).serve_tower(listener, app);

    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
    // hyper-util's client is a service of tower.
    let client = ServiceBuilder::new()
        .layer(TimeoutLayer::new(&reactor, Duration::from_millis(50)))
        .service(client);
    let request = hyper::Request::get(format!("http://{addr}/never")).body(Empty::new())?;
    let error = client.oneshot(request).await.err().ok_or("it was answered")?;
    assert!(error.as_aborted().is_some_and(Aborted::is_timed_out), "{error}");
    serving.shut_down(Duration::from_secs(60)).await?;
    Ok(())
}
