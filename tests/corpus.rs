//! The stored programs do here what they did on the real Twisted: what the example prints, as a test.

use std::{env, path::PathBuf, process::Command};

#[test]
fn the_stored_programs_do_what_they_did_on_twisted() {
    // Cargo builds the examples with the tests, in a directory beside theirs.
    let tests: PathBuf = env::current_exe().unwrap();
    let example = tests.ancestors().nth(2).unwrap().join("examples/twisted_conformance");
    let output = Command::new(&example)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/twisted/corpus.jsonl.gz"))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("2000 programs, 1775 agree, 0 diverge, "), "{last}");
}
