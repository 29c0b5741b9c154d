//! The task that makes the calls of a reactor.

use std::{
    collections::VecDeque,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::{
    Call, Driver, Host,
    delayed::{Due, Next},
};
use crate::{Aborted, Timer};

/// How many calls are made before the loop's other tasks get their turn. tokio's own budget for a task.
const BUDGET: usize = 128;

/// For how long they are made before that. asyncio lets everything else run after each round; with calls that are short, that would
/// cost more than the calls.
const SLICE: Duration = Duration::from_millis(1);

/// A queue that was longer gives its memory back.
const LONG: usize = 4096;

/// Makes the calls, round by round. A round is what was posted when it began, and then what was due; what is posted
/// meanwhile is for the next one (asyncio's rule). Dropped before its end, the loop has shut down.
///
/// There is one while there is something to call, and it ends then, so that a loop that runs until all its tasks have ended
/// comes to an end.
pub(in crate::reactor) struct Rounds<H: Host> {
    host: H::Weak,
    /// What is left of the round.
    soon: VecDeque<Box<H::Call>>,
    due: VecDeque<Due>,
    /// Made when it is needed, and moved from then on.
    timer: Option<Pin<Box<dyn Timer>>>,
    /// The tick for which it is set.
    set_for: Option<u64>,
    /// All calls were made.
    has_ended: bool,
}

/// What to do when a round is over.
enum Over {
    Round,
    Wait(Next),
    End,
}

impl<H: Host> Rounds<H> {
    pub(super) fn new(host: &H) -> Self {
        Self {
            host: host.downgrade(),
            soon: VecDeque::new(),
            due: VecDeque::new(),
            timer: None,
            set_for: None,
            has_ended: false,
        }
    }

    fn run(&mut self, host: &H, cx: &mut Context<'_>) -> Poll<()> {
        let limit = host.reactor().slow_limit();
        // In virtual time nothing depends on the real one, and a model that did would differ from run to run on a busy machine.
        let is_timed = !host.calls().is_virtual() && !cfg!(interloop_loom);
        let begun = is_timed.then(Instant::now);
        let is_spent = |called: usize| {
            // Asked as seldom as it can be said without letting it become twice as long.
            called == BUDGET || called.is_power_of_two() && begun.is_some_and(|begun| begun.elapsed() >= SLICE)
        };
        let mut called = 0;
        let mut counted = 0;
        self.collect(host, cx);
        loop {
            while let Some(call) = self.next_call(host) {
                call.call(limit);
                called += 1;
                if is_spent(called) {
                    host.calls().lock().counts.called += (called - counted) as u64;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            let since = (called - counted) as u64;
            counted = called;
            match self.next_round(host, cx, since) {
                Over::Round => {}
                Over::End => {
                    self.has_ended = true;
                    return Poll::Ready(());
                }
                Over::Wait(Next::Woken) => return Poll::Pending,
                Over::Wait(Next::Tick(tick)) => match self.poll_timer(host, tick, cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(true) => {
                        host.calls().lock().driver = Driver::Running;
                        self.set_for = None;
                        self.collect(host, cx);
                    }
                    // The rest is the destructor's.
                    Poll::Ready(false) => return Poll::Ready(()),
                },
            }
        }
    }

    /// The next call of the round.
    #[inline]
    fn next_call(&mut self, host: &H) -> Option<Box<H::Call>> {
        if let Some(call) = self.soon.pop_front() {
            return Some(call);
        }
        while let Some(due) = self.due.pop_front() {
            let call = host.calls().lock().delayed.take(due);
            if call.is_some() {
                return call;
            }
        }
        None
    }

    /// Begins a round, if there is anything for one. Otherwise the task waits until a call is due, or ends.
    fn next_round(&mut self, host: &H, cx: &mut Context<'_>, called: u64) -> Over {
        let mut state = host.calls().lock();
        let state = &mut *state;
        state.counts.called += called;
        if !state.soon.is_empty() {
            state.counts.rounds += 1;
            mem::swap(&mut self.soon, &mut state.soon);
            return Over::Round;
        }
        for queue in [&mut self.soon, &mut state.soon] {
            if queue.capacity() > LONG {
                queue.shrink_to(LONG);
            }
        }
        state.delayed.shrink();
        let Some(next) = state.delayed.next() else {
            state.driver = Driver::None;
            if state.soon.capacity() < self.soon.capacity() {
                mem::swap(&mut self.soon, &mut state.soon);
            }
            // Not the last handle, as the caller has one.
            state.kept = None;
            return Over::End;
        };
        state.armed = match next {
            Next::Tick(tick) => Some(tick),
            Next::Woken => {
                // A timer that fires from here on wakes the task.
                state.delayed.collect(host.reactor().now(), cx.waker(), &mut self.due);
                if !self.due.is_empty() {
                    return Over::Round;
                }
                None
            }
        };
        state.driver = Driver::Idle(cx.waker().clone());
        Over::Wait(next)
    }

    /// Adds what is due to the round, after what was posted before.
    fn collect(&mut self, host: &H, cx: &mut Context<'_>) {
        {
            let state = &mut *host.calls().lock();
            if self.soon.is_empty() && !state.soon.is_empty() {
                state.counts.rounds += 1;
                mem::swap(&mut self.soon, &mut state.soon);
            }
            if state.delayed.len() == 0 {
                return;
            }
        }
        let now = host.reactor().now();
        let mut state = host.calls().lock();
        if let Some(first) = state.delayed.collect(now, cx.waker(), &mut self.due) {
            state.counts.lag = now.saturating_duration_since(first);
        }
    }

    /// Waits for a tick. False if the loop has shut down.
    fn poll_timer(&mut self, host: &H, tick: u64, cx: &mut Context<'_>) -> Poll<bool> {
        if self.set_for != Some(tick) {
            let deadline = host.calls().lock().delayed.end_of(tick);
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(deadline),
                None => self.timer = Some(host.reactor().event_loop().timer(deadline)),
            }
            self.set_for = Some(tick);
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx).map(|fired| fired.is_ok()),
            // Made above.
            None => Poll::Pending,
        }
    }
}

impl<H: Host> Future for Rounds<H>
where
    H::Weak: Unpin,
{
    type Output = Result<(), Aborted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(host) = H::upgrade(&self.host) else {
            return Poll::Ready(Ok(()));
        };
        let _inside = host.inside();
        self.run(&host, cx).map(Ok)
    }
}

impl<H: Host> Drop for Rounds<H> {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        if let Some(host) = H::upgrade(&self.host) {
            let _inside = host.inside();
            let left = host.calls().lock().end(host.reactor().event_loop());
            // Unlocked, as destructors are foreign.
            self.soon.clear();
            drop(left);
        }
    }
}
