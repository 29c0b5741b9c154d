//! Step 2 of the port of a server: what answers a line is an `async fn`. The protocol receives lines and sends what that says.
//!
//! ```text
//! cargo run --example port_step2 -- [--loop LOOP] [--port NUMBER]
//! ```

mod backend;
mod listening;

use std::process::ExitCode;

use backend::Backend;
use interloop::{
    Aborted, Reactor,
    protocol::{
        self, Transport,
        framing::{Framed, Frames, Lines, Receiver},
    },
};

fn main() -> ExitCode {
    listening::run("port_step2", async |reactor, listener| {
        let backend = Backend::new(&reactor);
        let tasks = reactor.clone();
        let factory = move || {
            let session = Session {
                reactor: tasks.clone(),
                backend: backend.clone(),
            };
            Framed::new(Lines::crlf(), session)
        };
        let port = protocol::serve(&reactor, listener.into_incoming(), factory);
        Ok(port.stopped().await?)
    })
}

struct Session {
    reactor: Reactor,
    backend: Backend,
}

/// What is answered, and whether the dialogue goes on.
async fn answer(backend: &Backend, line: &str) -> Result<(String, bool), Aborted> {
    Ok(match line.split(' ').collect::<Vec<_>>()[..] {
        ["PUT", key, value] => {
            backend.put(key, value);
            ("stored".to_owned(), true)
        }
        ["GET", key] => {
            let value = backend.get(key).await?;
            (value.unwrap_or_else(|| "nothing".to_owned()), true)
        }
        ["QUIT"] => ("goodbye".to_owned(), false),
        _ => ("what?".to_owned(), true),
    })
}

impl Receiver for Session {
    type Codec = Lines;

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        let transport = lines.transport().clone();
        let (backend, line) = (self.backend.clone(), String::from_utf8_lossy(line).into_owned());
        // Answers come in the order of the questions, so the next one waits.
        transport.pause_reading();
        self.reactor
            .spawn(async move {
                let answered = answer(&backend, &line).await.inspect_err(|_| transport.abort());
                let (answer, goes_on) = answered?;
                send_line(&transport, &answer);
                match goes_on {
                    true => transport.resume_reading(),
                    false => transport.lose_connection(),
                }
                Ok::<_, Aborted>(())
            })
            .detach();
    }
}

fn send_line(transport: &Transport, line: &str) {
    transport.write(format!("{line}\r\n").as_bytes());
}
