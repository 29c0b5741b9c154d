//! The table, as Markdown.

use std::fmt;

use crate::{cell::Cell, libraries::Library, loops::LOOPS};

pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

/// A library, and what came of it on each loop, unless it was skipped.
pub(crate) struct Row {
    pub(crate) library: &'static Library,
    pub(crate) cells: Option<[Cell; LOOPS.len()]>,
}

impl Table {
    pub(crate) fn head() -> String {
        let loops: Vec<_> = LOOPS.iter().map(|event_loop| event_loop.name).collect();
        let rule = "---|".repeat(3 + LOOPS.len());
        format!("| library | by | exchanges | {} |\n|{rule}", loops.join(" | "))
    }

    /// Each cell that failed: the library, the loop, and why.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.rows.iter().flat_map(|row| {
            let cells = row.cells.iter().flatten().zip(&LOOPS);
            cells.filter_map(|(cell, event_loop)| match cell {
                Cell::Runs => None,
                Cell::Fails(why) => Some((row.library.name, event_loop.name, &**why)),
            })
        })
    }
}

impl Row {
    /// What its line begins with, whatever its cells are.
    pub(crate) fn key(&self) -> String {
        format!("| {} ", self.library.name)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let library = self.library;
        write!(
            f,
            "{}{} | {} | {} |",
            self.key(),
            library.version(),
            library.by,
            library.exchanges
        )?;
        match &self.cells {
            Some(cells) => cells.iter().try_for_each(|cell| write!(f, " {cell} |")),
            None => LOOPS.iter().try_for_each(|_| f.write_str(" skipped |")),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::head())?;
        self.rows.iter().try_for_each(|row| write!(f, "\n{row}"))
    }
}
