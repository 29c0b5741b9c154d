//! What Twisted's Deferred does, written down as simply as can be: a queue of callbacks, a pause counter and a result.
//!
//! Where the library has a rule of its own, as ownership and futures need one, a comment says so.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use crate::{
    machine::{Kept, Machine, Returned, Tables, ask, call, call_plain, log, woken},
    program::{Answer, Callback, Canceller, Failure, How, Outcome},
};

pub(crate) struct Model;

type Step = Box<dyn FnOnce(Outcome) -> Returned<Model>>;

#[derive(Default)]
struct Node {
    queue: RefCell<VecDeque<Step>>,
    result: Cell<Option<Outcome>>,
    has_fired: Cell<bool>,
    is_running: Cell<bool>,
    pauses: Cell<u32>,
    /// The inner deferred that this waits for.
    waits_for: RefCell<Option<Rc<Node>>>,
    /// The outer deferred that waits for this.
    outer: RefCell<Option<Rc<Node>>>,
    canceller: RefCell<Option<(usize, Kept<Canceller>)>>,
    is_asking: Cell<bool>,
    /// A cancellation is on its way to the inner deferred.
    is_forwarding: Cell<bool>,
    /// Whoever polled last.
    waker: Cell<Option<usize>>,
    /// The handle is gone.
    is_detached: Cell<bool>,
    /// All callbacks that were attached have run.
    is_at_end: Cell<bool>,
    /// A wait is over, but the chain is paused.
    is_held_after_wait: Cell<bool>,
}

impl Node {
    /// Whether a result can be taken.
    fn is_settled(&self) -> bool {
        self.is_at_end.get() && self.pauses.get() == 0
    }

    fn may_run(&self) -> bool {
        let waits = self.waits_for.borrow().is_some();
        self.has_fired.get() && !self.is_running.get() && !waits && self.pauses.get() == 0
    }

    fn push(&self, step: Step) {
        self.is_at_end.set(false);
        self.queue.borrow_mut().push_back(step);
    }

    fn next(&self) -> Option<Step> {
        self.queue.borrow_mut().pop_front()
    }
}

fn fire(node: &Rc<Node>, outcome: Outcome) {
    if !node.has_fired.replace(true) {
        node.canceller.take();
        node.result.set(Some(outcome));
        run(node.clone());
    }
}

/// Runs the queue, and those of the chains that wait for its end.
fn run(mut node: Rc<Node>) {
    if !node.may_run() {
        return;
    }
    loop {
        while let Some(step) = node.next() {
            let input = node.result.take().expect("it has a result");
            node.is_running.set(true);
            let returned = step(input);
            node.is_running.set(false);
            match returned {
                Returned::Settled(outcome) => node.result.set(Some(outcome)),
                Returned::Panic => node.result.set(Some(Err(Failure::Panicked))),
                Returned::Waiting(inner) => {
                    let inner = inner.into_node();
                    inner.waker.take();
                    if inner.is_settled() {
                        node.result.set(inner.result.take());
                    } else {
                        inner.is_at_end.set(false);
                        *inner.outer.borrow_mut() = Some(node.clone());
                        *node.waits_for.borrow_mut() = Some(inner);
                        return;
                    }
                }
            }
        }
        let outer = node.outer.take();
        let Some(outer) = outer else {
            return end(&node);
        };
        outer.result.set(node.result.take());
        outer.waits_for.take();
        node = outer;
        if node.pauses.get() > 0 {
            node.is_held_after_wait.set(true);
            return;
        }
    }
}

/// The result is where it can be taken.
fn end(node: &Node) {
    node.is_at_end.set(true);
    if node.is_detached.get() {
        report(node);
    } else if let Some(id) = node.waker.take() {
        woken::<Model>(id);
    }
}

fn report(node: &Node) {
    if let Some(Err(failure)) = node.result.take().filter(|outcome| *outcome != Err(Failure::Dropped)) {
        log::<Model>(format!("unhandled {failure:?}"));
    }
}

fn cancel(node: &Rc<Node>) {
    if node.has_fired.get() {
        let inner = node.waits_for.borrow().clone();
        // Two that wait for each other do so for ever, but cancelling them ends. Twisted's recurses.
        if let Some(inner) = inner.filter(|_| !node.is_forwarding.replace(true)) {
            cancel(&inner);
            node.is_forwarding.set(false);
        }
        return;
    }
    if node.is_asking.get() {
        return;
    }
    let canceller = node.canceller.take();
    let Some((id, canceller)) = canceller else {
        return fire(node, Err(Failure::Cancelled));
    };
    node.is_asking.set(true);
    let answer = ask::<Model>(id, &canceller);
    node.is_asking.set(false);
    match answer {
        Answer::Silence => fire(node, Err(Failure::Cancelled)),
        Answer::Settle(outcome) => fire(node, outcome),
        // A rule of the library's own: Twisted's would go to whoever cancels, and leave the deferred as it was.
        Answer::Panic => fire(node, Err(Failure::Panicked)),
        // Another one: there is no refusing in Twisted but by panicking.
        Answer::Refuse if !node.has_fired.get() => *node.canceller.borrow_mut() = Some((id, canceller)),
        Answer::Refuse => {}
    }
}

/// The consumer's half. It is empty only while it is dropped or used up.
pub(crate) struct Handle(Option<Rc<Node>>);

impl Handle {
    fn node(&self) -> &Rc<Node> {
        self.0.as_ref().expect("it is not used up")
    }

    fn into_node(mut self) -> Rc<Node> {
        self.0.take().expect("it is not used up")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(node) = self.0.take() {
            node.waker.take();
            node.is_detached.set(true);
            if node.is_at_end.get() {
                report(&node);
            }
        }
    }
}

pub(crate) struct Completer(Rc<Node>);

impl Drop for Completer {
    fn drop(&mut self) {
        // Dropped by its canceller, it leaves a cancellation.
        let is_asking = self.0.is_asking.get();
        fire(
            &self.0,
            Err(if is_asking {
                Failure::Cancelled
            } else {
                Failure::Dropped
            }),
        );
    }
}

pub(crate) struct Pause(Rc<Node>);

impl Drop for Pause {
    fn drop(&mut self) {
        let node = &self.0;
        node.pauses.set(node.pauses.get() - 1);
        if node.pauses.get() == 0 && !node.is_at_end.get() {
            node.is_held_after_wait.set(false);
            run(node.clone());
        }
    }
}

/// The step that a callback becomes.
fn step(how: How, label: usize, callback: Kept<Callback>) -> Step {
    Box::new(move |input| {
        let concerned = match how {
            How::MapOk | How::InspectOk | How::AndThen => input.is_ok(),
            How::MapErr | How::InspectErr | How::OrElse => input.is_err(),
            How::Then | How::ThenEither => true,
            How::Resize => false,
        };
        if !concerned {
            return Returned::Settled(input);
        }
        match how {
            How::AndThen | How::OrElse | How::Then | How::ThenEither | How::Resize => call(label, &callback, input),
            How::MapOk | How::MapErr | How::InspectOk | How::InspectErr => {
                match call_plain::<Model>(label, &callback, input) {
                    None => Returned::Panic,
                    Some(number) => Returned::Settled(match how {
                        How::MapOk => Ok(number),
                        How::MapErr => Err(Failure::Own(number)),
                        _ => input,
                    }),
                }
            }
        }
    })
}

fn attach(deferred: Handle, step: Step) -> Handle {
    let node = deferred.node().clone();
    node.waker.take();
    node.push(step);
    run(node);
    deferred
}

/// What a result that a pause keeps back has once somebody waits for it: from then on it is not at its end any more, but held.
fn hold_if_kept_back(node: &Node) {
    if node.is_at_end.get() && node.pauses.get() > 0 {
        node.push(Box::new(Returned::Settled));
    }
}

#[derive(Clone)]
pub(crate) struct CancelHandle(Rc<Node>);

impl Machine for Model {
    type Deferred = Handle;
    type Completer = Completer;
    type Handle = CancelHandle;
    type Pause = Pause;

    fn tables<R>(f: impl FnOnce(&mut Tables<Self>) -> R) -> R {
        thread_local! {
            static TABLES: RefCell<Tables<Model>> = RefCell::default();
        }
        TABLES.with_borrow_mut(f)
    }

    fn pair(canceller: Option<(usize, Kept<Canceller>)>) -> (Completer, Handle) {
        let node = Rc::new(Node {
            canceller: RefCell::new(canceller),
            ..Node::default()
        });
        (Completer(node.clone()), Handle(Some(node)))
    }

    fn settled(outcome: Outcome) -> Handle {
        let (completer, deferred) = Self::pair(None);
        fire(&completer.0, outcome);
        deferred
    }

    fn attach(deferred: Handle, how: How, label: usize, callback: Kept<Callback>) -> Handle {
        attach(deferred, step(how, label, callback))
    }

    fn chain(deferred: Handle, to: Completer) -> Handle {
        let pass = move |input| {
            fire(&to.0, input);
            Returned::Settled(Ok(0))
        };
        attach(deferred, Box::new(pass))
    }

    fn settle(completer: Completer, outcome: Outcome) {
        fire(&completer.0, outcome);
    }

    fn cancel(deferred: &Handle) {
        cancel(deferred.node());
    }

    fn handle(deferred: &mut Handle) -> CancelHandle {
        CancelHandle(deferred.node().clone())
    }

    fn cancel_by(handle: &CancelHandle) {
        cancel(&handle.0);
    }

    fn pause(deferred: &mut Handle) -> Pause {
        let node = deferred.node();
        node.pauses.set(node.pauses.get() + 1);
        Pause(node.clone())
    }

    fn poll(deferred: &mut Handle, id: usize) -> Option<Outcome> {
        let node = deferred.node().clone();
        if node.is_settled() {
            deferred.0 = None;
            return node.result.take();
        }
        hold_if_kept_back(&node);
        node.waker.set(Some(id));
        None
    }

    fn take(deferred: Handle) -> Result<Outcome, Handle> {
        if !deferred.node().is_settled() {
            return Err(deferred);
        }
        Ok(deferred.into_node().result.take().expect("it has a result"))
    }

    fn is_settled(deferred: &Handle) -> bool {
        deferred.node().is_settled()
    }

    fn has_fired(deferred: &Handle) -> bool {
        let node = deferred.node();
        node.has_fired.get() && node.waits_for.borrow().is_none() && !node.is_held_after_wait.get()
    }

    fn drop_future(deferred: Handle) {
        if !Self::has_fired(&deferred) {
            cancel(deferred.node());
            drop(attach(deferred, Box::new(|_| Returned::Settled(Ok(0)))));
        }
    }
}
