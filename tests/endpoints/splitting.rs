//! Text is taken apart as by Twisted itself, where there is a Python with it: the one that `$TWISTED_PYTHON` names, else `python3`.
//! `tests/twisted/venv.sh` makes one.

use std::{
    collections::BTreeMap,
    env,
    io::Write,
    process::{Command, Stdio},
    thread,
};

use interloop::protocol::endpoint::Description;

/// A Python that has Twisted.
fn python() -> Option<String> {
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

/// Texts that look random, and are the same in every run.
fn texts(count: usize) -> Vec<String> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let alphabet = [':', ':', '=', '=', '\\', '\\', 'a', 'b', 'é', '\n', '"', ' '];
    let mut text = || {
        let len = below(16);
        (0..len).map(|_| alphabet[below(alphabet.len())]).collect()
    };
    (0..count).map(|_| text()).collect()
}

type Split = Option<(Vec<String>, BTreeMap<String, String>)>;

fn split(text: &str) -> Split {
    let description: Description = text.parse().ok()?;
    let mut positional = vec![description.kind().to_owned()];
    positional.extend(description.positional().map(str::to_owned));
    // Twisted takes the last of several with one name.
    let named = description
        .named()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some((positional, named.collect()))
}

#[test]
fn text_is_split_as_by_twisted() {
    let Some(python) = python() else { return };
    let texts = texts(20_000);
    let mut child = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/endpoints/split.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = texts.iter().map(|text| serde_json::to_string(text).unwrap() + "\n");
    let lines = lines.collect::<String>();
    let writing = thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).unwrap();
    let twisteds = output.lines().map(|line| serde_json::from_str::<Split>(line).unwrap());
    let twisteds = twisteds.collect::<Vec<_>>();
    assert_eq!(twisteds.len(), texts.len());
    for (text, twisted) in texts.iter().zip(twisteds) {
        // Without an argument that has no name, there is no kind; Twisted finds that out later.
        let twisted = twisted.filter(|(positional, _)| !positional.is_empty());
        assert_eq!(split(text), twisted, "{text:?}");
    }
}
