//! What runs a program, on anything that can do what deferreds can.

use std::{cell::Cell, ops::Deref};

use crate::program::{Answer, Callback, Canceller, Failure, Gives, How, Op, Outcome};

thread_local! {
    /// How many callbacks and cancellers there are.
    static KEPT: Cell<usize> = const { Cell::new(0) };
}

/// What an implementation has been given to call, counted for as long as it keeps it.
pub(crate) struct Kept<T>(T);

impl<T> Kept<T> {
    fn new(what: T) -> Self {
        KEPT.set(KEPT.get() + 1);
        Self(what)
    }
}

impl<T: Clone> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        KEPT.set(KEPT.get() - 1);
    }
}

/// An implementation of deferreds.
pub(crate) trait Machine: Sized + 'static {
    type Deferred: 'static;
    type Completer: 'static;
    type Handle: Clone + 'static;
    type Pause: 'static;

    /// What the program has, on this thread.
    fn tables<R>(f: impl FnOnce(&mut Tables<Self>) -> R) -> R;

    fn pair(canceller: Option<(usize, Kept<Canceller>)>) -> (Self::Completer, Self::Deferred);
    fn settled(outcome: Outcome) -> Self::Deferred;
    fn attach(deferred: Self::Deferred, how: How, label: usize, callback: Kept<Callback>) -> Self::Deferred;
    fn chain(deferred: Self::Deferred, to: Self::Completer) -> Self::Deferred;
    fn settle(completer: Self::Completer, outcome: Outcome);
    fn cancel(deferred: &Self::Deferred);
    fn handle(deferred: &mut Self::Deferred) -> Self::Handle;
    fn cancel_by(handle: &Self::Handle);
    fn pause(deferred: &mut Self::Deferred) -> Self::Pause;
    /// Polls with a waker that says so when it is woken.
    fn poll(deferred: &mut Self::Deferred, id: usize) -> Option<Outcome>;
    fn take(deferred: Self::Deferred) -> Result<Outcome, Self::Deferred>;
    fn is_settled(deferred: &Self::Deferred) -> bool;
    fn has_fired(deferred: &Self::Deferred) -> bool;
    fn drop_future(deferred: Self::Deferred);
}

/// What a program has, and what has happened.
pub(crate) struct Tables<M: Machine> {
    deferreds: Vec<(usize, M::Deferred)>,
    completers: Vec<(usize, M::Completer)>,
    handles: Vec<(usize, M::Handle)>,
    pauses: Vec<(usize, M::Pause)>,
    /// Those that were polled and not used otherwise since.
    polled: Vec<usize>,
    /// Those that were returned by a callback: who polled them has nothing to wait for any more, and is woken or not.
    returned: Vec<usize>,
    next_id: usize,
    /// How many operations may still be performed: cancellers that refuse can make each other's work many times as much.
    left: usize,
    log: Vec<String>,
}

impl<M: Machine> Default for Tables<M> {
    fn default() -> Self {
        Self {
            deferreds: Vec::new(),
            completers: Vec::new(),
            handles: Vec::new(),
            pauses: Vec::new(),
            polled: Vec::new(),
            returned: Vec::new(),
            next_id: 0,
            left: 1_000,
            log: Vec::new(),
        }
    }
}

impl<M: Machine> Tables<M> {
    fn is_empty(&self) -> bool {
        self.log.is_empty() && self.deferreds.is_empty() && self.completers.is_empty() && self.pauses.is_empty()
    }

    fn add(&mut self, deferred: M::Deferred) {
        let id = self.id();
        self.deferreds.push((id, deferred));
    }

    fn id(&mut self) -> usize {
        self.next_id += 1;
        self.next_id
    }
}

/// Takes the entry of that number out, counting around.
fn take<T>(entries: &mut Vec<T>, number: usize) -> Option<T> {
    (!entries.is_empty()).then(|| entries.remove(number % entries.len()))
}

/// As [`take`], where what an operation does is to be logged.
fn take_for<M: Machine, T>(
    what: &str,
    number: usize,
    entries: fn(&mut Tables<M>) -> &mut Vec<(usize, T)>,
) -> Option<T> {
    let (id, entry) = M::tables(|tables| take(entries(tables), number))?;
    log::<M>(format!("{what} {id}"));
    Some(entry)
}

pub(crate) fn log<M: Machine>(event: String) {
    M::tables(|tables| tables.log.push(event));
}

/// Says that whoever polled that deferred is woken.
pub(crate) fn woken<M: Machine>(id: usize) {
    if M::tables(|tables| !tables.returned.contains(&id)) {
        log::<M>(format!("{id} is woken"));
    }
}

/// What a callback has come to.
pub(crate) enum Returned<M: Machine> {
    Settled(Outcome),
    Waiting(M::Deferred),
    Panic,
}

/// Runs a callback with what it is given.
pub(crate) fn call<M: Machine>(label: usize, callback: &Callback, input: Outcome) -> Returned<M> {
    log::<M>(format!("callback {label} of {input:?}"));
    callback.acts.iter().for_each(perform::<M>);
    match callback.gives {
        Gives::Pass => Returned::Settled(input),
        Gives::Settled(outcome) => Returned::Settled(outcome),
        Gives::Waiting(number) => match M::tables(|tables| take(&mut tables.deferreds, number)) {
            Some((id, deferred)) => {
                log::<M>(format!("waits for {id}"));
                M::tables(|tables| tables.returned.push(id));
                Returned::Waiting(deferred)
            }
            None => Returned::Settled(input),
        },
        Gives::Panic => Returned::Panic,
    }
}

/// Runs a callback that can give no more than a number, `None` if it panics.
pub(crate) fn call_plain<M: Machine>(label: usize, callback: &Callback, input: Outcome) -> Option<u32> {
    log::<M>(format!("callback {label} of {input:?}"));
    callback.acts.iter().for_each(perform::<M>);
    match (callback.gives, input) {
        (Gives::Panic, _) => None,
        (Gives::Settled(Ok(number) | Err(Failure::Own(number))), _) => Some(number),
        (_, Ok(number) | Err(Failure::Own(number))) => Some(number + 1),
        _ => Some(0),
    }
}

/// Runs a canceller up to its answer.
pub(crate) fn ask<M: Machine>(id: usize, canceller: &Canceller) -> Answer {
    log::<M>(format!("canceller of {id}"));
    canceller.acts.iter().for_each(perform::<M>);
    canceller.answer
}

/// Works on a deferred that is out of the table meanwhile.
fn with<M: Machine>(what: &str, number: usize, f: impl FnOnce(usize, M::Deferred) -> Option<M::Deferred>) {
    let taken = M::tables(|tables| {
        let place = number % tables.deferreds.len().max(1);
        take(&mut tables.deferreds, number).map(|(id, deferred)| (place, id, deferred))
    });
    if let Some((place, id, deferred)) = taken {
        log::<M>(format!("{what} {id}"));
        if let Some(deferred) = f(id, deferred) {
            M::tables(|tables| {
                let place = place.min(tables.deferreds.len());
                tables.deferreds.insert(place, (id, deferred));
            });
        }
    }
}

/// Polls, and gives the deferred back if it is pending.
fn poll<M: Machine>(id: usize, mut deferred: M::Deferred) -> Option<M::Deferred> {
    match M::poll(&mut deferred, id) {
        Some(outcome) => {
            log::<M>(format!("{id} gave {outcome:?}"));
            None
        }
        None => {
            M::tables(|tables| tables.polled.push(id));
            Some(deferred)
        }
    }
}

/// Polls again what had been polled, as whoever waits for it does: the waker may have gone with what was done to it.
fn poll_again<M: Machine>(id: usize, deferred: M::Deferred) -> Option<M::Deferred> {
    let was_polled = M::tables(|tables| tables.polled.contains(&id));
    if was_polled && !M::is_settled(&deferred) {
        poll::<M>(id, deferred)
    } else {
        Some(deferred)
    }
}

fn perform<M: Machine>(op: &Op) {
    let goes_on = M::tables(|tables| {
        tables.left = tables.left.saturating_sub(1);
        tables.left > 0
    });
    if !goes_on {
        return;
    }
    match op.clone() {
        Op::New(canceller) => {
            let id = M::tables(Tables::id);
            let (completer, deferred) = M::pair(canceller.map(|canceller| (id, Kept::new(canceller))));
            M::tables(|tables| {
                tables.completers.push((id, completer));
                tables.deferreds.push((id, deferred));
            });
        }
        Op::Settled(outcome) => {
            let deferred = M::settled(outcome);
            M::tables(|tables| tables.add(deferred));
        }
        Op::Attach(number, how, callback) => {
            let label = M::tables(Tables::id);
            with::<M>(&format!("attach {label} by {how:?} to"), number, |id, deferred| {
                M::tables(|tables| tables.polled.retain(|polled| *polled != id));
                Some(M::attach(deferred, how, label, Kept::new(callback)))
            });
        }
        Op::Chain(number, to) => {
            if let Some(completer) = take_for::<M, _>("chain to", to, |tables| &mut tables.completers) {
                let mut completer = Some(completer);
                with::<M>("from", number, |id, deferred| {
                    M::tables(|tables| tables.polled.retain(|polled| *polled != id));
                    completer.take().map(|completer| M::chain(deferred, completer))
                });
                drop(completer);
            }
        }
        Op::Settle(number, outcome) => {
            if let Some(completer) = take_for::<M, _>("fire", number, |tables| &mut tables.completers) {
                M::settle(completer, outcome);
            }
        }
        Op::DropCompleter(number) => drop(take_for::<M, _>("drop completer", number, |tables| {
            &mut tables.completers
        })),
        Op::Cancel(number) => with::<M>("cancel", number, |_, deferred| {
            M::cancel(&deferred);
            Some(deferred)
        }),
        Op::MakeHandle(number) => with::<M>("make handle of", number, |id, mut deferred| {
            let handle = M::handle(&mut deferred);
            M::tables(|tables| tables.handles.push((id, handle)));
            poll_again::<M>(id, deferred)
        }),
        Op::CancelBy(number) => {
            let handle = M::tables(|tables| {
                let count = tables.handles.len();
                (count > 0).then(|| tables.handles[number % count].clone())
            });
            if let Some((id, handle)) = handle {
                log::<M>(format!("cancel by handle of {id}"));
                M::cancel_by(&handle);
            }
        }
        Op::Pause(number) => with::<M>("pause", number, |id, mut deferred| {
            let pause = M::pause(&mut deferred);
            M::tables(|tables| tables.pauses.push((id, pause)));
            poll_again::<M>(id, deferred)
        }),
        Op::Resume(number) => drop(take_for::<M, _>("resume", number, |tables| &mut tables.pauses)),
        Op::Poll(number) => with::<M>("poll", number, poll::<M>),
        Op::Take(number) => with::<M>("take", number, |id, deferred| match M::take(deferred) {
            Ok(outcome) => {
                log::<M>(format!("{id} gave {outcome:?}"));
                None
            }
            Err(deferred) => Some(deferred),
        }),
        Op::Look(number) => with::<M>("look at", number, |_, deferred| {
            let (settled, fired) = (M::is_settled(&deferred), M::has_fired(&deferred));
            log::<M>(format!("settled: {settled}, fired: {fired}"));
            Some(deferred)
        }),
        Op::Drop(number) => with::<M>("drop", number, |_, deferred| {
            drop(deferred);
            None
        }),
        Op::DropFuture(number) => with::<M>("drop as a future", number, |_, deferred| {
            M::drop_future(deferred);
            None
        }),
    }
}

/// Runs a program, ends the pauses, looks at what is there, and lets go of all. Gives what happened.
pub(crate) fn run<M: Machine>(program: &[Op]) -> Vec<String> {
    // A program that panicked may have left something.
    drop(M::tables(std::mem::take));
    let before = KEPT.get();
    program.iter().for_each(perform::<M>);
    log::<M>("end".to_owned());
    M::tables(|tables| tables.left = 1_000);
    while let Some(pause) = M::tables(|tables| take(&mut tables.pauses, 0)) {
        drop(pause);
    }
    for _ in 0..M::tables(|tables| tables.deferreds.len()) {
        perform::<M>(&Op::Look(0));
        perform::<M>(&Op::Take(0));
        perform::<M>(&Op::Drop(0));
    }
    while let Some(completer) = M::tables(|tables| take(&mut tables.completers, 0)) {
        drop(completer);
    }
    // What came of that, and what comes of letting go of it.
    let mut log = Vec::new();
    loop {
        let rest = M::tables(std::mem::take);
        let is_empty = rest.is_empty();
        log.extend(rest.log);
        drop((rest.pauses, rest.handles));
        drop(rest.deferreds);
        drop(rest.completers);
        if is_empty {
            // Only what waits for itself is.
            log.push(format!("something is left: {}", KEPT.get() > before));
            return log;
        }
    }
}
