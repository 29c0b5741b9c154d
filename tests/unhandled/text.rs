//! The text of a report, and who gets it.

use std::{
    error::Error,
    io,
    sync::{Arc, Mutex},
};

use interloop::{Aborted, Deferred, unhandled};

use crate::{no, pair, told, tools::reports, traced, turn};

/// The end of the only report's text.
fn text(f: impl FnOnce()) -> String {
    let reports = told(f);
    let place = format!("{}:", file!());
    let [report] = &reports[..] else { panic!("{reports:?}") };
    assert!(
        report
            .text
            .starts_with(&format!("unhandled failure in the deferred made at {place}"))
    );
    report.text.rsplit_once(": ").unwrap().1.to_owned()
}

#[test]
fn failures_of_the_usual_types_are_told_in_their_own_words() {
    type Boxed = Box<dyn Error + Send + Sync>;
    assert_eq!(
        text(|| drop(Deferred::<u8, String>::failed("out of paper".into()))),
        "out of paper"
    );
    assert_eq!(
        text(|| drop(Deferred::<u8, Boxed>::failed("out of ink".into()))),
        "out of ink"
    );
    assert_eq!(text(|| drop(Deferred::<u8>::failed(Aborted::timed_out()))), "timed out");
    assert_eq!(
        text(|| drop(Deferred::<u8, io::Error>::failed(io::Error::other("jammed")))),
        "jammed"
    );
}

#[test]
fn the_text_has_the_place_of_the_failure_if_it_is_another_one_and_what_was_passed() {
    let mut lines = (0, 0, 0);
    let reports = traced(|| {
        let (completer, deferred) = Deferred::<u8, String>::pair();
        lines.0 = line!() + 1;
        let chain = deferred.map_ok(|n| n + 1);
        lines.1 = line!() + 1;
        completer.fail(no());
        drop(chain);
    });
    let place = |line: u32| format!("{}:{line}:", file!());
    let text = &reports[0].text;
    let positions = [
        format!("made at {}", place(lines.0)),
        format!(", which failed at {}", place(lines.1)),
        format!(", passed {}", place(lines.0)),
    ]
    .map(|part| text.find(&part).unwrap_or_else(|| panic!("{text:?} lacks {part:?}")));
    assert!(positions.is_sorted());

    let same = told(|| drop(Deferred::<u8, String>::failed(no())));
    assert!(!same[0].text.contains("which failed at"));
}

/// A failure that is none of the usual types.
#[derive(Debug)]
struct Jam(u32);

impl From<Aborted> for Jam {
    fn from(_: Aborted) -> Self {
        Self(0)
    }
}

#[test]
fn of_other_failures_the_type_is_told() {
    let told = text(|| drop(Deferred::<u8, Jam>::failed(Jam(1))));
    assert!(told.starts_with("a value of type ") && told.ends_with("Jam"), "{told}");
}

#[test]
fn a_hook_gets_the_failure_itself_and_may_use_deferreds() {
    let _turn = turn();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let inside = seen.clone();
    unhandled::set_hook(Some(Arc::new(move |failure| {
        let Jam(tray) = failure.error().downcast_ref().unwrap();
        assert!(format!("{failure:?}").contains("Jam"));
        let doubled = Deferred::<u32, Jam>::ready(*tray).map_ok(|tray| tray * 2);
        inside.lock().unwrap().push(doubled.try_take().unwrap().unwrap());
    })));
    drop(Deferred::<u8, Jam>::failed(Jam(2)));
    drop(Deferred::<u8, Jam>::failed(Jam(4)).map_ok(|n| n + 1));
    reports::set_hook();
    assert_eq!(*seen.lock().unwrap(), [4, 8]);
    assert_eq!(Arc::strong_count(&seen), 1, "a hook that was replaced is gone");
}

/// Keeps what is logged.
struct Kept(Mutex<Vec<String>>);

impl log::Log for Kept {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

#[test]
fn without_a_hook_failures_are_logged() {
    static KEPT: Kept = Kept(Mutex::new(Vec::new()));
    let _turn = turn();
    log::set_logger(&KEPT).unwrap();
    log::set_max_level(log::LevelFilter::Error);
    unhandled::set_hook(None);
    let (completer, deferred) = pair();
    drop(deferred);
    completer.fail("out of paper".to_owned());
    reports::set_hook();
    let lines = std::mem::take(&mut *KEPT.0.lock().unwrap());
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("ERROR interloop unhandled failure"));
    assert!(lines[0].ends_with("out of paper"));
}
