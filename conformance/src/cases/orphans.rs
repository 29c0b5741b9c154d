//! Children and signals whose loop has shut down: nothing hangs, and no zombie is left for ever.

use std::os::unix::process::ExitStatusExt;

use interloop::{
    Aborted,
    process::{Command, Stdio},
    signal::{SignalKind, Signals},
};
use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::{
    process::{is_reaped, pid_of, waiting_child},
    signal::{raise, signals},
};
use crate::{
    AnyShutsDown, ShutsDown, Subject,
    tools::{parked, wait},
};

#[track_caller]
fn assert_shut_down(error: &std::io::Error) {
    assert!(
        Aborted::in_io_error(error).is_some_and(Aborted::is_shut_down),
        "{error:?}"
    );
}

pub fn a_child_is_not_started_afterwards(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    let mut command = Command::new("true");
    assert_shut_down(&command.spawn(&reactor).unwrap_err());
    assert_shut_down(&wait(command.status(&reactor)).unwrap_err());
    assert_shut_down(&wait(command.output(&reactor)).unwrap_err());
    // That was found out before the program was looked for.
    let mut missing = Command::new("a-program-that-nobody-has");
    assert_shut_down(&missing.spawn(&reactor).unwrap_err());
}

pub fn a_wait_for_a_child_fails(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (mut child, stdin) = waiting_child(&reactor);
    let before = child.status();
    let (waits, waiting) = parked(child.status());
    let waiting = reactor.spawn(waiting);
    subject.block_on(waits).unwrap();
    subject.shut_down();
    for status in [before, waiting, child.status()] {
        assert_shut_down(&wait(status).unwrap_err());
    }
    assert_shut_down(&wait(child.wait_with_output()).unwrap_err());
    drop(stdin);
}

pub fn a_child_from_before_is_asked_and_killed(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (mut child, _stdin) = waiting_child(&reactor);
    subject.shut_down();
    assert_eq!(child.try_status().unwrap(), None);
    child.kill().unwrap();
    let pid = pid_of(&child);
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    let status = child.try_status().unwrap().expect("it has ended");
    assert_eq!(status.signal(), Some(SignalKind::kill().as_raw()));
    assert!(is_reaped(pid));
    assert_eq!(wait(child.status()).unwrap(), status);
}

pub fn a_status_from_before_is_kept(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let mut child = Command::new("true").spawn(&reactor).unwrap();
    let status = subject.block_on(child.status()).unwrap();
    subject.shut_down();
    assert_eq!(wait(child.status()).unwrap(), status);
    assert_eq!(wait(child.wait_with_output()).unwrap().status, status);
}

pub fn a_child_dropped_before_is_reaped_at_the_next_use(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (child, stdin) = waiting_child(&reactor);
    let pid = pid_of(&child);
    drop(child);
    subject.shut_down();
    drop(stdin);
    // Another case's use may have come first.
    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    assert_shut_down(&Command::new("true").spawn(&reactor).unwrap_err());
    assert!(is_reaped(pid));
}

pub fn a_child_dropped_afterwards_is_reaped_at_the_next_use(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (child, stdin) = waiting_child(&reactor);
    let (other, other_stdin) = waiting_child(&reactor);
    let pids = [pid_of(&child), pid_of(&other)];
    subject.shut_down();
    drop(child);
    drop((stdin, other_stdin));
    for pid in pids {
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    }
    // Dropping one is a use, too.
    drop(other);
    assert!(pids.into_iter().all(is_reaped));
}

pub fn a_child_is_killed_with_the_task_that_has_it(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let mut command = Command::new("cat");
    let command = command.stdin(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn(&reactor).unwrap();
    let (pid, _stdin) = (pid_of(&child), child.stdin.take());
    let (waits, waiting) = parked(async move { child.status().await });
    let waiting = reactor.spawn(waiting);
    subject.block_on(waits).unwrap();
    subject.shut_down();
    assert_shut_down(&wait(waiting).unwrap_err());
    // It would run on otherwise, as its input is open.
    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    assert_shut_down(&Command::new("true").spawn(&reactor).unwrap_err());
    assert!(is_reaped(pid));
}

pub fn signals_from_before_arrive_or_end(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let kind = SignalKind::window_change();
    let mut signals = signals(&reactor, [kind]);
    raise(kind);
    assert_eq!(subject.block_on(signals.recv()).unwrap(), kind);
    subject.shut_down();
    raise(kind);
    match wait(signals.recv()) {
        Ok(received) => assert_eq!(received, kind),
        Err(error) => assert_shut_down(&error),
    }
}

pub fn signals_are_not_waited_for_afterwards(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    let error = Signals::new(&reactor, [SignalKind::user_defined1()]).unwrap_err();
    assert_shut_down(&error);
    assert_shut_down(&wait(interloop::signal::ctrl_c(&reactor)).unwrap_err());
}
