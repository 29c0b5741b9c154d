//! What is known of a child, and the task that reaps it.

use std::{
    io, mem,
    process::{Child, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    orphans,
    watch::{Prepared, Watch},
};
use crate::{Aborted, Completer, Deferred, Reactor, signal::SignalKind};

/// A child, shared by its handle and the task that reaps it.
pub(super) struct Process {
    id: u32,
    state: Mutex<State>,
}

struct State {
    life: Life,
    /// Settled by the task, when it ends.
    waiting: Vec<Completer<ExitStatus, io::Error>>,
    /// Why nobody waits for the child any more.
    failed: Option<io::Error>,
}

enum Life {
    /// Not reaped, so the number is the child's still.
    Running(Child),
    Reaped(ExitStatus),
    /// Reaped by somebody else, or left to the orphans.
    Lost,
}

impl State {
    fn try_status(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = match &mut self.life {
            Life::Running(child) => child.try_wait(),
            Life::Reaped(status) => return Ok(Some(*status)),
            Life::Lost => return Err(lost()),
        };
        match &status {
            Ok(Some(status)) => self.life = Life::Reaped(*status),
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => self.life = Life::Lost,
            Ok(None) | Err(_) => {}
        }
        status
    }
}

fn lost() -> io::Error {
    io::Error::from_raw_os_error(libc::ECHILD)
}

impl Process {
    /// Takes over a child that has just been started, and has the loop wait for it.
    ///
    /// # Errors
    /// Those of the loop. The child is killed then.
    pub(super) fn new(reactor: &Reactor, child: Child, prepared: Prepared) -> io::Result<Arc<Self>> {
        let id = child.id();
        let process = Arc::new(Self {
            id,
            state: Mutex::new(State {
                life: Life::Running(child),
                waiting: Vec::new(),
                failed: None,
            }),
        });
        match prepared.watch(id) {
            Ok(watch) => {
                let reaper = Reaper(process.clone());
                reactor.spawn_infallible(reaper.run(watch)).detach();
                Ok(process)
            }
            Err(error) => {
                // It may end before it is told to.
                let _ = process.kill();
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing of the user's runs under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn try_status(&self) -> io::Result<Option<ExitStatus>> {
        self.state().try_status()
    }

    #[track_caller]
    pub(super) fn status(&self) -> Deferred<ExitStatus, io::Error> {
        let mut state = self.state();
        match state.try_status() {
            Ok(Some(status)) => return Deferred::ready(status),
            Ok(None) => {}
            Err(error) => return Deferred::failed(error),
        }
        if let Some(error) = &state.failed {
            return Deferred::failed(again(error));
        }
        // Those who have given up make room first, and are dropped outside of the lock.
        let mut gone = Vec::new();
        if state.waiting.len() == state.waiting.capacity() {
            let (closed, waiting) = mem::take(&mut state.waiting)
                .into_iter()
                .partition(Completer::is_closed);
            (gone, state.waiting) = (closed, waiting);
        }
        let (completer, deferred) = Deferred::pair();
        state.waiting.push(completer);
        drop(state);
        drop(gone);
        deferred
    }

    pub(super) fn kill(&self) -> io::Result<()> {
        match &mut self.state().life {
            Life::Running(child) => child.kill(),
            Life::Reaped(_) | Life::Lost => Ok(()),
        }
    }

    pub(super) fn send_signal(&self, kind: SignalKind) -> io::Result<()> {
        let signal = Signal::from_named_raw(kind.as_raw()).ok_or(io::ErrorKind::InvalidInput)?;
        // Locked until it is sent: the number must stay the child's.
        let state = self.state();
        let Life::Running(_) = &state.life else {
            return Ok(());
        };
        let pid = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        Ok(kill_process(pid.ok_or(io::ErrorKind::InvalidInput)?, signal)?)
    }

    /// Tells those who wait. Whoever asks from now on is answered without the task.
    fn settle(&self, result: io::Result<ExitStatus>) {
        let mut state = self.state();
        if let Err(error) = &result {
            // The first one is why.
            state.failed.get_or_insert_with(|| again(error));
        }
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        for completer in waiting {
            // Who has given up need not hear of a failure.
            let _ = completer.try_settle(match &result {
                Ok(status) => Ok(*status),
                Err(error) => Err(again(error)),
            });
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Life::Running(child) = mem::replace(&mut state.life, Life::Lost) {
            orphans::adopt(child);
        }
    }
}

/// The task's hold on the child. Dropped before its end, the loop has shut down.
struct Reaper(Arc<Process>);

impl Reaper {
    async fn run(self, watch: Option<Watch>) {
        let result = match watch {
            Some(watch) => watch.exited(|| self.0.try_status()).await,
            None => Err(lost()),
        };
        self.settle(result.err());
        orphans::reap();
    }

    /// Tells those who wait how the child has ended; if it has not, why there is no more waiting.
    fn settle(&self, failure: Option<io::Error>) {
        self.0.settle(match self.0.try_status() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(failure.unwrap_or_else(|| Aborted::shut_down().into())),
            Err(error) => Err(error),
        });
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        // After its end nobody waits any more.
        self.settle(None);
    }
}

/// The same error for one more.
fn again(error: &io::Error) -> io::Error {
    if let Some(code) = error.raw_os_error() {
        return io::Error::from_raw_os_error(code);
    }
    match Aborted::in_io_error(error) {
        Some(aborted) => aborted.clone().into(),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
