//! Running a test, with an eye on the time.

use std::{
    error::Error as _,
    fmt,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    process::{ExitCode, Termination},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    task::Poll,
    thread,
    time::Duration,
};

use super::{
    Watch,
    findings::{Findings, Left},
};
use crate::{BlockOnError, Completer, Deferred, Reactor};

/// For how long tasks may go on when the function has ended. It is waited for only if there are any.
const GRACE: Duration = Duration::from_secs(1);
/// How long the function may take to be dropped when the time is up, on a machine that is busy.
const STOP: Duration = Duration::from_secs(3);
/// How long the loop may take to end, after the grace.
const CLEANUP: Duration = Duration::from_secs(5);

/// A test of an async function on a loop.
///
/// It fails, by a panic that names it and the loop, if
///
/// - the function panics, or has not ended when the time is up, in which case it is dropped;
/// - a failure was [unhandled](crate::unhandled) on the test's thread, or in one of its tasks;
/// - a task or blocking job is still alive a second after the function has ended.
///
/// The function and all that it spawns are to use the reactor that it is given, which is also the
/// [current](Reactor::current) one: what is done on others is not watched.
#[derive(Clone, Debug)]
#[must_use = "a test does nothing until it is run"]
pub struct Test {
    name: String,
    event_loop: &'static str,
    limit: Duration,
}

impl Test {
    /// A test with a time limit of five seconds. The names are for what it says when it fails.
    pub fn new(name: impl Into<String>, event_loop: &'static str) -> Self {
        Self {
            name: name.into(),
            event_loop,
            limit: Duration::from_secs(5),
        }
    }

    /// Sets how long the function may take, in real time.
    pub fn timeout(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Runs the test, on a thread of its own, and waits for it. `block_on` runs the function that it is given on a loop.
    ///
    /// If the function blocks its thread, that is left behind when the time is up.
    ///
    /// Gives the exit code of the function's output, for the test to return; an error has been printed.
    ///
    /// # Panics
    /// If the test fails.
    #[track_caller]
    pub fn run<T>(
        self,
        block_on: impl FnOnce(Main) -> Result<(), BlockOnError> + Send + 'static,
        main: impl AsyncFnOnce(Reactor) -> T + Send + 'static,
    ) -> ExitCode
    where
        T: Termination + 'static,
    {
        // Boxed, so that what runs it on a loop is compiled once, and not for each test.
        let main =
            |reactor| -> Pin<Box<dyn Future<Output = ExitCode>>> { Box::pin(async { main(reactor).await.report() }) };
        self.run_boxed(Box::new(block_on), Box::new(main))
    }

    #[track_caller]
    fn run_boxed(self, block_on: Box<BlockOn>, main: Box<Function>) -> ExitCode {
        let (events, received) = mpsc::channel();
        let (stop, stopped) = Deferred::pair();
        let watch = Watch::new();
        let main = Main {
            main,
            watch: watch.clone(),
            stopped,
            events: events.clone(),
        };
        let on_thread = {
            let watch = watch.clone();
            move || {
                let result = catch_unwind(AssertUnwindSafe(|| watch.within(|| block_on(main))));
                // Nobody listens to one that was left behind.
                let _ = events.send(Event::LoopEnded(result));
            }
        };
        thread::Builder::new()
            .name(self.name.clone())
            .spawn(on_thread)
            .expect("a thread for the test");
        self.wait(&received, stop, &watch)
    }

    #[track_caller]
    fn wait(&self, events: &Receiver<Event>, stop: Completer<()>, watch: &Watch) -> ExitCode {
        let (exit_code, left) = match events.recv_timeout(self.limit) {
            Ok(Event::MainEnded(exit_code)) => match self.wait_for_end(events, watch) {
                Some(left) => (exit_code, left),
                None => self.fail(
                    "has ended, but its loop has not: a blocking job keeps it",
                    &Findings::of(watch, tasks_of(watch)),
                ),
            },
            Ok(Event::LoopEnded(Ok(Err(error)))) => {
                self.fail(&could_not_run(&error), &Findings::of(watch, Left::default()))
            }
            Ok(Event::LoopEnded(Err(panic))) => self.pass_on(panic, watch),
            Err(RecvTimeoutError::Timeout) => {
                let left = tasks_of(watch);
                stop.complete(());
                let state = match events.recv_timeout(STOP) {
                    Ok(_) => "it waits for what has not come, and was dropped",
                    Err(_) => "its thread is blocked, and was left behind",
                };
                let text = format!("has not ended after {:?}: {state}", self.limit);
                self.fail(&text, &Findings::of(watch, left))
            }
            Ok(Event::Stopped | Event::Settled(_) | Event::LoopEnded(Ok(Ok(()))))
            | Err(RecvTimeoutError::Disconnected) => self.fail(
                "was not run: `block_on` has to run the function that it is given",
                &Findings::of(watch, Left::default()),
            ),
        };
        let findings = Findings::of(watch, left);
        if !findings.are_none() {
            self.fail("has left something behind", &findings);
        }
        exit_code
    }

    /// Waits until the loop has ended, and gives what was left at its end; `None` if it does not end.
    #[track_caller]
    fn wait_for_end(&self, events: &Receiver<Event>, watch: &Watch) -> Option<Left> {
        let mut left = Left::default();
        loop {
            match events.recv_timeout(GRACE + CLEANUP).ok()? {
                Event::Settled(settled) => left = settled,
                Event::LoopEnded(Ok(Ok(()))) => return Some(left),
                Event::LoopEnded(Ok(Err(error))) => self.fail(&could_not_run(&error), &Findings::of(watch, left)),
                Event::LoopEnded(Err(panic)) => self.pass_on(panic, watch),
                Event::MainEnded(_) | Event::Stopped => {}
            }
        }
    }

    /// Fails with a panic of the function. What was found may well be its cause.
    #[track_caller]
    fn pass_on(&self, panic: Box<dyn std::any::Any + Send>, watch: &Watch) -> ! {
        let findings = Findings::of(watch, Left::default());
        if !findings.are_none() {
            eprintln!("{}", self.text("has panicked, and before that", &findings));
        }
        resume_unwind(panic)
    }

    #[track_caller]
    fn fail(&self, what: &str, findings: &Findings) -> ! {
        panic!("{}", self.text(what, findings))
    }

    fn text(&self, what: &str, findings: &Findings) -> String {
        format!("`{}` on the loop `{}` {what}{findings}", self.name, self.event_loop)
    }
}

fn tasks_of(watch: &Watch) -> Left {
    Left {
        tasks: watch.tasks(),
        calls: 0,
    }
}

fn could_not_run(error: &BlockOnError) -> String {
    let mut text = format!("could not run to its end: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// What a test's thread tells, in this order.
enum Event {
    MainEnded(ExitCode),
    /// The function was dropped, as it was told to stop.
    Stopped,
    /// What is there though the grace is over.
    Settled(Left),
    LoopEnded(thread::Result<Result<(), BlockOnError>>),
}

type Function = dyn FnOnce(Reactor) -> Pin<Box<dyn Future<Output = ExitCode>>> + Send;
type BlockOn = dyn FnOnce(Main) -> Result<(), BlockOnError> + Send;

/// The function of a [`Test`], for its loop to run.
#[must_use = "a test fails if its function is not run"]
pub struct Main {
    main: Box<Function>,
    watch: Watch,
    stopped: Deferred<()>,
    events: Sender<Event>,
}

impl Main {
    /// Runs the function, on the loop of a reactor.
    pub async fn run(self, reactor: Reactor) {
        let Self {
            main,
            watch,
            mut stopped,
            events,
        } = self;
        let reactor = watch.on(&reactor);
        let _entered = reactor.enter();
        let exit_code = {
            let mut main = main(reactor.clone());
            let output = poll_fn(|cx| {
                if let Poll::Ready(exit_code) = main.as_mut().poll(cx) {
                    return Poll::Ready(Some(exit_code));
                }
                // Whether it was told to stop, or there is nobody left to tell.
                pin!(&mut stopped).poll(cx).map(|_| None)
            });
            output.await
        };
        // Nobody listens any more if the time is long up.
        let Some(exit_code) = exit_code else {
            let _ = events.send(Event::Stopped);
            return;
        };
        let _ = events.send(Event::MainEnded(exit_code));
        // Whether all have ended in time, or the loop has no time any more: they are counted.
        let _ = reactor.timeout(GRACE, watch.idle()).await;
        let left = Left {
            calls: reactor.metrics().delayed,
            ..tasks_of(&watch)
        };
        let _ = events.send(Event::Settled(left));
    }
}

impl fmt::Debug for Main {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Main").finish_non_exhaustive()
    }
}
