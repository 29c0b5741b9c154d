//! Step 4 of the port of a server: no protocol is left. A loop accepts, and each connection is a task.
//!
//! ```text
//! cargo run --example port_step4 -- [--loop LOOP] [--port NUMBER]
//! ```

mod backend;
mod listening;

use std::{io, process::ExitCode};

use backend::Backend;
use futures_util::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use interloop::Aborted;

/// Longer lines end a connection.
const LONGEST: u64 = 16_384;

fn main() -> ExitCode {
    listening::run("port_step4", async |reactor, listener| {
        let backend = Backend::new(&reactor);
        loop {
            let (stream, _) = listener.accept().await?;
            // Failures are those of one connection, whose end the other side sees.
            let talking = talk(stream, backend.clone());
            reactor.spawn_infallible(async { drop(talking.await) }).detach();
        }
    })
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
