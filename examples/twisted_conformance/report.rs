//! What is counted and told.

use std::{collections::BTreeMap, fmt::Write};

use crate::{program::Trace, raises::Impossible, values::Event};

/// The tag of programs that turn on a defect of Twisted's.
pub(crate) const DEFECT: &str = "coop-stop-skip";

/// Why programs are left out, by what they do. All but the last share handles.
const LEFT_OUT: [(&str, &str); 7] = [
    (
        "shared",
        "handles are moved into what they are given to; Python shares them",
    ),
    (
        "use-after-move",
        "a deferred that was given away cannot be named any more",
    ),
    (
        "cycle",
        "a deferred cannot be moved into itself, so none waits for itself",
    ),
    (
        "steal-running",
        "a deferred whose callback runs cannot be returned by it",
    ),
    ("unbalanced-unpause", "a pause ends when its guard is dropped, once"),
    (
        "stalled",
        "what waits owns what it waits for: nobody is left to poke that",
    ),
    (
        DEFECT,
        "stopping a cooperator misses every second task, which is a defect",
    ),
];

/// What turned out to be impossible while a program ran. Only a program that came out differently is excluded for it.
const IMPOSSIBLE: [(Impossible, &str, &str); 3] = [
    (
        Impossible::HalfDone,
        "canceller-raise",
        "the exception of a canceller would leave a race, or an advance of the clock, half done",
    ),
    (
        Impossible::CalledAgain,
        "canceller called",
        "a canceller would be called again from inside of itself",
    ),
    (
        Impossible::EndedTwice,
        "ended twice",
        "a race or a paused coroutine that was cancelled, or a task that was stopped, ends again, which is a defect",
    ),
];

#[derive(Default)]
struct Count {
    agree: usize,
    diverge: usize,
    excluded: usize,
}

#[derive(Default)]
pub(crate) struct Report {
    categories: BTreeMap<String, Count>,
    tags: BTreeMap<String, Count>,
    impossible: BTreeMap<Impossible, usize>,
    /// The programs that differ, in full.
    shown: String,
    left_to_show: usize,
}

impl Trace {
    pub(crate) fn agrees_with(&self, expected: &Trace) -> bool {
        self.log == expected.log && self.end == expected.end && sorted(&self.unhandled) == sorted(&expected.unhandled)
    }
}

impl Report {
    /// Begins a report that shows a number of the programs that differ.
    pub(crate) fn new(to_show: usize) -> Self {
        Self {
            left_to_show: to_show,
            ..Self::default()
        }
    }

    fn each(&mut self, category: &str, tags: &[String], count: impl Fn(&mut Count)) {
        count(self.categories.entry(category.to_owned()).or_default());
        for tag in tags {
            count(self.tags.entry(tag.clone()).or_default());
        }
    }

    pub(crate) fn count(&mut self, category: &str, tags: &[String], agrees: bool) {
        self.each(category, tags, |count| match agrees {
            true => count.agree += 1,
            false => count.diverge += 1,
        });
    }

    pub(crate) fn exclude(&mut self, category: &str, tags: &[String]) {
        self.each(category, tags, |count| count.excluded += 1);
    }

    pub(crate) fn exclude_impossible(&mut self, category: &str, tags: &[String], impossible: Impossible) {
        *self.impossible.entry(impossible).or_default() += 1;
        self.exclude(category, tags);
    }

    fn total(&self, of: impl Fn(&Count) -> usize) -> usize {
        self.categories.values().map(of).sum()
    }

    pub(crate) fn diverging(&self) -> usize {
        self.total(|count| count.diverge)
    }

    /// Shows a program that differs, if not enough were shown; what it did is missing if it panicked.
    pub(crate) fn show(&mut self, program: &Event, expected: &Trace, got: Option<&Trace>) {
        let Some(left) = self.left_to_show.checked_sub(1) else {
            return;
        };
        self.left_to_show = left;
        self.shown += &show(program, expected, got).expect(INFALLIBLE);
    }

    pub(crate) fn text(&self, by_tag: bool) -> String {
        self.write(by_tag).expect(INFALLIBLE)
    }

    fn write(&self, by_tag: bool) -> Result<String, std::fmt::Error> {
        let mut text = self.shown.clone();
        write_counts(&mut text, "category", &self.categories)?;
        if by_tag {
            write_counts(&mut text, "tag", &self.tags)?;
        }
        let excluded = self.total(|count| count.excluded);
        if excluded > 0 {
            writeln!(text, "Excluded, by what the programs contain (some contain several):\n")?;
            for (tag, reason) in LEFT_OUT {
                let number = self.tags.get(tag).map_or(0, |count| count.excluded);
                writeln!(text, "{tag:20} {number:6}  {reason}")?;
            }
            for (impossible, name, reason) in IMPOSSIBLE {
                let number = self.impossible.get(&impossible).copied().unwrap_or_default();
                writeln!(text, "{name:20} {number:6}  {reason}")?;
            }
            text.push('\n');
        }
        let (agree, diverge) = (self.total(|count| count.agree), self.diverging());
        let programs = agree + diverge + excluded;
        writeln!(
            text,
            "{programs} programs, {agree} agree, {diverge} diverge, {excluded} excluded"
        )?;
        Ok(text)
    }
}

const INFALLIBLE: &str = "writing to a string does not fail";

fn show(program: &Event, expected: &Trace, got: Option<&Trace>) -> Result<String, std::fmt::Error> {
    let mut text = format!("program   {program}\n");
    let Some(got) = got else {
        writeln!(text, "got       a panic\n")?;
        return Ok(text);
    };
    for (index, op) in program["ops"].as_array().into_iter().flatten().enumerate() {
        let name = format!("log {index:<5} {op}");
        show_events(&mut text, &name, expected.log.get(index), got.log.get(index))?;
    }
    show_events(&mut text, "end", Some(&expected.end), Some(&got.end))?;
    let unhandled = [expected, got].map(|trace| sorted(&trace.unhandled));
    show_events(&mut text, "unhandled", Some(&unhandled[0]), Some(&unhandled[1]))?;
    text.push('\n');
    Ok(text)
}

fn show_events(
    text: &mut String,
    name: &str,
    expected: Option<&Vec<Event>>,
    got: Option<&Vec<Event>>,
) -> std::fmt::Result {
    let line = |events: Option<&Vec<Event>>| {
        let events: Vec<_> = events.into_iter().flatten().map(Event::to_string).collect();
        events.join(" ")
    };
    if expected == got {
        writeln!(text, "{name}\n  expected {}", line(expected))
    } else {
        writeln!(
            text,
            "{name}  <- differs\n  expected {}\n  got      {}",
            line(expected),
            line(got)
        )
    }
}

/// In an order of their own, for those that have none.
fn sorted(events: &[Event]) -> Vec<Event> {
    let mut events = events.to_vec();
    events.sort_by_cached_key(Event::to_string);
    events
}

fn write_counts(text: &mut String, name: &str, counts: &BTreeMap<String, Count>) -> std::fmt::Result {
    writeln!(text, "{name:20}  agree  diverge  excluded")?;
    for (name, count) in counts {
        writeln!(
            text,
            "{name:20} {:6} {:8} {:9}",
            count.agree, count.diverge, count.excluded
        )?;
    }
    text.push('\n');
    Ok(())
}
