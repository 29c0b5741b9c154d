use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// Far beyond what any case takes on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs a case on a thread of its own, so that one that hangs fails by itself.
///
/// `make` makes the subject, and `wrap` what the case takes of it.
#[doc(hidden)]
pub fn run<S: 'static, T: 'static>(event_loop: &str, case: &str, make: fn() -> S, wrap: fn(S) -> T, body: fn(T)) {
    run_within(LIMIT, event_loop, case, move || body(wrap(make())));
}

fn run_within(limit: Duration, event_loop: &str, case: &str, body: impl FnOnce() + Send + 'static) {
    let (ended, end) = mpsc::channel();
    thread::Builder::new()
        .name(format!("{event_loop}::{case}"))
        .spawn(move || {
            // Not joined but waited for, as joining knows no time limit.
            let _ = ended.send(catch_unwind(AssertUnwindSafe(body)));
        })
        .expect("a thread for the case");
    match end.recv_timeout(limit) {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => resume_unwind(panic),
        Err(RecvTimeoutError::Timeout) => {
            panic!("`{case}` hangs on the loop `{event_loop}`: it has not ended after {limit:?}")
        }
        Err(RecvTimeoutError::Disconnected) => unreachable!("the result is sent before the sender is dropped"),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::identity;

    use super::*;

    fn message_of(case: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(case)).unwrap_err();
        match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
        }
    }

    #[test]
    fn a_case_that_ends_passes() {
        run(
            "a loop",
            "a case",
            || 7,
            |seven| seven + 1,
            |subject| assert_eq!(subject, 8),
        );
    }

    #[test]
    fn a_case_that_panics_fails_with_its_message() {
        let message = message_of(|| run("a loop", "a case", || (), identity, |()| panic!("out of paper")));
        assert_eq!(message, "out of paper");
    }

    #[test]
    fn a_loop_that_cannot_be_made_fails_the_case() {
        let message = message_of(|| run("a loop", "a case", || panic!("no loop"), identity, |()| ()));
        assert_eq!(message, "no loop");
    }

    #[test]
    fn a_case_that_hangs_fails_with_its_name_and_the_loops() {
        let limit = Duration::from_millis(10);
        let message = message_of(|| {
            run_within(limit, "my loop", "my case", || {
                loop {
                    thread::park();
                }
            });
        });
        assert!(
            message.starts_with("`my case` hangs on the loop `my loop`"),
            "{message}"
        );
    }
}
