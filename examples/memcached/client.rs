//! The client: each command fires a deferred with its answer, and the next one does not wait for it.

use std::{io, mem};

use interloop::{
    Deferred, Reactor,
    protocol::{
        self, Channel, Lost, Transport,
        framing::{Framed, Frames, Lines, Receiver},
    },
};

use super::answers::Answers;

/// No value that comes may be longer.
const LONGEST: usize = 64 * 1024 * 1024;

pub(crate) struct Client {
    transport: Transport,
    answers: Answers<Answer>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) key: String,
    pub(crate) flags: u32,
    pub(crate) data: Vec<u8>,
    /// If it was asked for.
    pub(crate) cas: Option<u64>,
}

/// Of a command: values, then the line behind them.
struct Answer {
    values: Vec<Value>,
    line: String,
}

impl Client {
    pub(crate) fn new(reactor: &Reactor, stream: impl Channel) -> Self {
        let answers = Answers::new();
        let answered = Answered {
            answers: answers.clone(),
            values: Vec::new(),
            coming: None,
        };
        let transport = protocol::attach(reactor, stream, Framed::new(Lines::crlf(), answered));
        Self { transport, answers }
    }

    /// The values of those keys that are there.
    pub(crate) fn get(&mut self, keys: &[&str]) -> Deferred<Vec<Value>, io::Error> {
        self.ask(format!("get {}\r\n", keys.join(" ")).as_bytes())
            .map_ok(|answer| answer.values)
    }

    /// The value of a key with its number, for [`compare_and_swap`](Self::compare_and_swap).
    pub(crate) fn gets(&mut self, key: &str) -> Deferred<Option<Value>, io::Error> {
        self.ask(format!("gets {key}\r\n").as_bytes())
            .map_ok(|mut answer| answer.values.pop())
    }

    pub(crate) fn set(&mut self, key: &str, data: &[u8]) -> Deferred<bool, io::Error> {
        let asked = self.ask(&with_value(format!("set {key} 0 0 {}", data.len()), data));
        asked.map_ok(|answer| answer.line == "STORED")
    }

    pub(crate) fn compare_and_swap(&mut self, value: &Value, data: &[u8]) -> Deferred<bool, io::Error> {
        let (key, flags, cas) = (&value.key, value.flags, value.cas.unwrap_or_default());
        let command = format!("cas {key} {flags} 0 {} {cas}", data.len());
        self.ask(&with_value(command, data))
            .map_ok(|answer| answer.line == "STORED")
    }

    /// The new number; `None` if there is none.
    pub(crate) fn incr(&mut self, key: &str, by: u64) -> Deferred<Option<u64>, io::Error> {
        self.ask(format!("incr {key} {by}\r\n").as_bytes())
            .map_ok(|answer| answer.line.trim_end().parse().ok())
    }

    pub(crate) fn delete(&mut self, key: &str) -> Deferred<bool, io::Error> {
        self.ask(format!("delete {key}\r\n").as_bytes())
            .map_ok(|answer| answer.line == "DELETED")
    }

    pub(crate) fn version(&mut self) -> Deferred<String, io::Error> {
        self.ask(b"version\r\n").map_ok(|answer| answer.line)
    }

    pub(crate) fn quit(self) {
        self.transport.write(b"quit\r\n");
        self.transport.lose_connection();
    }

    fn ask(&mut self, command: &[u8]) -> Deferred<Answer, io::Error> {
        let answer = self.answers.expect();
        self.transport.write(command);
        answer.map_err(io::Error::from).and_then(|answer| {
            match answer.line.ends_with("ERROR") || answer.line.contains("_ERROR ") {
                true => Err(io::Error::other(answer.line)),
                false => Ok(answer),
            }
        })
    }
}

fn with_value(command: String, data: &[u8]) -> Vec<u8> {
    let mut whole = command.into_bytes();
    whole.extend_from_slice(b"\r\n");
    whole.extend_from_slice(data);
    whole.extend_from_slice(b"\r\n");
    whole
}

/// What the connection calls.
struct Answered {
    answers: Answers<Answer>,
    /// Of the answer that comes.
    values: Vec<Value>,
    /// A value that comes, and how many bytes of it are left, with the end of line.
    coming: Option<(Value, usize)>,
}

impl Receiver for Answered {
    type Codec = Lines;

    fn frame_received(&mut self, frames: &mut Frames<'_, Lines>, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] == "VALUE" {
            self.coming = announced(&words);
            return match self.coming {
                Some(_) => frames.set_raw_mode(),
                None => frames.transport().abort(),
            };
        }
        let answer = Answer {
            values: mem::take(&mut self.values),
            line: line.into_owned(),
        };
        if !self.answers.answer(answer) {
            frames.transport().abort();
        }
    }

    fn raw_received(&mut self, frames: &mut Frames<'_, Lines>, data: &[u8]) {
        let Some((mut value, left)) = self.coming.take() else {
            return frames.set_frame_mode(data.len());
        };
        let (taken, rest) = data.split_at(left.min(data.len()));
        value.data.extend_from_slice(taken);
        if taken.len() < left {
            self.coming = Some((value, left - taken.len()));
            return;
        }
        value.data.truncate(value.data.len() - 2);
        self.values.push(value);
        frames.set_frame_mode(rest.len());
    }

    fn connection_lost(&mut self, _: &mut Frames<'_, Lines>, reason: &Lost) {
        self.answers.lose(reason);
    }
}

/// `VALUE key flags bytes [cas]`: the value, and how many bytes follow.
fn announced(words: &[&str]) -> Option<(Value, usize)> {
    let [_, key, flags, length, cas @ ..] = words else {
        return None;
    };
    let length: usize = length.parse().ok().filter(|length| *length <= LONGEST)?;
    let value = Value {
        key: (*key).to_owned(),
        flags: flags.parse().ok()?,
        data: Vec::new(),
        cas: cas.first().and_then(|cas| cas.parse().ok()),
    };
    Some((value, length + 2))
}
