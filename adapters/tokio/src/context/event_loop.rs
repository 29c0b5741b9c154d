//! A loop whose tasks are all inside of a context.

use std::{fmt, io, os::fd::OwnedFd, pin::Pin, time::Instant};

use interloop::{Aborted, EventLoop, Job, Reactor, Source, Task, Timer, local};

use super::Context;

/// The loop of a reactor, with what it runs entered in a context. All else is the loop's own.
struct Within {
    context: Context,
    reactor: Reactor,
}

pub(super) fn reactor(context: &Context, reactor: &Reactor) -> Reactor {
    Reactor::new(Within {
        context: context.clone(),
        reactor: reactor.clone(),
    })
}

impl EventLoop for Within {
    fn spawn(&self, task: Task) {
        // By the reactor, which may be watched.
        self.reactor.spawn_infallible(self.context.wrap(task)).detach();
    }

    fn spawn_blocking(&self, job: Job) {
        let job = self.context.callback(|()| job.run());
        self.reactor
            .spawn_blocking(|| {
                job(());
                Ok::<_, Aborted>(())
            })
            .detach();
    }

    fn timer(&self, deadline: Instant) -> Pin<Box<dyn Timer>> {
        self.reactor.event_loop().timer(deadline)
    }

    fn register(&self, fd: OwnedFd) -> io::Result<Box<dyn Source>> {
        self.reactor.event_loop().register(fd)
    }

    fn now(&self) -> Instant {
        self.reactor.event_loop().now()
    }

    fn is_virtual(&self) -> bool {
        self.reactor.event_loop().is_virtual()
    }

    fn drop_cancelled(&self, drop: &mut dyn FnMut()) {
        self.context.call(|| self.reactor.event_loop().drop_cancelled(drop));
    }
}

impl fmt::Debug for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reactor.event_loop().fmt(f)
    }
}

/// The same, for tasks that stay on their thread.
#[derive(Debug)]
struct LocalWithin {
    context: Context,
    reactor: local::Reactor,
}

pub(super) fn local_reactor(context: &Context, local: &local::Reactor) -> local::Reactor {
    let within = LocalWithin {
        context: context.clone(),
        reactor: local.clone(),
    };
    local::Reactor::new(within, reactor(context, local.handle()))
}

impl local::EventLoop for LocalWithin {
    fn spawn(&self, task: local::Task) {
        self.reactor.spawn_infallible(self.context.wrap(task)).detach();
    }
}
