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

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, check, with};
    use crate::{
        cell::Cell,
        libraries::LIBRARIES,
        loops::LOOPS,
        table::{Row, Table},
    };

    /// A table of one library, with the same in each cell.
    fn table(at: usize, cell: Option<fn() -> Cell>) -> Table {
        let row = Row {
            library: &LIBRARIES[at],
            cells: cell.map(|cell| LOOPS.each_ref().map(|_| cell())),
        };
        Table { rows: vec![row] }
    }

    fn runs() -> Cell {
        Cell::Runs
    }

    fn fails() -> Cell {
        Cell::Fails("it hangs".to_owned())
    }

    #[test]
    fn what_was_written_is_what_is_found() {
        let empty = format!("before\n{BEGIN}{END}\nafter\n");
        let written = with(&empty, &table(0, Some(runs))).unwrap();
        assert!(written.starts_with("before\n") && written.ends_with("\nafter\n"));
        check(&written, &table(0, Some(runs))).unwrap();
        assert_eq!(with(&written, &table(0, Some(runs))).unwrap(), written);
    }

    #[test]
    fn a_cell_that_came_to_something_else_is_told() {
        let empty = format!("{BEGIN}{END}");
        let written = with(&empty, &table(0, Some(runs))).unwrap();
        let error = check(&written, &table(0, Some(fails))).unwrap_err();
        assert!(error.to_string().contains("fails: it hangs"), "{error}");
        assert!(
            check(&written, &table(1, Some(runs))).is_err(),
            "a row that is not there"
        );
    }

    #[test]
    fn rows_that_were_not_run_are_kept() {
        let empty = format!("{BEGIN}{END}");
        let first = with(&empty, &table(0, Some(runs))).unwrap();
        let both = with(&first, &table(1, Some(fails))).unwrap();
        check(&both, &table(0, Some(runs))).unwrap();
        check(&both, &table(1, Some(fails))).unwrap();
        // One that is skipped.
        check(&both, &table(0, None)).unwrap();
        assert_eq!(
            with(&both, &table(1, None)).unwrap().matches("it hangs").count(),
            LOOPS.len()
        );
    }

    #[test]
    fn a_document_without_a_place_is_an_error() {
        assert!(with("text", &table(0, Some(runs))).is_err());
        assert!(check("text", &table(0, Some(runs))).is_err());
    }
}
