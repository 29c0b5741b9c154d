//! Delayed calls: a callback that calls itself again in a second, until the time is up (after an example of
//! asyncio's manual).
//!
//! ```text
//! cargo run --example display_date -- [--loop LOOP] [--seconds NUMBER]
//! ```
//!
//! It shows the time (UTC) every second for five seconds, or as many as it is told to.

mod on_loop;

use std::{
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use interloop::{Completer, Deferred, Reactor};
use on_loop::{Error, Number, Usage};

const USAGE: Usage<1> = Usage {
    name: "display_date",
    numbers: [Number {
        flag: "--seconds",
        what_for: "for how long it shows the time",
        range: 0..=3600,
        default: 5,
    }],
};

fn main() -> ExitCode {
    USAGE.run(async |reactor, [seconds]| {
        let end = reactor.now() + Duration::from_secs(seconds.into());
        let (stop, stopped) = Deferred::pair();
        reactor.clone().call_soon(move || display_date(reactor, end, stop));
        stopped.await
    })
}

/// What owns the completer at last fires it, or drops it, which fails the deferred: so the program ends, whatever happens.
fn display_date(reactor: Reactor, end: Instant, stop: Completer<(), Error>) {
    println!("{}", date(SystemTime::now()));
    let second = Duration::from_secs(1);
    if reactor.now() + second < end {
        reactor
            .clone()
            .call_later(second, move || display_date(reactor, end, stop));
    } else {
        stop.complete(());
    }
}

/// The date and time of day, of any moment since 1970.
fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);

    let is_leap = |year: u64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut days = seconds / (24 * 3600);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}", days + 1)
}
