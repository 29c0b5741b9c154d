//! Commands at the other end.

use std::io;

use interloop::{
    Reactor,
    process::{Command, Stdio},
};

/// What a command writes to its standard output and error, if there is such a command; it is given standard input.
pub(crate) async fn run(reactor: &Reactor, name: &str, arguments: &[&str], input: &[u8]) -> Option<(String, String)> {
    use futures_util::io::AsyncWriteExt;

    let mut command = Command::new(name);
    command.args(arguments).kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn(reactor) {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no command `{name}` here");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let mut stdin = child.stdin.take().unwrap();
    let writing = async move {
        // The command may end without having read all of it.
        let _ = stdin.write_all(input).await;
        let _ = stdin.close().await;
    };
    let (output, ()) = futures_util::future::join(child.wait_with_output(), writing).await;
    let output = output.unwrap();
    let said = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (said(output.stdout), said(output.stderr));
    assert!(
        output.status.success(),
        "{name} {arguments:?}: {}\n{stdout}\n{stderr}",
        output.status
    );
    Some((stdout, stderr))
}
