//! An app of axum on any loop: routes, state, and JSON both ways.
//!
//! ```text
//! cargo run -p interloop-hyper --example axum_app -- [--loop LOOP] [--port NUMBER] [--requests NUMBER]
//! ```
//!
//! It serves until it is stopped; or it asks itself as often as it is told to, and says how that went. axum is built without its
//! feature `tokio`: extractors, responses and layers need no runtime, and what serves them is `interloop_hyper::Server`.

mod flags;

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use bytes::Bytes;
use flags::{PORT, REQUESTS, on_loop::Usage};
use http_body_util::{BodyExt, Full};
use hyper::{Request, header::CONTENT_TYPE};
use interloop::net::TcpListener;
use interloop_hyper::{Client, ClientBuilder, Server};
use serde_json::{Value, json};

const USAGE: Usage<2> = Usage {
    name: "axum_app",
    numbers: [PORT, REQUESTS],
};

type Sum = Arc<AtomicU64>;

fn app() -> Router {
    Router::new()
        .route(
            "/hello/{name}",
            get(async |Path(name): Path<String>| format!("hello {name}\n")),
        )
        .route("/sum", get(sum))
        .route("/add", post(add))
        .with_state(Sum::default())
}

async fn sum(State(sum): State<Sum>) -> Json<Value> {
    Json(json!({ "sum": sum.load(Ordering::Relaxed) }))
}

async fn add(State(sum): State<Sum>, Json(number): Json<u64>) -> Json<Value> {
    let before = sum.fetch_add(number, Ordering::Relaxed);
    Json(json!({ "sum": before + number }))
}

fn main() -> ExitCode {
    USAGE.run(async |reactor, [port, requests]| {
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], port as u16).into())?;
        let addr = listener.local_addr()?;
        println!("serving an app on http://{addr}/hello/world");
        let serving = Server::new(&reactor).serve_tower(listener, app());
        if requests == 0 {
            return Ok(serving.await?);
        }
        let client: Client<Full<Bytes>> = ClientBuilder::new(&reactor).build();
        let mut answer = Value::Null;
        for number in 1..=requests {
            let request = Request::post(format!("http://{addr}/add")).header(CONTENT_TYPE, "application/json");
            let response = client.request(request.body(number.to_string().into())?).await?;
            answer = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
        }
        println!("added 1 to {requests}, and was answered {answer}");
        drop(client);
        serving.shut_down(Duration::from_secs(10)).await?;
        Ok(())
    })
}
