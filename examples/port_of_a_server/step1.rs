//! Step 1 of the port of a server: the protocol as it was in Python, callback for callback.
//!
//! ```text
//! cargo run --example port_step1 -- [--loop LOOP] [--port NUMBER]
//! ```

mod backend;
mod listening;

use std::process::ExitCode;

use backend::Backend;
use interloop::protocol::{
    self, Transport,
    framing::{Framed, Frames, Lines, Receiver},
};

fn main() -> ExitCode {
    listening::run("port_step1", async |reactor, listener| {
        let backend = Backend::new(&reactor);
        let factory = move || Framed::new(Lines::crlf(), Session(backend.clone()));
        let port = protocol::serve(&reactor, listener.into_incoming(), factory);
        Ok(port.stopped().await?)
    })
}

struct Session(Backend);

impl Receiver for Session {
    type Codec = Lines;

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        let transport = lines.transport();
        let line = String::from_utf8_lossy(line);
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["PUT", key, value] => {
                self.0.put(key, value);
                send_line(transport, "stored");
            }
            ["GET", key] => {
                // Answers come in the order of the questions, so the next one waits.
                transport.pause_reading();
                let (transport, lost) = (transport.clone(), transport.clone());
                self.0
                    .get(key)
                    .map_ok(move |value| {
                        send_line(&transport, value.as_deref().unwrap_or("nothing"));
                        transport.resume_reading();
                    })
                    .or_else(move |aborted| {
                        lost.abort();
                        Err(aborted)
                    })
                    .detach();
            }
            ["QUIT"] => {
                send_line(transport, "goodbye");
                transport.lose_connection();
            }
            _ => send_line(transport, "what?"),
        }
    }
}

fn send_line(transport: &Transport, line: &str) {
    transport.write(format!("{line}\r\n").as_bytes());
}
