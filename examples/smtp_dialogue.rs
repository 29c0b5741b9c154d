//! A dialogue whose language changes with its state: a mail server that takes mails and prints what it took, and a client that sends one.
//!
//! ```text
//! cargo run --example smtp_dialogue -- [--loop LOOP] [--port NUMBER]
//! cargo run --example smtp_dialogue -- [--loop LOOP] --connect NUMBER
//! ```

mod answers;
mod on_port;

use std::{fmt::Write, io, mem, process::ExitCode};

use answers::Answers;
use interloop::{
    Deferred, Reactor,
    protocol::{
        self, Channel, Lost, Transport,
        framing::{FrameError, Framed, Frames, Lines, Receiver},
    },
};

/// Of a mail, in bytes, and of whom it is for.
const LARGEST: usize = 1024 * 1024;
const MOST_RECIPIENTS: usize = 100;

fn main() -> ExitCode {
    on_port::run(
        "smtp_dialogue",
        |_| {
            || {
                Dialogue::over_lines(|mail: Mail| {
                    println!(
                        "from {} for {}: {} bytes",
                        mail.from,
                        mail.recipients.join(", "),
                        mail.text.len()
                    );
                })
            }
        },
        async |reactor, stream| {
            let mut client = Client::new(&reactor, stream);
            let mail = Mail {
                from: "ann@example.org".to_owned(),
                recipients: vec!["bob@example.org".to_owned(), "eve@example.org".to_owned()],
                text: "Subject: dots\r\n\r\n.\r\n..and more\r\n".to_owned(),
            };
            let said = client.send(&mail).await?;
            println!("{said}");
            client.quit().await?;
            Ok(())
        },
    )
}

/// A mail and its envelope. Lines end with `\r\n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mail {
    from: String,
    recipients: Vec<String>,
    text: String,
}

/// The server's side.
struct Dialogue<D> {
    deliver: D,
    state: State,
    mail: Mail,
    /// The mail is too large: the rest of it is read, and dropped.
    is_too_large: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not yet greeted.
    New,
    Greeted,
    /// It is known from whom a mail is.
    From,
    /// And for whom.
    For,
    /// Lines of the mail come.
    Data,
}

impl<D: FnMut(Mail) + Send + 'static> Dialogue<D> {
    fn over_lines(deliver: D) -> Framed<Self> {
        let dialogue = Self {
            deliver,
            state: State::New,
            mail: Mail::default(),
            is_too_large: false,
        };
        Framed::new(Lines::crlf().max_length(1000), dialogue)
    }

    fn command(&mut self, line: &str) -> &'static str {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        match (verb.to_ascii_uppercase().as_str(), self.state) {
            ("HELO" | "EHLO", _) if !argument.is_empty() => {
                self.reset(State::Greeted);
                "250 at your service"
            }
            ("NOOP", _) => "250 done",
            ("RSET", state) => {
                self.reset(state.min_greeted());
                "250 forgotten"
            }
            ("MAIL", State::Greeted) => match address(argument, "FROM:") {
                Some(from) => {
                    self.mail.from = from;
                    self.state = State::From;
                    "250 it is from there"
                }
                None => "501 say MAIL FROM:<address>",
            },
            ("RCPT", State::From | State::For) => match address(argument, "TO:") {
                Some(_) if self.mail.recipients.len() == MOST_RECIPIENTS => "452 there are too many recipients",
                Some(recipient) if !recipient.is_empty() => {
                    self.mail.recipients.push(recipient);
                    self.state = State::For;
                    "250 it is for them"
                }
                _ => "501 say RCPT TO:<address>",
            },
            ("DATA", State::For) => {
                self.state = State::Data;
                "354 go on, and end with a dot"
            }
            ("HELO" | "EHLO", _) => "501 say who you are",
            ("MAIL" | "RCPT" | "DATA", _) => "503 not now",
            _ => "500 unknown",
        }
    }

    fn reset(&mut self, state: State) {
        self.mail = Mail::default();
        self.is_too_large = false;
        self.state = state;
    }

    /// A line of the mail. The answer, if it was the last one.
    fn text(&mut self, line: &str) -> Option<&'static str> {
        if line == "." {
            let (mail, is_too_large) = (mem::take(&mut self.mail), self.is_too_large);
            self.reset(State::Greeted);
            if is_too_large {
                return Some("552 the mail is too large");
            }
            (self.deliver)(mail);
            return Some("250 delivered");
        }
        // A dot at the beginning was doubled by the client.
        let line = line.strip_prefix('.').unwrap_or(line);
        self.is_too_large |= self.mail.text.len() + line.len() + 2 > LARGEST;
        if !self.is_too_large {
            self.mail.text.push_str(line);
            self.mail.text.push_str("\r\n");
        }
        None
    }
}

impl State {
    fn min_greeted(self) -> Self {
        match self {
            Self::New => Self::New,
            _ => Self::Greeted,
        }
    }
}

/// Of `FROM:<address>`, with parameters behind it that mean nothing here.
fn address(argument: &str, keyword: &str) -> Option<String> {
    let (begin, rest) = argument.split_at_checked(keyword.len())?;
    let (address, _) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    begin.eq_ignore_ascii_case(keyword).then(|| address.to_owned())
}

impl<D: FnMut(Mail) + Send + 'static> Receiver for Dialogue<D> {
    type Codec = Lines;

    fn connection_made(&mut self, lines: &mut Frames<'_, Lines>) {
        lines.transport().write(b"220 interloop.example ESMTP\r\n");
    }

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let answer = match self.state {
            State::Data => self.text(&line),
            _ if line.eq_ignore_ascii_case("QUIT") => {
                lines.transport().write(b"221 goodbye\r\n");
                return lines.transport().lose_connection();
            }
            _ => Some(self.command(&line)),
        };
        if let Some(answer) = answer {
            lines.transport().write(format!("{answer}\r\n").as_bytes());
        }
    }

    fn decoding_failed(&mut self, lines: &mut Frames<'_, Lines>, _: FrameError, _: &[u8]) {
        lines.transport().write(b"500 the line is too long\r\n");
        lines.transport().lose_connection();
    }
}

/// The client's side: a dialogue is written down as an `async fn`, over a protocol that matches answers to commands.
struct Client {
    transport: Transport,
    answers: Answers<Answer>,
    /// The server's first words.
    greeting: Option<Deferred<Answer, Lost>>,
}

/// A code, and what is said with it.
#[derive(Debug)]
struct Answer {
    code: u16,
    text: String,
}

impl Client {
    fn new(reactor: &Reactor, stream: impl Channel) -> Self {
        let answers = Answers::new();
        let greeting = Some(answers.expect());
        let answered = Answered {
            answers: answers.clone(),
            text: String::new(),
        };
        let transport = protocol::attach(reactor, stream, Framed::new(Lines::crlf(), answered));
        Self {
            transport,
            answers,
            greeting,
        }
    }

    /// What the server says in the end.
    async fn send(&mut self, mail: &Mail) -> io::Result<String> {
        if let Some(greeting) = self.greeting.take() {
            expect(greeting, 220).await?;
            expect(self.command("HELO client.example"), 250).await?;
        }
        expect(self.command(&format!("MAIL FROM:<{}>", mail.from)), 250).await?;
        for recipient in &mail.recipients {
            expect(self.command(&format!("RCPT TO:<{recipient}>")), 250).await?;
        }
        expect(self.command("DATA"), 354).await?;
        let mut text = String::new();
        for line in mail.text.lines() {
            let dot = if line.starts_with('.') { "." } else { "" };
            write!(text, "{dot}{line}\r\n").expect("text can be written to");
        }
        expect(self.command(&(text + ".")), 250).await
    }

    async fn quit(mut self) -> io::Result<()> {
        expect(self.command("QUIT"), 221).await?;
        self.transport.lose_connection();
        Ok(())
    }

    fn command(&mut self, command: &str) -> Deferred<Answer, Lost> {
        let answer = self.answers.expect();
        self.transport.write(format!("{command}\r\n").as_bytes());
        answer
    }
}

async fn expect(answer: Deferred<Answer, Lost>, code: u16) -> io::Result<String> {
    let answer = answer.await?;
    match answer.code == code {
        true => Ok(answer.text),
        false => Err(io::Error::other(format!(
            "the server said {} {}",
            answer.code, answer.text
        ))),
    }
}

struct Answered {
    answers: Answers<Answer>,
    /// The lines of an answer that is not yet whole.
    text: String,
}

impl Receiver for Answered {
    type Codec = Lines;

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let parts = line
            .split_at_checked(3)
            .and_then(|(code, text)| Some((code.parse().ok()?, text)));
        let Some((code, text)) = parts else {
            return lines.transport().abort();
        };
        // All lines but the last have a dash behind the code.
        self.text.push_str(text.get(1..).unwrap_or_default());
        if text.starts_with('-') {
            return self.text.push('\n');
        }
        let text = mem::take(&mut self.text);
        if !self.answers.answer(Answer { code, text }) {
            lines.transport().abort();
        }
    }

    fn connection_lost(&mut self, _: &mut Frames<'_, Lines>, reason: &Lost) {
        self.answers.lose(reason);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use interloop::{Clock, net::memory};

    use super::*;

    /// A client, and what the server has delivered.
    fn connected(clock: &Clock) -> (Client, Arc<Mutex<Vec<Mail>>>) {
        let (near, far) = memory::pair(64);
        let mails = Arc::new(Mutex::new(Vec::new()));
        let delivered = Arc::clone(&mails);
        let server = Dialogue::over_lines(move |mail| delivered.lock().unwrap().push(mail));
        protocol::attach(&clock.reactor(), far, server);
        (Client::new(&clock.reactor(), near), mails)
    }

    fn mail(text: &str) -> Mail {
        Mail {
            from: "a@example.org".to_owned(),
            recipients: vec!["b@example.org".to_owned()],
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_mail_arrives_as_it_was_sent() {
        let clock = Clock::new();
        let (mut client, mails) = connected(&clock);
        let sent = mail("one\r\n.\r\n..three\r\n\r\n");
        let expected = sent.clone();
        let sending = clock.reactor().spawn(async move {
            client.send(&sent).await?;
            client.send(&sent).await?;
            client.quit().await
        });
        clock.run_until_stalled();
        sending.try_take().unwrap().unwrap();
        assert_eq!(*mails.lock().unwrap(), [expected.clone(), expected]);
    }

    #[test]
    fn a_mail_too_large_is_refused_and_the_dialogue_goes_on() {
        let clock = Clock::new();
        let (mut client, mails) = connected(&clock);
        let large = mail(&"0123456789\r\n".repeat(100_000));
        let sending = clock.reactor().spawn(async move {
            let refused = client.send(&large).await.unwrap_err();
            assert!(refused.to_string().contains("552"), "{refused}");
            client.send(&mail("small\r\n")).await
        });
        clock.run_until_stalled();
        sending.try_take().unwrap().unwrap();
        assert_eq!(mails.lock().unwrap().len(), 1);
    }

    #[test]
    fn what_comes_in_the_wrong_order_is_refused() {
        let clock = Clock::new();
        let (mut client, mails) = connected(&clock);
        let greeting = client.greeting.take().unwrap();
        let codes: Vec<_> = [
            "DATA",
            "HELO",
            "HELO a",
            "RCPT TO:<b@c>",
            "MAIL FROM:b",
            "MAIL FROM:<>",
            "DATA",
            "RSET",
            "RCPT TO:<b@c>",
            "x",
        ]
        .map(|command| client.command(command))
        .into();
        clock.run_until_stalled();
        assert_eq!(greeting.try_take().unwrap().unwrap().code, 220);
        let codes: Vec<_> = codes
            .into_iter()
            .map(|answer| answer.try_take().unwrap().unwrap().code)
            .collect();
        assert_eq!(codes, [503, 501, 250, 503, 501, 250, 503, 250, 503, 500]);
        assert!(mails.lock().unwrap().is_empty());
    }
}
