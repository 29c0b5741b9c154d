//! The copy of the table in a document.

use crate::{
    Failure,
    table::{Row, Table},
};

const BEGIN: &str = "<!-- The table is written by a run: ci/ecosystem.sh --write -->\n";
const END: &str = "\n<!-- The end of the table -->";

/// The document with the table in it. Rows of libraries that were not run are kept as they are.
pub(crate) fn with(document: &str, table: &Table) -> Result<String, Failure> {
    let (before, old, after) = parts(document)?;
    let mut lines: Vec<String> = table.rows.iter().map(|row| line(row, old)).collect();
    let not_asked_for = |line: &&str| !table.rows.iter().any(|row| line.starts_with(&row.key()));
    let kept = old.lines().skip(2).filter(not_asked_for);
    lines.extend(kept.map(str::to_owned));
    Ok(format!(
        "{before}{BEGIN}{}\n{}{END}{after}",
        Table::head(),
        lines.join("\n")
    ))
}

/// Whether the document says what the run has shown.
pub(crate) fn check(document: &str, table: &Table) -> Result<(), Failure> {
    let (_, old, _) = parts(document)?;
    if !old.starts_with(&Table::head()) {
        return Err("its table has other columns; write it anew with --write".into());
    }
    for row in &table.rows {
        let line = line(row, old);
        if !old.lines().any(|old| old == line) {
            return Err(format!("the run has shown something else; write it anew with --write. New is\n{line}").into());
        }
    }
    Ok(())
}

/// A row as it is to be, which is as it is if it was skipped.
fn line(row: &Row, old: &str) -> String {
    let old = old.lines().find(|line| line.starts_with(&row.key()));
    match (old, &row.cells) {
        (Some(old), None) => old.to_owned(),
        _ => row.to_string(),
    }
}

fn parts(document: &str) -> Result<(&str, &str, &str), Failure> {
    let parts = document.split_once(BEGIN).and_then(|(before, rest)| {
        let (table, after) = rest.split_once(END)?;
        Some((before, table, after))
    });
    parts.ok_or_else(|| "it has no place for a table, between the two comments".into())
}
