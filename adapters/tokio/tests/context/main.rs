//! A tokio's context on other loops: where it is entered, whose it is, and what it says when it cannot be used.

mod budget;
mod conformance;
mod errors;
mod own;
mod reactor;
mod sniffing;
mod wrapping;

use std::{
    future::Future,
    pin::Pin,
    sync::mpsc::{Receiver, Sender, channel},
    task,
};

use interloop_tokio::context::Context;
use tokio::runtime::{Builder, Handle, Runtime};

fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn of(runtime: &Runtime) -> Context {
    Context::new(runtime.handle()).unwrap()
}

/// Whether this context's tokio is the thread's.
fn is_inside(context: &Context) -> bool {
    Handle::try_current().is_ok_and(|handle| handle.id() == context.handle().id())
}

/// Says when it is polled and dropped whether it is inside of a context. Waits, if it is to, for ever.
struct Tells {
    context: Context,
    sender: Sender<(&'static str, bool)>,
    is_ready: bool,
}

impl Tells {
    fn new(context: &Context) -> (Self, Receiver<(&'static str, bool)>) {
        let (sender, receiver) = channel();
        let tells = Self {
            context: context.clone(),
            sender,
            is_ready: true,
        };
        (tells, receiver)
    }

    fn pending(context: &Context) -> (Self, Receiver<(&'static str, bool)>) {
        let (mut tells, receiver) = Self::new(context);
        tells.is_ready = false;
        (tells, receiver)
    }

    fn tell(&self, what: &'static str) {
        let _ = self.sender.send((what, is_inside(&self.context)));
    }
}

impl Future for Tells {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> task::Poll<()> {
        self.tell("polled");
        if self.is_ready {
            task::Poll::Ready(())
        } else {
            task::Poll::Pending
        }
    }
}

impl Drop for Tells {
    fn drop(&mut self) {
        self.tell("dropped");
    }
}
