//! Protocols of child processes.

use std::sync::{Arc, Mutex};

use interloop::{
    Reactor,
    process::{Child, Command, ExitStatus, Stdio},
    protocol::{
        Lost,
        process::{self, ProcessProtocol, ProcessTransport},
    },
    signal::SignalKind,
};

use crate::{
    AnySubject, Subject,
    tools::{is_current, turn},
};

/// What a protocol was called with, one letter each, and the output.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    calls: String,
    output: Vec<u8>,
    errors: Vec<u8>,
}

impl Notes {
    fn add(&self, note: char) {
        self.0.lock().unwrap().calls.push(note);
    }

    fn calls(&self) -> String {
        self.0.lock().unwrap().calls.clone()
    }

    fn output(&self) -> Vec<u8> {
        self.0.lock().unwrap().output.clone()
    }

    fn errors(&self) -> Vec<u8> {
        self.0.lock().unwrap().errors.clone()
    }
}

struct Watches {
    reactor: Reactor,
    notes: Notes,
    panics: bool,
}

impl ProcessProtocol for Watches {
    fn connection_made(&mut self, _: &ProcessTransport) {
        assert!(is_current(&self.reactor));
        self.notes.add('m');
    }

    fn out_received(&mut self, _: &ProcessTransport, data: &[u8]) {
        assert!(!self.panics, "on purpose");
        self.notes.0.lock().unwrap().output.extend_from_slice(data);
    }

    fn err_received(&mut self, _: &ProcessTransport, data: &[u8]) {
        self.notes.0.lock().unwrap().errors.extend_from_slice(data);
    }

    fn in_connection_lost(&mut self, _: &ProcessTransport) {
        self.notes.add('i');
    }

    fn out_connection_lost(&mut self, _: &ProcessTransport) {
        self.notes.add('o');
    }

    fn err_connection_lost(&mut self, _: &ProcessTransport) {
        self.notes.add('e');
    }

    fn exited(&mut self, _: &ProcessTransport, _: ExitStatus) {
        self.notes.add('x');
    }

    fn ended(&mut self, _: &ProcessTransport, end: &Result<ExitStatus, Lost>) {
        self.notes.add(match end {
            Ok(_) => '.',
            Err(_) => '!',
        });
    }
}

fn shell(reactor: &Reactor, script: &str) -> Child {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn(reactor).unwrap()
}

fn watch(reactor: &Reactor, script: &str) -> (ProcessTransport, Notes) {
    let notes = Notes::default();
    let watches = Watches {
        reactor: reactor.clone(),
        notes: notes.clone(),
        panics: false,
    };
    (process::attach(reactor, shell(reactor, script), watches), notes)
}

async fn ended(reactor: &Reactor, notes: &Notes) -> String {
    while !notes.calls().ends_with(['.', '!']) {
        turn(reactor).await;
    }
    notes.calls()
}

pub fn output_is_received_and_the_end_comes_last(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (child, notes) = watch(&reactor, "echo out; echo err >&2; exit 3");
    subject.block_on(async {
        assert_eq!(child.exited().await.unwrap().code(), Some(3));
        let mut calls: Vec<char> = ended(&reactor, &notes).await.chars().collect();
        assert_eq!((calls.first(), calls.last()), (Some(&'m'), Some(&'.')));
        calls.sort_unstable();
        assert_eq!(calls, ['.', 'e', 'i', 'm', 'o', 'x'], "each once");
        assert_eq!((notes.output(), notes.errors()), (b"out\n".to_vec(), b"err\n".to_vec()));
        assert_eq!(child.exited().await.unwrap().code(), Some(3));
    });
}

pub fn what_is_written_arrives_and_closing_ends_the_input(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (child, notes) = watch(&reactor, "cat");
    // More than a pipe holds.
    let bytes: Vec<u8> = (0..1_000_000).map(|place: u32| (place % 251) as u8).collect();
    child.write(&bytes[..10]);
    child.write(&bytes[10..]);
    child.close_stdin();
    child.write(b"too late");
    subject.block_on(async {
        assert!(child.exited().await.unwrap().success());
        ended(&reactor, &notes).await;
    });
    assert_eq!(notes.output(), bytes);
    assert_eq!(child.buffered(), 0);
}

pub fn a_child_that_closes_its_input_is_noticed_by_writing(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (child, notes) = watch(&reactor, "exec <&-; echo closed; exec sleep 3600");
    subject.block_on(async {
        while notes.output() != b"closed\n" {
            turn(&reactor).await;
        }
        child.write(b"to nobody");
        while !notes.calls().contains('i') {
            turn(&reactor).await;
        }
        child.signal(SignalKind::kill()).await.unwrap();
        child.lose_connection();
        assert!(!child.exited().await.unwrap().success());
        ended(&reactor, &notes).await;
    });
}

pub fn a_child_is_sent_a_signal(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (child, notes) = watch(&reactor, "exec cat");
    subject.block_on(async {
        child.signal(SignalKind::terminate()).await.unwrap();
        let status = child.exited().await.unwrap();
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(SignalKind::terminate().as_raw())
        );
        ended(&reactor, &notes).await;
        let late = child.signal(SignalKind::terminate()).await.unwrap_err();
        assert_eq!(late.kind(), std::io::ErrorKind::NotFound);
    });
}

pub fn pipes_that_are_closed_from_here_are_told_of(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (child, notes) = watch(&reactor, "cat > /dev/null");
    child.lose_connection();
    subject.block_on(async {
        assert!(child.exited().await.unwrap().success());
        let calls = ended(&reactor, &notes).await;
        assert_eq!(calls, "moeix.");
    });
}

pub fn a_panic_is_told_to_the_last_method_and_nothing_else_is_lost(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let notes = Notes::default();
    let watches = Watches {
        reactor: reactor.clone(),
        notes: notes.clone(),
        panics: true,
    };
    let child = process::attach(&reactor, shell(&reactor, "echo out; cat"), watches);
    subject.block_on(async {
        assert!(child.exited().await.is_err());
        assert_eq!(notes.calls(), "m!");
        let (other, notes) = watch(&reactor, "echo other");
        assert!(other.exited().await.unwrap().success());
        ended(&reactor, &notes).await;
    });
}

pub fn a_child_whose_streams_are_not_piped_is_waited_for(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let notes = Notes::default();
    let watches = Watches {
        reactor: reactor.clone(),
        notes: notes.clone(),
        panics: false,
    };
    let mut command = Command::new("sh");
    command
        .args(["-c", "exit 7"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = process::attach(&reactor, command.spawn(&reactor).unwrap(), watches);
    child.write(b"to nobody");
    subject.block_on(async {
        assert_eq!(child.exited().await.unwrap().code(), Some(7));
        assert_eq!(ended(&reactor, &notes).await, "mx.");
    });
}
