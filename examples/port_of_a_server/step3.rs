//! Step 3 of the port of a server: a connection is an `async fn`. The protocol is left only to give its stream to that.
//!
//! ```text
//! cargo run --example port_step3 -- [--loop LOOP] [--port NUMBER]
//! ```

mod backend;
mod listening;

use std::{io, process::ExitCode};

use backend::Backend;
use futures_util::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use interloop::{
    Aborted, Reactor,
    protocol::{self, Protocol, Transport},
};

/// Longer lines end a connection.
const LONGEST: u64 = 16_384;

fn main() -> ExitCode {
    listening::run("port_step3", async |reactor, listener| {
        let backend = Backend::new(&reactor);
        let tasks = reactor.clone();
        let factory = move || Session {
            reactor: tasks.clone(),
            backend: backend.clone(),
        };
        let port = protocol::serve(&reactor, listener.into_incoming(), factory);
        Ok(port.stopped().await?)
    })
}

struct Session {
    reactor: Reactor,
    backend: Backend,
}

impl Protocol for Session {
    fn connection_made(&mut self, transport: &Transport) {
        let (reactor, backend) = (self.reactor.clone(), self.backend.clone());
        let detached = transport.detach().map_err(io::Error::from);
        detached
            .and_then(move |stream| reactor.spawn(talk(stream, backend)))
            // Failures are those of one connection, whose end the other side sees.
            .or_else(|_| Ok::<_, Aborted>(()))
            .detach();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {
        unreachable!("nothing is received once the stream is given away");
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, backend: Backend) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut goes_on = true;
    while goes_on {
        let mut line = Vec::new();
        (&mut stream).take(LONGEST + 2).read_until(b'\n', &mut line).await?;
        let Some(line) = line.strip_suffix(b"\r\n") else {
            // The end, or a line that is too long.
            break;
        };
        let (answer, more) = answer(&backend, &String::from_utf8_lossy(line)).await?;
        stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await?;
        goes_on = more;
    }
    stream.close().await
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
