//! Calls of functions on the other side: JSON in netstrings, with answers that may come in another order than the questions.
//!
//! ```text
//! cargo run --example netstring_rpc -- [--loop LOOP] [--port NUMBER]
//! cargo run --example netstring_rpc -- [--loop LOOP] --connect NUMBER
//! ```
//!
//! A call is `{"id": 1, "method": "add", "params": [1, 2]}`, its answer `{"id": 1, "result": 3}` or
//! `{"id": 1, "error": "..."}`. There are `add`, `upper`, and `later`, which answers after as many milliseconds.

mod on_port;

use std::{
    collections::HashMap,
    io,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use interloop::{
    Aborted, Completer, Deferred, Reactor,
    protocol::{
        self, Channel, Lost, Transport,
        framing::{Encoder, Framed, Frames, Netstrings, Receiver},
    },
};
use serde_json::{Value, json};

fn main() -> ExitCode {
    on_port::run(
        "netstring_rpc",
        |reactor| {
            let reactor = reactor.clone();
            move || Framed::new(Netstrings::new(), Server(reactor.clone()))
        },
        async |reactor, stream| {
            let client = Client::new(&reactor, stream);
            let late = client.call("later", json!([100]));
            let sums: Vec<_> = (0..100).map(|number| client.call("add", json!([number, 1]))).collect();
            for (number, sum) in sums.into_iter().enumerate() {
                let sum = sum.await?;
                if sum != json!(number + 1) {
                    return Err(format!("{number} and 1 are not {sum}").into());
                }
            }
            println!("100 sums came before what was asked first: {}", !late.is_settled());
            late.await?;
            match client.call("divide", json!([1, 0])).await {
                Ok(quotient) => return Err(format!("there is no such method, and it gave {quotient}").into()),
                Err(error) => println!("refused: {error}"),
            }
            client.transport.lose_connection();
            Ok(())
        },
    )
}

/// Answers calls.
struct Server(Reactor);

impl Receiver for Server {
    type Codec = Netstrings;

    fn frame_received(&mut self, frames: &mut Frames<'_, Netstrings>, frame: &[u8]) {
        let Ok(call) = serde_json::from_slice::<Value>(frame) else {
            // Whose answer it would be is unknown.
            return frames.transport().lose_connection();
        };
        let id = call["id"].clone();
        let transport = frames.transport().clone();
        // Whether the answer is there already or comes later, it is sent from here.
        self.run(&call)
            .then(move |result| {
                let answer = match result {
                    Ok(result) => json!({"id": id, "result": result}),
                    Err(error) => json!({"id": id, "error": error.to_string()}),
                };
                send(&transport, &answer)
            })
            .or_else(|error| {
                eprintln!("an answer was not sent: {error}");
                Ok::<_, Aborted>(())
            })
            .detach();
    }
}

impl Server {
    fn run(&self, call: &Value) -> Deferred<Value, io::Error> {
        let wrong = |what: &str| Deferred::failed(io::Error::other(what));
        let params = &call["params"];
        match call["method"].as_str() {
            Some("add") => match (params[0].as_i64(), params[1].as_i64()) {
                (Some(a), Some(b)) => match a.checked_add(b) {
                    Some(sum) => Deferred::ready(json!(sum)),
                    None => wrong("the sum is too large"),
                },
                _ => wrong("add takes two whole numbers"),
            },
            Some("upper") => match params[0].as_str() {
                Some(text) => Deferred::ready(json!(text.to_uppercase())),
                None => wrong("upper takes a text"),
            },
            Some("later") => match params[0].as_u64() {
                Some(milliseconds @ 0..=60_000) => {
                    let sleep = self.0.sleep(Duration::from_millis(milliseconds));
                    self.0.spawn(async move {
                        sleep.await?;
                        Ok(json!("now"))
                    })
                }
                _ => wrong("later takes a number of milliseconds, up to 60000"),
            },
            _ => wrong("there is no such method: call add, upper or later"),
        }
    }
}

fn send(transport: &Transport, message: &Value) -> io::Result<()> {
    let text = message.to_string();
    transport
        .try_write_with(|out| Netstrings::new().encode(text.as_bytes(), out))
        .map_err(io::Error::other)
}

/// Calls functions of the other side; cheap to clone.
#[derive(Clone)]
struct Client {
    transport: Transport,
    calls: Arc<Mutex<Calls>>,
}

#[derive(Default)]
struct Calls {
    last: u64,
    waiting: HashMap<u64, Completer<Value, io::Error>>,
    /// Set at the end of the connection.
    over: Option<Lost>,
}

impl Client {
    fn new(reactor: &Reactor, stream: impl Channel) -> Self {
        let calls = Arc::default();
        let receiver = Framed::new(Netstrings::new(), Answered(Arc::clone(&calls)));
        let transport = protocol::attach(reactor, stream, receiver);
        Self { transport, calls }
    }

    /// Fires with the result, or fails with what the other side says is wrong.
    fn call(&self, method: &str, params: Value) -> Deferred<Value, io::Error> {
        let (completer, deferred) = Deferred::pair();
        let id = {
            let mut calls = self.calls.lock().unwrap();
            if let Some(reason) = &calls.over {
                return Deferred::failed(reason.clone().into());
            }
            calls.last += 1;
            let id = calls.last;
            calls.waiting.insert(id, completer);
            id
        };
        let sent = send(&self.transport, &json!({"id": id, "method": method, "params": params}));
        if let Err(error) = sent {
            let waiting = self.calls.lock().unwrap().waiting.remove(&id);
            if let Some(completer) = waiting {
                completer.fail(error);
            }
        }
        deferred
    }
}

struct Answered(Arc<Mutex<Calls>>);

impl Receiver for Answered {
    type Codec = Netstrings;

    fn frame_received(&mut self, frames: &mut Frames<'_, Netstrings>, frame: &[u8]) {
        let answer: Value = serde_json::from_slice(frame).unwrap_or_default();
        let waiting = answer["id"]
            .as_u64()
            .and_then(|id| self.0.lock().unwrap().waiting.remove(&id));
        match (waiting, &answer["error"]) {
            (None, _) => frames.transport().abort(),
            (Some(completer), Value::Null) => completer.complete(answer["result"].clone()),
            (Some(completer), error) => {
                let error = error.as_str().unwrap_or("the call failed");
                completer.fail(io::Error::other(error));
            }
        }
    }

    fn connection_lost(&mut self, _: &mut Frames<'_, Netstrings>, reason: &Lost) {
        let waiting = {
            let mut calls = self.0.lock().unwrap();
            calls.over = Some(reason.clone());
            std::mem::take(&mut calls.waiting)
        };
        for completer in waiting.into_values() {
            completer.fail(reason.clone().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use interloop::{Clock, net::memory};

    use super::*;

    fn connected(clock: &Clock) -> (Client, Transport) {
        let (near, far) = memory::pair(64);
        let server = Framed::new(Netstrings::new(), Server(clock.reactor()));
        let server = protocol::attach(&clock.reactor(), far, server);
        (Client::new(&clock.reactor(), near), server)
    }

    #[test]
    fn a_slow_call_holds_up_no_other() {
        let clock = Clock::new();
        let (client, _server) = connected(&clock);
        let late = client.call("later", json!([1000]));
        let sum = client.call("add", json!([1, 2]));
        clock.run_until_stalled();
        assert_eq!(sum.try_take().unwrap().unwrap(), json!(3));
        assert!(!late.is_settled());
        clock.advance(Duration::from_secs(1));
        assert_eq!(late.try_take().unwrap().unwrap(), json!("now"));
    }

    #[test]
    fn what_is_wrong_is_an_error_of_its_call_alone() {
        let clock = Clock::new();
        let (client, _server) = connected(&clock);
        let wrong = [
            client.call("divide", json!([])),
            client.call("add", json!([1])),
            client.call("add", json!([i64::MAX, 1])),
        ];
        let right = client.call("upper", json!(["ä"]));
        clock.run_until_stalled();
        for wrong in wrong {
            assert!(wrong.try_take().unwrap().is_err());
        }
        assert_eq!(right.try_take().unwrap().unwrap(), json!("Ä"));
    }

    #[test]
    fn a_connection_that_is_lost_fails_all_calls() {
        let clock = Clock::new();
        let (client, server) = connected(&clock);
        let late = client.call("later", json!([1000]));
        clock.run_until_stalled();
        server.abort();
        clock.run_until_stalled();
        assert!(late.try_take().unwrap().is_err());
        assert!(client.call("add", json!([1, 2])).try_take().unwrap().is_err());
    }
}
