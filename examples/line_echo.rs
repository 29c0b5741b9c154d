//! Lines there and back: the smallest protocol, and a client that asks again before it was answered.
//!
//! ```text
//! cargo run --example line_echo -- [--loop LOOP] [--port NUMBER]
//! cargo run --example line_echo -- [--loop LOOP] --connect NUMBER
//! ```

mod answers;
mod on_port;

use std::process::ExitCode;

use answers::Answers;
use interloop::{
    Deferred, Reactor,
    protocol::{
        self, Channel, Lost, Transport,
        framing::{Encoder, Framed, Frames, Lines, Receiver},
    },
};

fn main() -> ExitCode {
    on_port::run(
        "line_echo",
        |_| || Framed::new(Lines::crlf(), Echo),
        async |reactor, stream| {
            let mut client = Client::new(&reactor, stream);
            let lines: Vec<String> = (1..=100).map(|number| format!("line {number}")).collect();
            // All are asked before the first answer is awaited.
            let answers: Vec<_> = lines.iter().map(|line| client.send(line)).collect();
            for (line, answer) in lines.iter().zip(answers) {
                let answer = answer.await?;
                if answer != line.as_bytes() {
                    return Err(format!("`{line}` came back as `{}`", answer.escape_ascii()).into());
                }
            }
            println!("{} lines came back", lines.len());
            client.close();
            Ok(())
        },
    )
}

/// Sends each line back.
struct Echo;

impl Receiver for Echo {
    type Codec = Lines;

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        lines.send(line).expect("it is as long as the one that came");
    }
}

/// Sends lines, each of which is answered with one.
struct Client {
    transport: Transport,
    answers: Answers<Vec<u8>>,
}

impl Client {
    fn new(reactor: &Reactor, stream: impl Channel) -> Self {
        let answers = Answers::new();
        let receiver = Framed::new(Lines::crlf(), Answered(answers.clone()));
        let transport = protocol::attach(reactor, stream, receiver);
        Self { transport, answers }
    }

    /// Fires with the answer.
    fn send(&mut self, line: &str) -> Deferred<Vec<u8>, Lost> {
        let answer = self.answers.expect();
        let written = self
            .transport
            .try_write_with(|out| Lines::crlf().encode(line.as_bytes(), out));
        match written {
            Ok(()) => answer,
            // No answer can be told from the next one's any more.
            Err(error) => {
                self.transport.abort();
                Deferred::failed(Lost::from(std::io::Error::other(error)))
            }
        }
    }

    fn close(self) {
        self.transport.lose_connection();
    }
}

/// What the client's connection calls.
struct Answered(Answers<Vec<u8>>);

impl Receiver for Answered {
    type Codec = Lines;

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        if !self.0.answer(line.to_vec()) {
            // Nobody has asked: this is another protocol.
            lines.transport().abort();
        }
    }

    fn connection_lost(&mut self, _: &mut Frames<'_, Lines>, reason: &Lost) {
        self.0.lose(reason);
    }
}

#[cfg(test)]
mod tests {
    use interloop::{Clock, net::memory};

    use super::*;

    /// A client and a server on a clock, connected with each other.
    fn connected(clock: &Clock) -> (Client, Transport) {
        let (near, far) = memory::pair(64);
        let server = protocol::attach(&clock.reactor(), far, Framed::new(Lines::crlf(), Echo));
        (Client::new(&clock.reactor(), near), server)
    }

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let clock = Clock::new();
        let (mut client, _server) = connected(&clock);
        let answers: Vec<_> = (0..50).map(|number| client.send(&number.to_string())).collect();
        clock.run_until_stalled();
        for (number, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.try_take().unwrap().unwrap(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn who_waits_hears_of_the_end() {
        let clock = Clock::new();
        let (mut client, server) = connected(&clock);
        clock.run_until_stalled();
        server.abort();
        clock.run_until_stalled();
        assert!(client.send("too late").try_take().unwrap().is_err());
    }
}
