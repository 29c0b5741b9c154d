//! A web application.

use ::axum::{
    Json, Router,
    extract::Path,
    routing::{get, post},
};
use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use interloop::{Reactor, net::TcpListener};
use interloop_hyper::{Client, ClientBuilder, Server};
use serde_json::{Value, json};

use super::{Library, expect, shut_down};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "axum",
    package: "axum",
    by: "`interloop-hyper`",
    exchanges: "a path, JSON to a handler and from it, and a route that there is not",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let app = Router::new()
        .route(
            "/hello/{name}",
            get(async |Path(name): Path<String>| format!("hello {name}")),
        )
        .route("/sum", post(sum));
    let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse()?)?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = Server::new(&reactor).serve_tower(listener, app);

    let client: Client<Full<Bytes>> = ClientBuilder::new(&reactor).build();
    let response = client.get(format!("{url}/hello/world").parse()?).await?;
    expect(
        response.into_body().collect().await?.to_bytes(),
        "hello world".into(),
        "the greeting",
    )?;

    let numbers: Vec<i64> = (1..=100).collect();
    let request = Request::post(format!("{url}/sum"))
        .header(CONTENT_TYPE, "application/json")
        .body(serde_json::to_vec(&numbers)?.into())?;
    let response = client.request(request).await?.into_body().collect().await?.to_bytes();
    expect(serde_json::from_slice(&response)?, json!({ "sum": 5050 }), "the sum")?;

    let response = client.get(format!("{url}/elsewhere").parse()?).await?;
    expect(response.status().as_u16(), 404, "the status of what there is not")?;
    response.into_body().collect().await?;
    shut_down(serving).await
}

async fn sum(Json(numbers): Json<Vec<i64>>) -> Json<Value> {
    Json(json!({ "sum": numbers.iter().sum::<i64>() }))
}
