//! A delay that can be called off: a mail goes out ten seconds after it was sent, unless that is undone.
//!
//! ```text
//! cargo run --example undo_send -- [--loop LOOP] [--seconds NUMBER]
//! ```
//!
//! Its tests let those seconds pass on a `Clock`, in no time:
//!
//! ```text
//! cargo test --example undo_send
//! ```

mod on_loop;

use std::{process::ExitCode, sync::Arc, time::Duration};

use interloop::{Aborted, Deferred, DelayedCall, NotActive, Reactor};
use on_loop::{Number, Usage};

const USAGE: Usage<1> = Usage {
    name: "undo_send",
    numbers: [Number {
        flag: "--seconds",
        what_for: "for how long a mail can be undone",
        range: 0..=3600,
        default: 10,
    }],
};

fn main() -> ExitCode {
    USAGE.run(async |reactor, [seconds]| {
        let time_to_undo = Duration::from_secs(seconds.into());
        let outbox = Outbox::new(&reactor, time_to_undo, |mail| println!("out it goes: {mail}"));
        let invitation = outbox.send("Come at eight.");
        let rash = outbox.send("I quit!");

        reactor.sleep(time_to_undo / 2).await?;
        match rash.undo() {
            Ok(()) => println!("undone: I quit!"),
            Err(error) => println!("too late to undo: {error}"),
        }
        Ok(invitation.gone.await?)
    })
}

/// Mails that wait for a while before they go out.
struct Outbox {
    reactor: Reactor,
    time_to_undo: Duration,
    deliver: Arc<dyn Fn(&str) + Send + Sync>,
}

/// A mail on its way out.
struct Sending {
    call: DelayedCall,
    /// Fires when the mail has gone out. It fails if that was undone, as nobody is left to fire it.
    gone: Deferred<(), Aborted>,
}

impl Outbox {
    fn new(reactor: &Reactor, time_to_undo: Duration, deliver: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            reactor: reactor.clone(),
            time_to_undo,
            deliver: Arc::new(deliver),
        }
    }

    fn send(&self, mail: impl Into<String>) -> Sending {
        let (completer, gone) = Deferred::pair();
        let (mail, deliver) = (mail.into(), self.deliver.clone());
        let call = self.reactor.call_later(self.time_to_undo, move || {
            deliver(&mail);
            completer.complete(());
        });
        Sending { call, gone }
    }
}

impl Sending {
    fn undo(&self) -> Result<(), NotActive> {
        self.call.cancel()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use interloop::{Clock, clock};

    use super::*;

    const TIME_TO_UNDO: Duration = Duration::from_secs(10);
    const BEFORE: Duration = Duration::from_millis(9_999);

    /// An outbox, and what has gone out of it.
    fn outbox(clock: &Clock) -> (Outbox, Arc<Mutex<Vec<String>>>) {
        let out = Arc::new(Mutex::new(Vec::new()));
        let deliver = {
            let out = out.clone();
            move |mail: &str| out.lock().unwrap().push(mail.to_owned())
        };
        (Outbox::new(&clock.reactor(), TIME_TO_UNDO, deliver), out)
    }

    #[test]
    fn a_mail_goes_out_after_ten_seconds_and_not_before() {
        let clock = Clock::new();
        let (outbox, out) = outbox(&clock);
        let sending = outbox.send("hello");
        clock.advance(BEFORE);
        assert!(out.lock().unwrap().is_empty());
        assert!(!sending.gone.is_settled());
        clock.advance(TIME_TO_UNDO - BEFORE);
        assert_eq!(*out.lock().unwrap(), ["hello"]);
        assert!(sending.gone.try_take().unwrap().is_ok());
    }

    #[test]
    fn a_mail_that_is_undone_never_goes_out() {
        let clock = Clock::new();
        let (outbox, out) = outbox(&clock);
        let (kept, undone) = (outbox.send("kept"), outbox.send("undone"));
        clock.advance(BEFORE);
        undone.undo().unwrap();
        assert!(undone.gone.try_take().unwrap().unwrap_err().is_dropped());
        clock.advance(Duration::from_secs(3600));
        assert_eq!(*out.lock().unwrap(), ["kept"]);
        assert!(kept.gone.is_settled());
    }

    #[test]
    fn a_mail_that_has_gone_out_cannot_be_undone() {
        let clock = Clock::new();
        let (outbox, _) = outbox(&clock);
        let sending = outbox.send("hello");
        clock.advance(TIME_TO_UNDO);
        assert!(sending.undo().is_err());
        assert!(sending.gone.try_take().unwrap().is_ok());
    }

    #[test]
    fn undoing_at_the_last_moment_works_or_says_that_it_does_not() {
        let (mut undone, mut too_late) = (0, 0);
        clock::check_random(0..100, |clock| {
            let (outbox, out) = outbox(&clock);
            let sending = outbox.send("hello");
            let sleep = clock.reactor().sleep(TIME_TO_UNDO);
            let undo = clock.reactor().spawn_infallible(async move {
                sleep.await.unwrap();
                sending.undo()
            });
            clock.advance(TIME_TO_UNDO);
            match undo.try_take().unwrap().unwrap() {
                Ok(()) => {
                    assert!(out.lock().unwrap().is_empty());
                    undone += 1;
                }
                Err(_) => {
                    assert_eq!(*out.lock().unwrap(), ["hello"]);
                    too_late += 1;
                }
            }
        });
        // Both were tried.
        assert!(undone > 0 && too_late > 0);
    }
}
