//! Framings find the messages that Twisted's receivers find, on the same bytes cut at the same places.
//!
//! `corpus.jsonl` has cases with what Twisted made of them, which `framings.py` describes; `regenerate.sh` makes it anew. The variable
//! `INTERLOOP_FRAMINGS` names another file of such cases.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use futures_util::io::AsyncWriteExt;
use interloop::{
    Clock,
    net::memory,
    protocol::{
        self, Transport,
        framing::{Decoder, FrameError, Framed, Frames, Lines, Netstrings, Prefix, Prefixed, Receiver},
    },
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    seed: u64,
    kind: String,
    delimiter: String,
    max: usize,
    pieces: Vec<String>,
    events: Vec<Vec<String>>,
}

/// Notes what it is called with, and obeys the lines that say something.
struct Notes<C> {
    events: Arc<Mutex<Vec<Vec<String>>>>,
    /// Of raw bytes, so many are left.
    raw: usize,
    switch: Option<Switch<C>>,
}

/// What goes over to raw mode and back, for the framing that does that here.
type Switch<C> = fn(&mut Frames<'_, C>, &[u8]) -> usize;

impl<C> Notes<C> {
    fn note(&self, what: &str, bytes: Option<&[u8]>) {
        let bytes = bytes.map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let mut events = self.events.lock().unwrap();
        match (events.last_mut(), bytes) {
            (Some(last), Some(bytes)) if what == "raw" && last[0] == "raw" => last[1].push_str(&bytes),
            (_, bytes) => events.push([what.to_owned()].into_iter().chain(bytes).collect()),
        }
    }
}

impl<C> Receiver for Notes<C>
where
    C: for<'a> Decoder<Frame<'a> = &'a [u8], Error = FrameError>,
{
    type Codec = C;

    fn frame_received(&mut self, frames: &mut Frames<'_, C>, frame: &[u8]) {
        self.note("frame", Some(frame));
        if let Some(switch) = self.switch {
            self.raw = switch(frames, frame);
        }
    }

    fn raw_received(&mut self, frames: &mut Frames<'_, C>, data: &[u8]) {
        let taken = self.raw.min(data.len());
        self.raw -= taken;
        if taken > 0 {
            self.note("raw", Some(&data[..taken]));
        }
        if self.raw == 0 {
            frames.set_frame_mode(data.len() - taken);
        }
    }

    fn decoding_failed(&mut self, frames: &mut Frames<'_, C>, _: FrameError, _: &[u8]) {
        self.note("refused", None);
        frames.transport().lose_connection();
    }
}

/// As many raw bytes follow.
fn obey(frames: &mut Frames<'_, Lines>, line: &[u8]) -> usize {
    if line == b"PAUSE" {
        frames.transport().pause_reading();
    }
    let digits = line
        .strip_prefix(b"RAW ")
        .filter(|rest| rest.iter().all(u8::is_ascii_digit));
    let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    if number.is_some() {
        frames.set_raw_mode();
    }
    number.unwrap_or_default()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn run<C>(case: &Case, codec: C, switch: Option<Switch<C>>) -> Vec<Vec<String>>
where
    C: for<'a> Decoder<Frame<'a> = &'a [u8], Error = FrameError> + Send + 'static,
{
    let (clock, events) = (Clock::new(), Arc::default());
    let (mut stream, other) = memory::pair(1 << 20);
    let receiver = Notes {
        events: Arc::clone(&events),
        raw: 0,
        switch,
    };
    let transport: Transport = protocol::attach(&clock.reactor(), other, Framed::new(codec, receiver));
    for piece in &case.pieces {
        // After its end the connection takes no more.
        let _ = futures_executor::block_on(stream.write_all(&bytes(piece)));
        clock.run_until_stalled();
        while !transport.is_reading() && !transport.is_closing() {
            transport.resume_reading();
            clock.run_until_stalled();
        }
    }
    let events = events.lock().unwrap();
    events.clone()
}

fn events(case: &Case) -> Vec<Vec<String>> {
    let prefixed = |prefix| run(case, Prefixed::new(prefix).max_length(case.max), None);
    match case.kind.as_str() {
        "lines" | "line_only" => {
            let codec = Lines::delimited_by(bytes(&case.delimiter)).max_length(case.max);
            run(case, codec, (case.kind == "lines").then_some(obey as Switch<Lines>))
        }
        "netstrings" => run(case, Netstrings::new().max_length(case.max), None),
        "int8" => prefixed(Prefix::U8),
        "int16" => prefixed(Prefix::U16),
        "int32" => prefixed(Prefix::U32),
        other => panic!("no such kind: {other}"),
    }
}

#[test]
fn framings_find_what_twisted_finds() {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/framings/corpus.jsonl");
    let path = env::var_os("INTERLOOP_FRAMINGS").map_or(stored, PathBuf::from);
    let cases = fs::read_to_string(&path).unwrap();
    let mut compared = 0;
    for line in cases.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        assert_eq!(
            events(&case),
            case.events,
            "{} of the seed {}: {line}",
            case.kind,
            case.seed
        );
        compared += 1;
    }
    assert!(compared > 0, "there are no cases in {}", path.display());
}
