//! What Twisted says.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
    thread,
};

use serde::de::DeserializeOwned;

/// A Python that has Twisted.
pub(super) fn python() -> Option<String> {
    let python = env::var("TWISTED_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut has_twisted = Command::new(&python);
    has_twisted.args(["-c", "import twisted.internet.endpoints"]);
    let found = has_twisted.stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    assert!(env::var("TWISTED_PYTHON").is_err(), "{python} has no Twisted");
    eprintln!("SKIPPED: `python3` has no Twisted; name one that has in TWISTED_PYTHON, see tests/twisted/venv.sh");
    None
}

/// What a script of this folder says of each line.
pub(super) fn ask<T: DeserializeOwned>(python: &str, script: &str, lines: Vec<String>) -> Vec<T> {
    let mut child = Command::new(python)
        .arg(format!("{}/tests/endpoints/{script}", env!("CARGO_MANIFEST_DIR")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let asked = lines.len();
    let writing = thread::spawn(move || stdin.write_all((lines.join("\n") + "\n").as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).unwrap();
    let answers = output.lines().map(|line| serde_json::from_str(line).unwrap());
    let answers = answers.collect::<Vec<_>>();
    assert_eq!(answers.len(), asked);
    answers
}
