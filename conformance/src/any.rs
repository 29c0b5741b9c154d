//! Subjects whose type nobody knows, so that each case is compiled once, and not for every loop.

use std::{
    future::Future,
    pin::{Pin, pin},
};

use interloop::Reactor;

use crate::{ShutsDown, Subject};

/// Any [`Subject`].
pub struct AnySubject(Box<dyn Drives>);

/// Any [`ShutsDown`].
pub struct AnyShutsDown(Box<dyn Ends>);

trait Drives {
    fn reactor(&self) -> Reactor;
    fn drive(&mut self, future: Pin<&mut dyn Future<Output = ()>>);
}

trait Ends: Drives {
    fn end(self: Box<Self>);
}

impl<S: Subject> Drives for S {
    fn reactor(&self) -> Reactor {
        Subject::reactor(self)
    }

    fn drive(&mut self, future: Pin<&mut dyn Future<Output = ()>>) {
        self.block_on(future);
    }
}

impl<S: ShutsDown> Ends for S {
    fn end(self: Box<Self>) {
        self.shut_down();
    }
}

/// Runs a future on a subject that cannot give its output.
fn block_on<F: Future>(subject: &mut (impl Drives + ?Sized), future: F) -> F::Output {
    let mut output = None;
    subject.drive(pin!(async { output = Some(future.await) }));
    output.expect("a loop that has run a future has its output")
}

impl AnySubject {
    /// Forgets the type of a subject.
    pub fn new(subject: impl Subject + 'static) -> Self {
        Self(Box::new(subject))
    }
}

impl Subject for AnySubject {
    fn reactor(&self) -> Reactor {
        self.0.reactor()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        block_on(&mut *self.0, future)
    }
}

impl AnyShutsDown {
    /// Forgets the type of a subject.
    pub fn new(subject: impl ShutsDown + 'static) -> Self {
        Self(Box::new(subject))
    }
}

impl Subject for AnyShutsDown {
    fn reactor(&self) -> Reactor {
        self.0.reactor()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        block_on(&mut *self.0, future)
    }
}

impl ShutsDown for AnyShutsDown {
    fn shut_down(self) {
        self.0.end();
    }
}
