//! Child processes on a loop that is driven only when the test says so.

#![cfg(feature = "process")]

use futures_executor::LocalPool;
use interloop::{
    Reactor,
    process::{Child, ChildStdin, Command, Stdio},
};
use rustix::{
    io::Errno,
    process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid, waitpid},
};

fn local_pool() -> (LocalPool, Reactor) {
    let pool = LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    (pool, reactor)
}

/// A child that does something when its input is closed.
fn waiting_child(reactor: &Reactor, then: &str) -> (Child, ChildStdin) {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("read line; {then}")])
        .stdin(Stdio::piped());
    let mut child = command.spawn(reactor).unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap()).unwrap()
}

/// Waits for the end of a child, and leaves the status where it is.
fn await_end(pid: Pid) {
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
}

#[test]
fn a_status_that_somebody_else_has_taken_is_an_error() {
    let (mut pool, reactor) = local_pool();
    let (mut child, input) = waiting_child(&reactor, "true");
    let before = child.status();
    drop(input);
    let pid = pid_of(&child);
    waitpid(Some(pid), WaitOptions::empty()).unwrap();
    let expected = Some(Errno::CHILD.raw_os_error());
    assert_eq!(pool.run_until(before).unwrap_err().raw_os_error(), expected);
    assert_eq!(pool.run_until(child.status()).unwrap_err().raw_os_error(), expected);
    assert_eq!(child.try_status().unwrap_err().raw_os_error(), expected);
    // Its number may be another process's by now, which is left alone.
    child.kill().unwrap();
    let error = pool.run_until(child.wait_with_output()).unwrap_err();
    assert_eq!(error.raw_os_error(), expected);
}

#[test]
fn a_loop_that_nobody_drives_can_be_asked() {
    let (mut pool, reactor) = local_pool();
    let (mut child, input) = waiting_child(&reactor, "exit 6");
    let before = child.status();
    assert_eq!(child.try_status().unwrap(), None);
    drop(input);
    await_end(pid_of(&child));
    assert_eq!(child.try_status().unwrap().unwrap().code(), Some(6));
    assert_eq!(pool.run_until(before).unwrap().code(), Some(6));
}

#[test]
fn an_executor_that_runs_all_its_tasks_runs_until_the_childs_end() {
    let (mut pool, reactor) = local_pool();
    let child = Command::new("true").spawn(&reactor).unwrap();
    let pid = pid_of(&child);
    // The reactor has a task of its own there, as long as it lives.
    drop((child, reactor));
    pool.run();
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    assert_eq!(waitid(WaitId::Pid(pid), options).unwrap_err(), Errno::CHILD);
}

#[test]
fn a_child_without_a_loop_is_refused() {
    let clock = interloop::Clock::new();
    Command::new("true").spawn(&clock.reactor()).unwrap_err();
}
