//! A transfer on its way: waiting to be started, in the multi handle, and at its end.
//!
//! Each is a trait, since what carries them does not know the types of their handlers.

use curl::{
    easy::{Easy2, Handler},
    multi::{Easy2Handle, Message, Multi},
};
use interloop::{Aborted, AsAborted, Completer};

use crate::Error;

/// A transfer that is to be started.
pub(crate) trait Waiting: Send {
    /// Puts it into the multi handle, where `id` is its token.
    fn start(self: Box<Self>, multi: &Multi, id: usize) -> Result<Box<dyn Active>, Box<dyn Settle>>;

    /// Gives it up before it was started.
    fn end(self: Box<Self>, why: Error) -> Box<dyn Settle>;
}

/// A transfer in the multi handle. Not `Send` by itself: see [`Handles`](crate::raw::Handles).
pub(crate) trait Active {
    /// What a message has to say of it.
    fn result(&self, message: &Message<'_>) -> Option<Result<(), Error>>;

    /// Takes it out of the multi handle.
    fn end(self: Box<Self>, multi: &Multi, result: Result<(), Error>) -> Box<dyn Settle>;

    /// Goes on after its handler has paused it.
    fn resume(&self);
}

/// A transfer that has ended, and of which nobody knows yet.
pub(crate) trait Settle: Send {
    /// Fires its deferred, which runs what is attached to it.
    fn settle(self: Box<Self>);
}

pub(crate) struct Transfer<H: Send + 'static> {
    pub(crate) easy: Easy2<H>,
    pub(crate) completer: Completer<Easy2<H>, Error>,
}

struct Running<H: Send + 'static> {
    handle: Easy2Handle<H>,
    completer: Completer<Easy2<H>, Error>,
}

struct Ended<H: Send + 'static> {
    // Removed from the multi handle; none if libcurl did not give it back.
    easy: Option<Easy2<H>>,
    completer: Completer<Easy2<H>, Error>,
    result: Result<(), Error>,
}

impl<H: Handler + Send + 'static> Waiting for Transfer<H> {
    fn start(self: Box<Self>, multi: &Multi, id: usize) -> Result<Box<dyn Active>, Box<dyn Settle>> {
        let Self { easy, completer } = *self;
        let failed = |error: Error, completer| {
            let ended = Ended::<H> {
                easy: None,
                completer,
                result: Err(error),
            };
            Err::<Box<dyn Active>, _>(Box::new(ended) as Box<dyn Settle>)
        };
        let mut handle = match multi.add2(easy) {
            Ok(handle) => handle,
            Err(error) => return failed(error.into(), completer),
        };
        match handle.set_token(id) {
            Ok(()) => Ok(Box::new(Running { handle, completer })),
            Err(error) => failed(error.into(), completer),
        }
    }

    fn end(self: Box<Self>, why: Error) -> Box<dyn Settle> {
        Box::new(Ended {
            easy: Some(self.easy),
            completer: self.completer,
            result: Err(why),
        })
    }
}

impl<H: Handler + Send + 'static> Active for Running<H> {
    fn result(&self, message: &Message<'_>) -> Option<Result<(), Error>> {
        let result = message.result_for2(&self.handle)?;
        Some(result.map_err(|error| Error::transfer(error, self.handle.os_errno().unwrap_or(0))))
    }

    fn end(self: Box<Self>, multi: &Multi, result: Result<(), Error>) -> Box<dyn Settle> {
        Box::new(Ended {
            easy: multi.remove2(self.handle).ok(),
            completer: self.completer,
            result,
        })
    }

    fn resume(&self) {
        // Whether there was anything to resume makes no difference.
        let _ = self.handle.unpause_write();
        let _ = self.handle.unpause_read();
    }
}

impl<H: Handler + Send + 'static> Settle for Ended<H> {
    fn settle(self: Box<Self>) {
        let Self {
            easy,
            completer,
            result,
        } = *self;
        match (result, easy) {
            (Ok(()), Some(easy)) => completer.complete(easy),
            (Ok(()), None) => completer.fail(Error::handle_lost()),
            // Whether there still is a handle then depends on who was at work, so nobody gets one.
            (Err(error), easy) if error.as_aborted().is_some_and(Aborted::is_cancelled) => {
                drop(easy);
                completer.fail(error);
            }
            (Err(error), easy) => completer.fail(error.with_easy(easy)),
        }
    }
}
