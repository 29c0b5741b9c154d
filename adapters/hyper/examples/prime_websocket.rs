//! A WebSocket server that answers whether a number is prime, on any loop, and the page that asks it.
//!
//! ```text
//! cargo run -p interloop-hyper --example prime_websocket -- [--loop LOOP] [--port NUMBER] [--requests NUMBER]
//! ```
//!
//! It serves until it is stopped; or it asks itself about as many numbers as it is told to, and checks the answers. What takes
//! long is computed on the blocking pool, so that everybody else is answered meanwhile.

mod flags;

use std::{convert::Infallible, net::SocketAddr, process::ExitCode, time::Duration};

use async_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        handshake::server::create_response_with_body,
        protocol::{Role, WebSocketConfig},
    },
};
use bytes::Bytes;
use flags::{
    PORT, REQUESTS,
    on_loop::{Error, Number, Usage},
};
use futures_util::StreamExt;
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::CONTENT_TYPE,
    service::service_fn,
    upgrade::{OnUpgrade, on},
};
use interloop::{
    Aborted, Reactor,
    net::{TcpListener, TcpStream},
};
use interloop_hyper::{Io, Server};

const USAGE: Usage<2> = Usage {
    name: "prime_websocket",
    numbers: [
        PORT,
        Number {
            what_for: "about how many numbers it asks itself before it ends, or 0 to serve until it is stopped",
            ..REQUESTS
        },
    ],
};

/// The largest number that is taken: up to here, a script in a page can hold each of them.
const LARGEST: u64 = (1 << 53) - 1;

/// What is less is found out in some microseconds, which no loop minds.
const BIG: u64 = 1 << 24;

/// A question is a number, and no client needs the server's memory for it.
const LONGEST_QUESTION: usize = 1024;

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Is it prime?</title>
<form>
    <label>Is <input name="number" inputmode="numeric" autocomplete="off" autofocus> prime?</label>
    <button>Ask</button>
</form>
<ol></ol>
<script>
const socket = new WebSocket(location.origin.replace("http", "ws") + "/prime");
const form = document.querySelector("form");
const answers = document.querySelector("ol");
const say = (text) => (answers.appendChild(document.createElement("li")).textContent = text);
form.onsubmit = (event) => {
    event.preventDefault();
    socket.send(form.elements.number.value);
    form.reset();
};
socket.addEventListener("message", (event) => say(event.data));
socket.addEventListener("close", () => say("the server has gone"));

// What `?ask=7,8` asks is asked at once. A document in the page is held open for so long, so that the page counts as loaded
// when it has the answers.
const asked = new URLSearchParams(location.search).get("ask")?.split(",") ?? [];
if (asked.length > 0) {
    const held = document.body.appendChild(document.createElement("iframe"));
    held.hidden = true;
    held.contentDocument.open();
    const release = () => held.contentDocument.close();
    socket.addEventListener("open", () => asked.forEach((number) => socket.send(number)));
    socket.addEventListener("message", () => answers.children.length >= asked.length && release());
    socket.addEventListener("close", release);
}
</script>
</html>
"#;

async fn serve(reactor: Reactor, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/" => {
            let response = Response::builder().header(CONTENT_TYPE, "text/html; charset=utf-8");
            response.body(PAGE.into()).expect("the header is well-formed")
        }
        "/prime" => match create_response_with_body(&request, Full::default) {
            Ok(response) => {
                let upgrading = on(&mut request);
                reactor.spawn(answer(reactor.clone(), upgrading)).detach();
                response
            }
            Err(error) => refusal(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        _ => refusal(StatusCode::NOT_FOUND, "there is only `/`, and `/prime` for WebSockets"),
    }
}

fn refusal(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(format!("{text}\n").into());
    *response.status_mut() = status;
    response
}

/// Answers one question after the other, in a task, until the client has gone.
async fn answer(reactor: Reactor, upgrading: OnUpgrade) -> Result<(), Error> {
    let Ok(upgraded) = upgrading.await else {
        return Ok(());
    };
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST_QUESTION));
    let mut socket = WebSocketStream::from_raw_socket(Io::new(upgraded), Role::Server, Some(config)).await;
    while let Some(Ok(message)) = socket.next().await {
        let question = match message {
            Message::Text(text) => text,
            Message::Binary(_) => "bytes".into(),
            _ => continue,
        };
        let answer = verdict(&reactor, question.trim()).await?;
        if socket.send(Message::text(answer)).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn verdict(reactor: &Reactor, question: &str) -> Result<String, Aborted> {
    let number = match question.parse::<u64>() {
        Ok(number) if number <= LARGEST => number,
        _ => return Ok(format!("`{question}` is no number from 0 to {LARGEST}")),
    };
    let is_prime = if number < BIG {
        is_prime(number)
    } else {
        reactor
            .spawn_blocking(move || Ok::<_, Aborted>(is_prime(number)))
            .await?
    };
    Ok(said_of(number, is_prime))
}

fn said_of(number: u64, is_prime: bool) -> String {
    format!("{number} is {}", if is_prime { "prime" } else { "not prime" })
}

/// By division, which takes a tenth of a second or more for the largest.
fn is_prime(number: u64) -> bool {
    if number < 4 {
        return number > 1;
    }
    let mut divisors = (5..).step_by(6).take_while(|divisor| divisor * divisor <= number);
    number % 2 != 0 && number % 3 != 0 && divisors.all(|divisor| number % divisor != 0 && number % (divisor + 2) != 0)
}

fn main() -> ExitCode {
    USAGE.run(async |reactor, [port, requests]| {
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], port as u16).into())?;
        let addr = listener.local_addr()?;
        println!("is it prime? ask on http://{addr}/");
        let service = {
            let reactor = reactor.clone();
            service_fn(move |request| {
                let reactor = reactor.clone();
                async move { Ok::<_, Infallible>(serve(reactor, request).await) }
            })
        };
        let serving = Server::new(&reactor).serve(listener, service);
        if requests == 0 {
            return Ok(serving.await?);
        }
        let primes = ask(&reactor, addr, requests).await?;
        println!("asked about {requests} numbers, of which {primes} are prime, and some that are large");
        serving.shut_down(Duration::from_secs(10)).await?;
        Ok(())
    })
}

/// Asks about the numbers from 0 on, and gives how many of them are prime.
async fn ask(reactor: &Reactor, addr: SocketAddr, numbers: u32) -> Result<usize, Error> {
    let stream = TcpStream::connect(reactor, addr).await?;
    let (mut socket, _) = client_async(format!("ws://{addr}/prime"), stream).await?;
    let sieve = sieve(numbers as usize);
    let small = (0..).zip(sieve.iter().copied());
    let large = [
        (9_007_199_254_740_881, true),
        (LARGEST, false),
        (94_906_249 * 94_906_249, false),
    ];
    let numbers = small.chain(large);
    let mut expected: Vec<_> = numbers
        .map(|(n, is_prime)| (n.to_string(), said_of(n, is_prime)))
        .collect();
    expected.push(("one".into(), format!("`one` is no number from 0 to {LARGEST}")));
    for (question, answer) in expected {
        socket.send(Message::text(question)).await?;
        let got = socket.next().await.ok_or("the server has gone")??;
        if got.to_text()? != answer {
            return Err(format!("expected '{answer}', got '{got}'").into());
        }
    }
    socket.close(None).await?;
    while let Some(message) = socket.next().await {
        message?;
    }
    Ok(sieve.iter().filter(|is_prime| **is_prime).count())
}

/// Which numbers are prime, found out in another way than the server's.
fn sieve(numbers: usize) -> Vec<bool> {
    let mut is_prime = vec![true; numbers];
    is_prime.iter_mut().take(2).for_each(|small| *small = false);
    for number in 2..numbers {
        if is_prime[number] {
            is_prime
                .iter_mut()
                .skip(2 * number)
                .step_by(number)
                .for_each(|multiple| *multiple = false);
        }
    }
    is_prime
}
