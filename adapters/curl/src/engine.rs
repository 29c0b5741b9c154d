//! What drives libcurl: the handles, the sockets and the time, for one user at a time.

use std::{sync::Arc, task::Waker, time::Duration};

use interloop::Aborted;

use crate::{
    Error,
    raw::Handles,
    shared::{Inbox, Shared},
    sockets::Sockets,
    timer::{Alarm, Timer},
    transfer::Settle,
};

/// After how long it is tried again to wait for sockets for which there were no descriptors.
const SHORTAGE: Duration = Duration::from_millis(10);

/// Owned by whoever drives it. Nothing of it is locked, so handlers, which run inside, may do anything.
pub(crate) struct Engine {
    handles: Handles,
    sockets: Sockets,
    timer: Arc<Alarm>,
}

impl Engine {
    pub(crate) fn new(shared: &Arc<Shared>) -> Result<Self, Error> {
        let reactor = shared.reactor();
        let sockets = Sockets::new(reactor, Arc::downgrade(shared)).map_err(Error::no_waiting)?;
        let alarm = Arc::new(Alarm::default());
        let mut timer = Timer::new(reactor, Arc::downgrade(shared), alarm.clone());
        let on_socket = {
            let sockets = sockets.clone();
            move |socket, events| sockets.change(socket, &events)
        };
        let handles = Handles::new(shared.options(), on_socket, move |after| timer.set(after))?;
        Ok(Self {
            handles,
            sockets,
            timer: alarm,
        })
    }

    /// Whether there is anything to wait for. If not, what is left are idle connections.
    pub(crate) fn is_busy(&self) -> bool {
        !self.handles.is_empty() || !self.sockets.is_empty() || self.timer.is_armed() || self.timer.is_due()
    }

    /// Whether it is to be run again at once.
    pub(crate) fn is_due(&self) -> bool {
        self.timer.is_due()
    }

    /// Does all that there is to do. Gives what has ended, and the sockets that are ready already.
    ///
    /// # Errors
    /// If this cannot go on: all transfers have ended, and it is to be dropped.
    pub(crate) fn run(
        &mut self,
        shared: &Arc<Shared>,
        waker: &Waker,
        inbox: &mut Inbox,
        settled: &mut Vec<Box<dyn Settle>>,
    ) -> Result<(), Broken> {
        for id in inbox.cancelled.drain(..) {
            // Its deferred knows already.
            settled.extend(self.handles.end(id, Aborted::cancelled().into()));
        }
        while let Some((id, waiting)) = inbox.waiting.pop_first() {
            settled.extend(self.handles.add(id, waiting).err());
        }
        for id in inbox.resumed.drain(..) {
            self.handles.resume(id);
        }
        let mut driven = self.drive(inbox);
        if let Some(panic) = self.handles.take_panic() {
            driven = Err(Aborted::panicked(panic).into());
        } else if let Some(failure) = self.sockets.take_failure() {
            driven = Err(Error::no_waiting(failure));
        }
        // After a panic, other transfers have failed only since their handlers were not called.
        self.handles.take_ended(driven.is_ok(), settled);
        if let Err(error) = driven {
            return Err(self.give_up(&error, settled));
        }
        self.sockets.arm(waker, &mut inbox.ready);
        if self.sockets.take_shortage() {
            shared.reactor().call_later(SHORTAGE, {
                let shared = Arc::downgrade(shared);
                move || {
                    if let Some(shared) = shared.upgrade() {
                        shared.tell_retry();
                    }
                }
            });
        }
        Ok(())
    }

    fn drive(&mut self, inbox: &mut Inbox) -> Result<(), Error> {
        if std::mem::take(&mut inbox.retry) {
            inbox.ready.extend(self.sockets.retry());
        }
        if std::mem::take(&mut inbox.due) {
            self.timer.fired();
            self.handles.time_out()?;
        } else if self.timer.take_due() {
            self.handles.time_out()?;
        }
        for socket in inbox.ready.drain(..) {
            if self.sockets.attend(socket) {
                self.handles.act(socket)?;
            }
        }
        Ok(())
    }

    /// Ends one transfer, at once.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn cancel(&mut self, id: usize, settled: &mut Vec<Box<dyn Settle>>) -> Result<(), Broken> {
        settled.extend(self.handles.end(id, Aborted::cancelled().into()));
        match self.handles.take_panic() {
            Some(panic) => Err(self.give_up(&Aborted::panicked(panic).into(), settled)),
            None => Ok(()),
        }
    }

    /// Ends all transfers. It is to be dropped after that.
    pub(crate) fn give_up(&mut self, why: &Error, settled: &mut Vec<Box<dyn Settle>>) -> Broken {
        self.handles.end_all(|| why.again(), settled);
        // Of a handler that has panicked once more.
        drop(self.handles.take_panic());
        Broken
    }
}

/// An engine that cannot go on, and has no transfers any more.
pub(crate) struct Broken;
