//! The standard input and output of a process as a connection.

use std::{
    env,
    fs::File,
    io::{Read, Seek, Write},
    process::{Command, Stdio},
    sync::mpsc,
};

use futures_executor::block_on;
use interloop::protocol::{
    Lost, Protocol, Transport,
    endpoint::{Parser, ServerEndpoint},
};

/// Shouts to the end, and says that this has come.
struct ShoutToTheEnd(mpsc::Sender<bool>);

impl Protocol for ShoutToTheEnd {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(&data.to_ascii_uppercase());
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Lost) {
        let _ = self.0.send(reason.is_closed());
    }
}

/// Whether this is the child, which then serves its standard input and output.
fn is_child() -> bool {
    if env::var("INTERLOOP_TEST_CHILD").is_err() {
        return false;
    }
    let reactor = interloop_smol::global();
    let (sender, lost) = mpsc::channel();
    let server = Parser::new().server("stdio:").unwrap();
    let port = block_on(server.listen(&reactor, move || ShoutToTheEnd(sender.clone()))).unwrap();
    block_on(port.stopped()).unwrap();
    assert!(lost.recv().unwrap());
    true
}

fn child(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env("INTERLOOP_TEST_CHILD", "1");
    command
}

#[test]
fn pipes_are_a_connection() {
    if is_child() {
        return;
    }
    let mut child = child("stdio::pipes_are_a_connection")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"hello by pipe").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    // The test's own words are around it.
    assert!(String::from_utf8_lossy(&output.stdout).contains("HELLO BY PIPE"));
}

#[test]
fn files_are_a_connection() {
    if is_child() {
        return;
    }
    let path = env::temp_dir().join(format!("interloop-stdio-{}", std::process::id()));
    let create = || {
        File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap()
    };
    let mut input = create();
    std::fs::remove_file(&path).unwrap();
    let mut output = create();
    std::fs::remove_file(&path).unwrap();
    input.write_all(b"hello by file").unwrap();
    input.rewind().unwrap();
    let status = child("stdio::files_are_a_connection")
        .stdin(input)
        .stdout(output.try_clone().unwrap())
        .status()
        .unwrap();
    assert!(status.success());
    output.rewind().unwrap();
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    assert!(text.contains("HELLO BY FILE"), "{text:?}");
}
