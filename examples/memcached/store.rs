//! What is stored: keys, values, and when they are forgotten. Knows nothing of connections; the time is told.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A number of seconds up to this is a duration, a greater one is a time since 1970.
const LONGEST: i64 = 30 * 24 * 3600;

pub(crate) struct Store {
    items: HashMap<Vec<u8>, Item>,
    /// Of keys and values, and how many there may be.
    bytes: usize,
    most: usize,
    last_cas: u64,
    /// What was stored before is forgotten when this comes.
    flush: Option<Instant>,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) flags: u32,
    pub(crate) data: Vec<u8>,
    /// Another one each time that the value changes.
    pub(crate) cas: u64,
    expires: Option<Instant>,
    stored: Instant,
}

/// Under which condition something is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    Missing,
    There,
    Append,
    Prepend,
    /// If it is there and its number is still this one.
    Unchanged(u64),
}

/// A value to be stored.
#[derive(Debug)]
pub(crate) struct New<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) flags: u32,
    pub(crate) expires: i64,
    pub(crate) data: Vec<u8>,
}

impl Store {
    /// Of up to so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            items: HashMap::new(),
            bytes: 0,
            most,
            last_cas: 0,
            flush: None,
            hits: 0,
            misses: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The item, unless its time has come.
    fn live(&mut self, key: &[u8], now: Instant) -> Option<&mut Item> {
        let flush = self.flush.filter(|flush| *flush <= now);
        let is_dead = |item: &Item| {
            item.expires.is_some_and(|expires| expires <= now) || flush.is_some_and(|flush| item.stored <= flush)
        };
        if self.items.get(key).is_some_and(is_dead) {
            self.forget(key);
        }
        self.items.get_mut(key)
    }

    fn forget(&mut self, key: &[u8]) -> bool {
        let forgotten = self.items.remove(key);
        if let Some(item) = &forgotten {
            self.bytes -= key.len() + item.data.len();
        }
        forgotten.is_some()
    }

    pub(crate) fn get(&mut self, key: &[u8], now: Instant) -> Option<&Item> {
        match self.live(key, now).is_some() {
            true => self.hits += 1,
            false => self.misses += 1,
        }
        self.items.get(key)
    }

    /// Stores, and gives the answer.
    pub(crate) fn store(&mut self, when: When, new: New<'_>, now: Instant) -> &'static str {
        let former = self.live(new.key, now).map(|item| &*item);
        let (mut data, flags, expires) = (new.data, new.flags, deadline(new.expires, now));
        let (flags, expires) = match (when, former) {
            (When::Missing, Some(_)) | (When::There | When::Append | When::Prepend, None) => return "NOT_STORED",
            (When::Unchanged(_), None) => return "NOT_FOUND",
            (When::Unchanged(cas), Some(former)) if former.cas != cas => return "EXISTS",
            (When::Append, Some(former)) => {
                data.splice(..0, former.data.iter().copied());
                (former.flags, former.expires)
            }
            (When::Prepend, Some(former)) => {
                data.extend_from_slice(&former.data);
                (former.flags, former.expires)
            }
            _ => (flags, expires),
        };
        if data.len() > super::server::LARGEST {
            return super::server::TOO_LARGE;
        }
        let others = self
            .items
            .get(new.key)
            .map_or(0, |item| new.key.len() + item.data.len());
        if self.bytes - others + new.key.len() + data.len() > self.most {
            return "SERVER_ERROR out of memory storing object";
        }
        self.forget(new.key);
        self.last_cas += 1;
        self.bytes += new.key.len() + data.len();
        let item = Item {
            flags,
            data,
            cas: self.last_cas,
            expires,
            stored: now,
        };
        self.items.insert(new.key.to_vec(), item);
        "STORED"
    }

    pub(crate) fn delete(&mut self, key: &[u8], now: Instant) -> &'static str {
        match self.live(key, now).is_some() && self.forget(key) {
            true => "DELETED",
            false => "NOT_FOUND",
        }
    }

    pub(crate) fn touch(&mut self, key: &[u8], expires: i64, now: Instant) -> &'static str {
        match self.live(key, now) {
            Some(item) => {
                item.expires = deadline(expires, now);
                "TOUCHED"
            }
            None => "NOT_FOUND",
        }
    }

    /// Changes a number, which is text.
    pub(crate) fn count(&mut self, key: &[u8], change: impl FnOnce(u64) -> u64, now: Instant) -> String {
        let Some(item) = self.live(key, now) else {
            return "NOT_FOUND".to_owned();
        };
        let text = std::str::from_utf8(&item.data).ok();
        let Some(number) = text.and_then(|text| text.trim_end().parse().ok()) else {
            return "CLIENT_ERROR cannot increment or decrement non-numeric value".to_owned();
        };
        let counted = change(number).to_string();
        let former = std::mem::replace(&mut item.data, counted.clone().into_bytes()).len();
        self.bytes = self.bytes - former + counted.len();
        self.last_cas += 1;
        let cas = self.last_cas;
        if let Some(item) = self.items.get_mut(key) {
            item.cas = cas;
        }
        counted
    }

    /// Forgets all that is stored before a delay is over.
    pub(crate) fn flush(&mut self, delay: Duration, now: Instant) {
        match delay.is_zero() {
            true => {
                self.items.clear();
                self.bytes = 0;
                self.flush = None;
            }
            false => self.flush = Some(now + delay),
        }
    }
}

/// When an item is forgotten, of what a client says.
fn deadline(expires: i64, now: Instant) -> Option<Instant> {
    let seconds = match expires {
        0 => return None,
        ..0 => 0,
        1..=LONGEST => expires,
        _ => {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            expires.saturating_sub_unsigned(since.as_secs()).max(0)
        }
    };
    now.checked_add(Duration::from_secs(seconds.unsigned_abs()))
}
