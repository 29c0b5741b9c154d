//! Subjects whose type nobody knows, so that each case is compiled once, and not for every loop.

use std::{
    future::Future,
    pin::{Pin, pin},
};

use interloop::Reactor;

use crate::{ShutsDown, Subject};

/// Any subject, of which is known what `L` says.
pub struct Any<L: ?Sized>(Box<L>);

/// Any [`Subject`].
pub type AnySubject = Any<dyn Drives>;

/// Any [`ShutsDown`].
pub type AnyShutsDown = Any<dyn Ends>;

/// A [`Subject`], as far as there can be pointers to any.
pub trait Drives {
    /// As [`Subject::reactor`].
    fn reactor(&self) -> Reactor;

    /// As [`Subject::block_on`], of a future without an output.
    fn drive(&mut self, future: Pin<&mut dyn Future<Output = ()>>);
}

/// A [`ShutsDown`], as far as there can be pointers to any.
pub trait Ends: Drives {
    /// As [`ShutsDown::shut_down`].
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

impl AnySubject {
    /// Forgets the type of a subject.
    pub fn new(subject: impl Subject + 'static) -> Self {
        Self(Box::new(subject))
    }
}

impl AnyShutsDown {
    /// Forgets the type of a subject.
    pub fn new(subject: impl ShutsDown + 'static) -> Self {
        Self(Box::new(subject))
    }
}

impl<L: Drives + ?Sized> Subject for Any<L> {
    fn reactor(&self) -> Reactor {
        self.0.reactor()
    }

    fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let mut output = None;
        self.0.drive(pin!(async { output = Some(future.await) }));
        output.expect("a loop that has run a future has its output")
    }
}

impl ShutsDown for AnyShutsDown {
    fn shut_down(self) {
        self.0.end();
    }
}
