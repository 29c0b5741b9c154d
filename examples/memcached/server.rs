//! The protocol of the server: commands are lines, values are raw bytes behind them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use interloop::{
    Reactor,
    protocol::framing::{FrameError, Framed, Frames, Lines, Receiver},
};

use super::store::{New, Store, When};

/// The largest value, and the longest key, in bytes.
pub(crate) const LARGEST: usize = 1024 * 1024;
const LONGEST_KEY: usize = 250;
/// A command can name many keys.
const LONGEST_LINE: usize = 64 * 1024;

/// Of the memcached whose commands these are. Clients go by it, and some take one that begins with a zero for none.
pub(crate) const VERSION: &str = "1.4.13";

pub(crate) const TOO_LARGE: &str = "SERVER_ERROR object too large for cache";
const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format";

/// A protocol for each connection, all of which share what is stored.
pub(crate) fn factory(reactor: &Reactor, most_bytes: usize) -> impl Fn() -> Framed<Connection> + Send + use<> {
    let store = Arc::new(Mutex::new(Store::new(most_bytes)));
    let reactor = reactor.clone();
    move || {
        let connection = Connection {
            store: Arc::clone(&store),
            reactor: reactor.clone(),
            coming: None,
        };
        // Commands end with \r\n or with \n.
        Framed::new(Lines::lf().max_length(LONGEST_LINE), connection)
    }
}

pub(crate) struct Connection {
    store: Arc<Mutex<Store>>,
    reactor: Reactor,
    coming: Option<Coming>,
}

/// A value that is on its way.
struct Coming {
    /// What is done with it, or the answer to be given instead.
    wanted: Result<Wanted, &'static str>,
    data: Vec<u8>,
    /// So many bytes are left, with the end of line.
    left: usize,
    is_silent: bool,
}

struct Wanted {
    when: When,
    key: Vec<u8>,
    flags: u32,
    expires: i64,
}

impl Receiver for Connection {
    type Codec = Lines;

    fn frame_received(&mut self, frames: &mut Frames<'_, Lines>, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut words: Vec<&[u8]> = line
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty())
            .collect();
        let verb = words.first().copied().unwrap_or_default();
        if matches!(verb, b"get" | b"gets") {
            let answer = self.get(&words[1..], verb == b"gets");
            return frames.transport().write(&answer);
        }
        let is_silent = words.last() == Some(&&b"noreply"[..]) && words.len() > 1;
        if is_silent {
            words.pop();
        }
        let answer = match words[..] {
            [
                b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas",
                ref arguments @ ..,
            ] => match self.expect_value(verb, arguments, is_silent) {
                Ok(()) => return frames.set_raw_mode(),
                Err(answer) => answer.to_owned(),
            },
            [b"quit"] => return frames.transport().lose_connection(),
            _ => self.answer(&words),
        };
        if !is_silent {
            frames.transport().write(format!("{answer}\r\n").as_bytes());
        }
    }

    fn raw_received(&mut self, frames: &mut Frames<'_, Lines>, data: &[u8]) {
        let Some(coming) = &mut self.coming else {
            return frames.set_frame_mode(data.len());
        };
        let (taken, rest) = data.split_at(coming.left.min(data.len()));
        coming.left -= taken.len();
        // What is refused is read, and kept nowhere.
        if coming.wanted.is_ok() {
            coming.data.extend_from_slice(taken);
        }
        if coming.left > 0 {
            return;
        }
        frames.set_frame_mode(rest.len());
        let Some(coming) = self.coming.take() else { return };
        let is_silent = coming.is_silent;
        let answer = self.store(coming);
        if !is_silent {
            frames.transport().write(format!("{answer}\r\n").as_bytes());
        }
    }

    fn decoding_failed(&mut self, frames: &mut Frames<'_, Lines>, _: FrameError, _: &[u8]) {
        frames.transport().write(b"CLIENT_ERROR line too long\r\n");
        frames.transport().lose_connection();
    }

    // Who does not read the answers is not asked for further questions.
    fn pause_writing(&mut self, frames: &mut Frames<'_, Lines>) {
        frames.transport().pause_reading();
    }

    fn resume_writing(&mut self, frames: &mut Frames<'_, Lines>) {
        frames.transport().resume_reading();
    }
}

impl Connection {
    fn get(&self, keys: &[&[u8]], with_cas: bool) -> Vec<u8> {
        if keys.is_empty() {
            return b"ERROR\r\n".to_vec();
        }
        if keys.iter().any(|key| !is_key(key)) {
            return format!("{BAD_FORMAT}\r\n").into_bytes();
        }
        let (mut answer, now) = (Vec::new(), self.reactor.now());
        let mut store = self.store.lock().unwrap();
        for key in keys {
            let Some(item) = store.get(key, now) else { continue };
            answer.extend_from_slice(b"VALUE ");
            answer.extend_from_slice(key);
            answer.extend_from_slice(format!(" {} {}", item.flags, item.data.len()).as_bytes());
            if with_cas {
                answer.extend_from_slice(format!(" {}", item.cas).as_bytes());
            }
            answer.extend_from_slice(b"\r\n");
            answer.extend_from_slice(&item.data);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"END\r\n");
        answer
    }

    /// A command announces a value; an error, where it does not even say how long that is.
    fn expect_value(&mut self, verb: &[u8], arguments: &[&[u8]], is_silent: bool) -> Result<(), &'static str> {
        let (key, flags, expires, length, cas) = match (verb, arguments) {
            (b"cas", &[key, flags, expires, length, cas]) => (key, flags, expires, length, number(cas)),
            (b"cas", _) => return Err("ERROR"),
            (_, &[key, flags, expires, length]) => (key, flags, expires, length, None),
            _ => return Err("ERROR"),
        };
        let length: usize = number(length).ok_or(BAD_FORMAT)?;
        let when = match (verb, cas) {
            (b"set", _) => Some(When::Always),
            (b"add", _) => Some(When::Missing),
            (b"replace", _) => Some(When::There),
            (b"append", _) => Some(When::Append),
            (b"prepend", _) => Some(When::Prepend),
            (_, cas) => cas.map(When::Unchanged),
        };
        let wanted = match (when, number(flags), number(expires)) {
            _ if length > LARGEST => Err(TOO_LARGE),
            (Some(when), Some(flags), Some(expires)) if is_key(key) => Ok(Wanted {
                when,
                key: key.to_vec(),
                flags,
                expires,
            }),
            _ => Err(BAD_FORMAT),
        };
        self.coming = Some(Coming {
            wanted,
            data: Vec::new(),
            left: length.saturating_add(2),
            is_silent,
        });
        Ok(())
    }

    /// The value is there.
    fn store(&self, coming: Coming) -> &'static str {
        let wanted = match coming.wanted {
            Ok(wanted) => wanted,
            Err(answer) => return answer,
        };
        let mut data = coming.data;
        if !data.ends_with(b"\r\n") {
            return "CLIENT_ERROR bad data chunk";
        }
        data.truncate(data.len() - 2);
        let new = New {
            key: &wanted.key,
            flags: wanted.flags,
            expires: wanted.expires,
            data,
        };
        let now = self.reactor.now();
        self.store.lock().unwrap().store(wanted.when, new, now)
    }

    /// The answer to a command without a value.
    fn answer(&self, words: &[&[u8]]) -> String {
        let now = self.reactor.now();
        let mut store = self.store.lock().unwrap();
        match *words {
            [b"delete" | b"touch" | b"incr" | b"decr", key, ..] if !is_key(key) => BAD_FORMAT.to_owned(),
            // Old clients send a time, of which only 0 is allowed.
            [b"delete", key] | [b"delete", key, b"0"] => store.delete(key, now).to_owned(),
            [b"touch", key, expires] => match number(expires) {
                Some(expires) => store.touch(key, expires, now).to_owned(),
                None => "CLIENT_ERROR invalid exptime argument".to_owned(),
            },
            [verb @ (b"incr" | b"decr"), key, by] => match number::<u64>(by) {
                Some(by) if verb == b"incr" => store.count(key, |number| number.wrapping_add(by), now),
                Some(by) => store.count(key, |number| number.saturating_sub(by), now),
                None => "CLIENT_ERROR invalid numeric delta argument".to_owned(),
            },
            [b"flush_all", ref delay @ ..] if delay.len() <= 1 => {
                let delay = delay.first().map_or(Some(0), |delay| number(delay));
                match delay {
                    Some(seconds) => {
                        store.flush(Duration::from_secs(u32::into(seconds)), now);
                        "OK".to_owned()
                    }
                    None => BAD_FORMAT.to_owned(),
                }
            }
            [b"stats"] => format!(
                "STAT curr_items {}\r\nSTAT bytes {}\r\nSTAT get_hits {}\r\nSTAT get_misses {}\r\nEND",
                store.len(),
                store.bytes(),
                store.hits,
                store.misses
            ),
            [b"version"] => format!("VERSION {VERSION}"),
            [b"verbosity", _] => "OK".to_owned(),
            _ => "ERROR".to_owned(),
        }
    }
}

fn is_key(key: &[u8]) -> bool {
    key.len() <= LONGEST_KEY && !key.iter().any(u8::is_ascii_control)
}

fn number<N: std::str::FromStr>(word: &[u8]) -> Option<N> {
    std::str::from_utf8(word).ok()?.parse().ok()
}
