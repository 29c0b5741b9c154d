//! Child processes: started, talked to, waited for, and never left as zombies.

use std::{
    io::{self, Read},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::ExitStatusExt},
    },
};

use futures_util::{
    future::{join, join_all},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Reactor,
    process::{Child, ChildStdin, Command, Stdio},
    signal::SignalKind,
};
use rustix::{
    io::Errno,
    process::{Pid, WaitId, WaitIdOptions, waitid},
};

use crate::{
    AnySubject, Subject,
    tools::{HOUR, MILLISECOND, on_thread},
};

/// A shell that runs a script.
fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A child that runs until its input is closed, or it is killed.
pub(super) fn waiting_child(reactor: &Reactor) -> (Child, ChildStdin) {
    let mut command = Command::new("cat");
    waiting(&mut command, reactor)
}

fn waiting(command: &mut Command, reactor: &Reactor) -> (Child, ChildStdin) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn(reactor).unwrap();
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

/// What the system says of a child of this process.
pub(super) fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap()).unwrap()
}

/// Whether a child has been waited for.
pub(super) fn is_reaped(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(pid), options) {
        Ok(_) => false,
        Err(Errno::CHILD) => true,
        Err(error) => panic!("{error}"),
    }
}

async fn reaped(reactor: &Reactor, pid: Pid) {
    while !is_reaped(pid) {
        reactor.sleep(MILLISECOND).await.unwrap();
    }
}

pub fn what_a_child_writes_is_collected(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let output = sh("echo to one; echo to the other >&2; exit 3").output(&reactor);
        let output = output.await.unwrap();
        assert_eq!(output.stdout, b"to one\n");
        assert_eq!(output.stderr, b"to the other\n");
        assert_eq!(output.status.code(), Some(3));
        // Its input is empty, unless it was said otherwise.
        assert_eq!(Command::new("cat").output(&reactor).await.unwrap().stdout, b"");
    });
}

pub fn a_child_gets_its_arguments_environment_and_directory(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut command = sh("echo \"$0 $1 $NAME $GONE\"; pwd");
    command.args(["zero", "one"]).current_dir("/");
    command.env("NAME", "value").env("GONE", "?").env_remove("GONE");
    let output = subject.block_on(command.output(&reactor)).unwrap();
    assert_eq!(output.stdout, b"zero one value \n/\n");
}

pub fn a_command_starts_again_and_again(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut command = sh("echo once more");
    subject.block_on(async {
        for _ in 0..3 {
            assert_eq!(command.output(&reactor).await.unwrap().stdout, b"once more\n");
        }
        let status = command.stdout(Stdio::null()).status(&reactor);
        assert!(status.await.unwrap().success());
        assert!(command.output(&reactor).await.unwrap().stdout.is_empty());
    });
}

pub fn exit_codes_are_told(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        for code in [0, 1, 42, 255] {
            let status = sh(&format!("exit {code}")).status(&reactor).await.unwrap();
            assert_eq!(status.code(), Some(code));
        }
    });
}

pub fn death_by_a_signal_is_told(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let status = subject.block_on(sh("kill -USR1 $$").status(&reactor)).unwrap();
    assert_eq!(status.code(), None);
    assert_eq!(status.signal(), Some(SignalKind::user_defined1().as_raw()));
}

pub fn a_child_is_killed(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut child, _stdin) = waiting_child(&reactor);
    subject.block_on(async {
        child.kill().unwrap();
        let status = child.status().await.unwrap();
        assert_eq!(status.signal(), Some(SignalKind::kill().as_raw()));
        // There is nothing to kill any more, which is what was asked for.
        child.kill().unwrap();
        child.send_signal(SignalKind::terminate()).unwrap();
    });
}

pub fn a_child_is_sent_a_signal(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut child, _stdin) = waiting_child(&reactor);
    child.send_signal(SignalKind::terminate()).unwrap();
    let error = child.send_signal(SignalKind::from_raw(4000)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let status = subject.block_on(child.status()).unwrap();
    assert_eq!(status.signal(), Some(SignalKind::terminate().as_raw()));
}

pub fn megabytes_go_through_a_child(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut child, mut stdin) = waiting_child(&reactor);
    let mut stdout = child.stdout.take().unwrap();
    let sent = (0..8_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>();
    subject.block_on(async {
        let writing = async {
            stdin.write_all(&sent).await.unwrap();
            stdin.close().await.unwrap();
            let error = stdin.write(b"more").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        };
        let reading = async {
            let (mut received, mut buf) = (Vec::new(), vec![0; 50_000]);
            loop {
                match stdout.read(&mut buf).await.unwrap() {
                    0 => return received,
                    read => received.extend_from_slice(&buf[..read]),
                }
            }
        };
        let (received, ()) = join(reading, writing).await;
        assert!(received == sent);
        assert!(child.status().await.unwrap().success());
    });
}

pub fn a_child_that_fills_both_pipes_does_not_block(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // More than pipes hold, in turns.
    let script = "for i in 1 2 3; do head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; done";
    let output = subject.block_on(sh(script).output(&reactor)).unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (900_000, 900_000));
}

pub fn waiting_closes_the_input(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn(&reactor).unwrap();
        assert!(child.status().await.unwrap().success());
        let child = Command::new("cat").stdin(Stdio::piped()).spawn(&reactor).unwrap();
        assert!(child.wait_with_output().await.unwrap().status.success());
        let status = Command::new("cat").stdin(Stdio::piped()).status(&reactor);
        assert!(status.await.unwrap().success());
    });
}

pub fn writing_to_a_child_that_has_ended_fails(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut child, mut stdin) = waiting(&mut Command::new("true"), &reactor);
        child.status().await.unwrap();
        // Another child, which is about to start its program, may have the other end for a moment still.
        let error = loop {
            if let Err(error) = stdin.write(&[0; 1000]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    });
}

pub fn one_childs_output_is_anothers_input(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let mut first = sh("echo b; echo a").stdout(Stdio::piped()).spawn(&reactor).unwrap();
        let pipe = Stdio::try_from(first.stdout.take().unwrap()).unwrap();
        let sorted = Command::new("sort").stdin(pipe).output(&reactor).await.unwrap();
        assert_eq!(sorted.stdout, b"a\nb\n");
        assert!(first.status().await.unwrap().success());
    });
}

pub fn every_wait_gives_the_same_status(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let mut command = sh("read line; exit 7");
        let (mut child, stdin) = waiting(&mut command, &reactor);
        let waiting = [(); 5].map(|()| child.status());
        let waiting = join_all(waiting.map(|status| reactor.spawn(status)));
        drop(stdin);
        for status in waiting.await {
            assert_eq!(status.unwrap().code(), Some(7));
        }
        for _ in 0..3 {
            assert_eq!(child.status().await.unwrap().code(), Some(7));
            assert_eq!(child.try_status().unwrap().unwrap().code(), Some(7));
        }
        assert_eq!(child.wait_with_output().await.unwrap().status.code(), Some(7));
    });
}

pub fn a_wait_that_is_given_up_changes_nothing(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut child, stdin) = waiting_child(&reactor);
    subject.block_on(async {
        for round in 0..100 {
            let mut waiting = child.status();
            assert!(poll!(&mut waiting).is_pending());
            if round % 2 == 0 {
                waiting.cancel();
            }
        }
        let limited = reactor.timeout(MILLISECOND, child.status());
        assert_eq!(limited.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(!is_reaped(pid_of(&child)));
        drop(stdin);
        assert!(child.status().await.unwrap().success());
    });
}

pub fn asking_for_the_status_does_not_wait(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (child, stdin) = waiting_child(&reactor);
    assert_eq!(child.try_status().unwrap(), None);
    drop(stdin);
    subject.block_on(async {
        let status = loop {
            if let Some(status) = child.try_status().unwrap() {
                break status;
            }
            reactor.sleep(MILLISECOND).await.unwrap();
        };
        assert!(status.success());
        assert!(is_reaped(pid_of(&child)));
    });
}

pub fn a_callback_runs_when_a_child_ends(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut child = sh("exit 5").spawn(&reactor).unwrap();
    let code = child.status().map_ok(|status| status.code());
    drop(child);
    assert_eq!(subject.block_on(code).unwrap(), Some(5));
}

pub fn a_program_that_cannot_be_started_is_an_error(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let mut missing = Command::new("a-program-that-nobody-has");
        let expected = std::process::Command::new("a-program-that-nobody-has")
            .spawn()
            .unwrap_err();
        assert_eq!(expected.kind(), io::ErrorKind::NotFound);
        let errors = [
            missing.spawn(&reactor).unwrap_err(),
            missing.status(&reactor).await.unwrap_err(),
            missing.output(&reactor).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.raw_os_error(), expected.raw_os_error());
        }
        let error = Command::new("/dev/null").spawn(&reactor).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let error = Command::new("true").current_dir("/nowhere/at/all").spawn(&reactor);
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    });
}

pub fn a_hundred_children_run_at_once(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        // One pipe each, as descriptors are short on some systems.
        let (children, inputs): (Vec<_>, Vec<_>) = (0..100)
            .map(|code| {
                let mut command = sh(&format!("read line; exit {code}"));
                let mut child = command.stdin(Stdio::piped()).spawn(&reactor).unwrap();
                let stdin = child.stdin.take();
                (child, stdin)
            })
            .unzip();
        let pids = children.iter().map(pid_of).collect::<Vec<_>>();
        let outputs = children
            .into_iter()
            .map(|child| reactor.spawn(child.wait_with_output()));
        let outputs = join_all(outputs.collect::<Vec<_>>());
        // All run until here.
        assert!(!pids.iter().copied().any(is_reaped));
        drop(inputs);
        for (code, output) in outputs.await.into_iter().enumerate() {
            assert_eq!(output.unwrap().status.code(), Some(code as i32));
        }
        assert!(pids.into_iter().all(is_reaped));
    });
}

pub fn a_child_dropped_before_its_end_runs_on_and_is_reaped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut child, mut stdin) = waiting_child(&reactor);
        let (pid, mut stdout) = (pid_of(&child), child.stdout.take().unwrap());
        drop(child);
        stdin.write_all(b"still there").await.unwrap();
        let mut echo = [0; 11];
        stdout.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"still there");
        assert!(!is_reaped(pid));
        drop(stdin);
        reaped(&reactor, pid).await;
    });
}

pub fn a_child_is_reaped_though_nobody_asks(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (child, stdin) = waiting_child(&reactor);
        drop(stdin);
        reaped(&reactor, pid_of(&child)).await;
        // The status is kept for whoever does.
        assert!(child.try_status().unwrap().unwrap().success());
        drop(child);
    });
}

pub fn a_child_is_killed_when_it_is_dropped_if_that_was_said(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (child, _stdin) = waiting(Command::new("cat").kill_on_drop(true), &reactor);
        let pid = pid_of(&child);
        drop(child);
        reaped(&reactor, pid).await;
    });
}

pub fn a_child_is_killed_when_what_waits_for_it_is_dropped(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        for waits_for_output in [false, true] {
            // Open as long as the child runs.
            let (end, mut peer) = UnixStream::pair().unwrap();
            let mut command = Command::new("sleep");
            command.arg(HOUR.as_secs().to_string()).stderr(OwnedFd::from(end));
            command.kill_on_drop(true);
            if waits_for_output {
                let output = reactor.timeout(MILLISECOND, command.output(&reactor));
                assert_eq!(output.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            } else {
                // Not polled at all.
                drop(command.status(&reactor));
            }
            // It has an end, too.
            drop(command);
            let ended = on_thread(move || peer.read_to_end(&mut Vec::new()));
            assert_eq!(ended.await.unwrap().unwrap(), 0);
        }
    });
}

pub fn others_children_are_left_alone(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut theirs = std::process::Command::new("sh").args(["-c", "exit 9"]).spawn().unwrap();
    let pid = Pid::from_raw(theirs.id().try_into().unwrap()).unwrap();
    // It has ended before ours begins.
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    subject.block_on(async {
        assert!(Command::new("true").status(&reactor).await.unwrap().success());
        drop(Command::new("true").spawn(&reactor).unwrap());
        assert!(Command::new("true").status(&reactor).await.unwrap().success());
    });
    assert_eq!(theirs.wait().unwrap().code(), Some(9));
}

pub fn a_plain_thread_starts_a_child(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let started = on_thread(move || Command::new("cat").stdin(Stdio::piped()).spawn(&reactor));
    subject.block_on(async {
        let mut child = started.await.unwrap().unwrap();
        assert!(child.status().await.unwrap().success());
    });
}
