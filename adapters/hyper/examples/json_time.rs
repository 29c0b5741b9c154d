//! A service that tells the time as JSON, in a handful of lines, on any loop.
//!
//! ```text
//! cargo run -p interloop-hyper --example json_time -- [--loop LOOP] [--port NUMBER] [--requests NUMBER]
//! ```
//!
//! It serves until it is stopped; or it asks itself as often as it is told to, and says what it was answered.

mod flags;

use std::{
    convert::Infallible,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use flags::{PORT, REQUESTS, on_loop::Usage};
use http_body_util::{BodyExt, Empty, Full};
use hyper::{Request, Response, body::Incoming, header::CONTENT_TYPE, service::service_fn};
use interloop::net::TcpListener;
use interloop_hyper::{Client, ClientBuilder, Server};
use serde_json::json;

const USAGE: Usage<2> = Usage {
    name: "json_time",
    numbers: [PORT, REQUESTS],
};

async fn time(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let body = json!({ "unix": since.as_secs(), "nanoseconds": since.subsec_nanos() }).to_string();
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    Ok(response.body(body.into()).expect("the header is well-formed"))
}

fn main() -> ExitCode {
    USAGE.run(async |reactor, [port, requests]| {
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], port as u16).into())?;
        let addr = listener.local_addr()?;
        println!("serving the time on http://{addr}/");
        let serving = Server::new(&reactor).serve(listener, service_fn(time));
        if requests == 0 {
            return Ok(serving.await?);
        }
        let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor).build();
        for _ in 0..requests {
            let response = client.get(format!("http://{addr}/").parse()?).await?;
            let body = response.into_body().collect().await?.to_bytes();
            let time: serde_json::Value = serde_json::from_slice(&body)?;
            println!("the time is {time}");
        }
        drop(client);
        let shutdown = serving.shut_down(Duration::from_secs(10)).await?;
        println!("shut down, with {} connections cut", shutdown.cut());
        Ok(())
    })
}
