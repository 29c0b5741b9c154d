//! What is wrong with a test that has come to its end.

use std::fmt;

use super::Watch;
use crate::unhandled::Report;

/// The mess that a test leaves behind, as text: one line for each thing, each with a line break before it.
#[derive(Debug)]
pub(super) struct Findings {
    unhandled: Vec<Report>,
    tasks: usize,
}

impl Findings {
    /// What a watch has seen; `tasks` are those that are taken for leaked.
    pub(super) fn of(watch: &Watch, tasks: usize) -> Self {
        Self {
            unhandled: watch.take_unhandled(),
            tasks,
        }
    }

    pub(super) fn are_none(&self) -> bool {
        self.unhandled.is_empty() && self.tasks == 0
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.unhandled {
            write!(f, "\n  {failure}")?;
        }
        match self.tasks {
            0 => Ok(()),
            1 => f.write_str("\n  1 task or blocking job is still alive: await it, or cancel it, before the test ends"),
            tasks => write!(
                f,
                "\n  {tasks} tasks or blocking jobs are still alive: await them, or cancel them, before the test ends"
            ),
        }
    }
}
