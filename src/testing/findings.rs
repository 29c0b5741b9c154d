//! What is wrong with a test that has come to its end.

use std::fmt;

use super::Watch;
use crate::unhandled::Report;

/// The mess that a test leaves behind, as text: one line for each thing, each with a line break before it.
#[derive(Debug)]
pub(super) struct Findings {
    unhandled: Vec<Report>,
    left: Left,
}

/// What is still there at a test's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Tasks and blocking jobs.
    pub(super) tasks: usize,
    /// Delayed calls (Twisted's trial calls such a reactor unclean).
    pub(super) calls: usize,
}

impl Findings {
    /// What a watch has seen, and what is taken for leaked.
    pub(super) fn of(watch: &Watch, left: Left) -> Self {
        Self {
            unhandled: watch.take_unhandled(),
            left,
        }
    }

    pub(super) fn are_none(&self) -> bool {
        self.unhandled.is_empty() && self.left == Left::default()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.unhandled {
            write!(f, "\n  {failure}")?;
        }
        match self.left.tasks {
            0 => {}
            1 => {
                f.write_str("\n  1 task or blocking job is still alive: await it, or cancel it, before the test ends")?
            }
            tasks => write!(
                f,
                "\n  {tasks} tasks or blocking jobs are still alive: await them, or cancel them, before the test ends"
            )?,
        }
        match self.left.calls {
            0 => Ok(()),
            1 => f.write_str("\n  1 delayed call is still pending: cancel it before the test ends"),
            calls => write!(
                f,
                "\n  {calls} delayed calls are still pending: cancel them before the test ends"
            ),
        }
    }
}
