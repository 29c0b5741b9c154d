use std::{fmt, io, mem, process::ExitStatus, sync::Arc};

use crate::{
    Completer, Deferred,
    protocol::{Lost, mail::Mail},
    signal::SignalKind,
};

/// A process protocol's handle on its child: cheap to clone, and to be used from anywhere.
///
/// What is written goes into a buffer, which has no limit: [`buffered`](Self::buffered) says how much waits. Once the child has ended,
/// writing does nothing. Dropping a transport does nothing.
#[derive(Clone)]
pub struct ProcessTransport {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    id: u32,
    pub(super) mail: Mail<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// Written, and not yet taken by the task.
    pub(super) input: Vec<u8>,
    /// As many bytes has the task taken and not sent.
    pub(super) sending: usize,
    pub(super) input_ends: bool,
    /// All pipes are to be closed.
    pub(super) closes: bool,
    pub(super) signals: Vec<(SignalKind, Completer<(), io::Error>)>,
    waiting: Vec<Completer<ExitStatus, io::Error>>,
    pub(super) status: Option<ExitStatus>,
    over: Option<Result<ExitStatus, Lost>>,
}

impl ProcessTransport {
    pub(super) fn new(id: u32) -> Self {
        Self {
            shared: Arc::new(Shared {
                id,
                mail: Mail::new(State::default()),
            }),
        }
    }

    /// The number of the process. Once it has ended, another one may have it: see [`signal`](Self::signal).
    pub fn id(&self) -> u32 {
        self.shared.id
    }

    /// Writes to the child's standard input. Nothing becomes of it if that is not piped, or closed.
    pub fn write(&self, data: &[u8]) {
        self.shared.mail.ask(|state| {
            if !state.input_ends && state.over.is_none() {
                state.input.extend_from_slice(data);
            }
        });
    }

    /// Closes the child's standard input when all is written. Twisted's `closeStdin`.
    pub fn close_stdin(&self) {
        self.shared.mail.ask(|state| state.input_ends = true);
    }

    /// Closes all of the child's pipes at once, and drops what was not written. The child goes on, as far as it can without. Twisted's
    /// `loseConnection`.
    pub fn lose_connection(&self) {
        self.shared.mail.ask(|state| {
            state.input_ends = true;
            state.closes = true;
        });
    }

    /// As many bytes were written and have not gone to the child.
    pub fn buffered(&self) -> usize {
        self.shared.mail.look(|state| state.sending + state.input.len())
    }

    /// Sends the child a signal, as [`SignalKind::terminate`]. Twisted's `signalProcess`. No later process of the same number is
    /// hit by it.
    ///
    /// # Errors
    /// Those of [`Child::send_signal`](crate::process::Child::send_signal); and [`io::ErrorKind::NotFound`] if the child has ended, which is
    /// Twisted's `ProcessExitedAlready`.
    pub fn signal(&self, kind: SignalKind) -> Deferred<(), io::Error> {
        let (completer, deferred) = Deferred::pair();
        let mut signal = Some((kind, completer));
        self.shared.mail.ask(|state| {
            if state.status.is_none() && state.over.is_none() {
                state.signals.extend(signal.take());
            }
        });
        if let Some((_, completer)) = signal {
            completer.fail(has_ended());
        }
        deferred
    }

    /// Fires with the status when the child has ended; at once if it has. Its pipes may have something on its way then.
    ///
    /// # Errors
    /// If the child is not heard of any more, as its protocol has panicked or the loop has shut down.
    pub fn exited(&self) -> Deferred<ExitStatus, io::Error> {
        let (completer, deferred) = Deferred::pair();
        let known = self.shared.mail.look(|state| {
            let known = state.status.map(Ok).or_else(|| state.over.clone());
            match known {
                Some(known) => Some((known, completer)),
                None => {
                    state.waiting.push(completer);
                    None
                }
            }
        });
        if let Some((known, completer)) = known {
            completer.settle(known.map_err(io::Error::from));
        }
        deferred
    }

    /// The child has ended, or nothing more is known of it.
    pub(super) fn tell(&self, end: &Result<ExitStatus, Lost>, is_over: bool) {
        let (waiting, signals) = self.shared.mail.look(|state| {
            state.status = state.status.or(end.as_ref().ok().copied());
            if is_over {
                state.over = Some(end.clone());
                (state.sending, state.input) = (0, Vec::new());
            }
            (mem::take(&mut state.waiting), mem::take(&mut state.signals))
        });
        for waiting in waiting {
            waiting.settle(end.clone().map_err(io::Error::from));
        }
        for (_, completer) in signals {
            completer.fail(end.as_ref().map_or_else(|lost| lost.clone().into(), |_| has_ended()));
        }
    }
}

fn has_ended() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "the child has ended: there is nothing to send a signal to",
    )
}

impl fmt::Debug for ProcessTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessTransport")
            .field("id", &self.id())
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}
