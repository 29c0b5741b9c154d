//! Where there is epoll: all sockets of a multi handle in an instance of their own, for which the loop waits.
//!
//! That takes one system call for all sockets that are ready, one to begin watching one and one to end it, and no descriptors; where
//! the loop itself waits for each socket, it is a duplicate, its registration, and a task's waker.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    mem::{self, MaybeUninit},
    os::fd::{AsFd, BorrowedFd, RawFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
};

use curl::multi::SocketEvents;
use interloop::{Interest, Reactor, Readiness, Source};
use rustix::{
    event::{
        Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
    },
    io::Errno,
};

use crate::{raw, shared::Shared};

/// How many sockets are asked for at once.
const AT_ONCE: usize = 256;

/// All sockets of a multi handle. libcurl's callback adds and removes them, whoever has the handles waits for them: that is never
/// both at once, so the lock is always free.
#[derive(Clone)]
pub(crate) struct Sockets {
    /// The instance of epoll.
    source: Arc<dyn Source>,
    watched: Arc<Mutex<Watched>>,
}

#[derive(Default)]
struct Watched {
    /// With no flags, a socket is not in the instance, which would tell of its end without being asked for it.
    sockets: HashMap<RawFd, EventFlags>,
    failed: Option<io::Error>,
}

impl Sockets {
    pub(crate) fn new(reactor: &Reactor, _: Weak<Shared>) -> io::Result<Self> {
        let instance = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self {
            source: reactor.event_loop().register(instance)?.into(),
            watched: Arc::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What libcurl's callback asks for.
    pub(crate) fn change(&self, socket: RawFd, events: &SocketEvents) {
        let mut wanted = EventFlags::empty();
        if !events.remove() {
            wanted.set(EventFlags::IN, events.input());
            wanted.set(EventFlags::OUT, events.output());
        }
        let mut watched = self.lock();
        let before = if events.remove() {
            watched.sockets.remove(&socket).unwrap_or(EventFlags::empty())
        } else {
            match watched.sockets.entry(socket) {
                Entry::Occupied(mut known) => mem::replace(known.get_mut(), wanted),
                Entry::Vacant(new) => {
                    new.insert(wanted);
                    EventFlags::empty()
                }
            }
        };
        if before != wanted {
            let changed = raw::with_socket(socket, |fd| self.control(socket, fd, before, wanted));
            if let Err(error) = changed {
                watched.failed.get_or_insert(error.into());
            }
        }
    }

    fn control(&self, socket: RawFd, fd: BorrowedFd<'_>, before: EventFlags, wanted: EventFlags) -> Result<(), Errno> {
        let instance = self.source.as_fd();
        let data = EventData::new_u64(socket as u64);
        if wanted.is_empty() {
            // One that is closed is not in it any more.
            let _ = epoll::delete(instance, fd);
            Ok(())
        } else if before.is_empty() {
            match epoll::add(instance, fd, data, wanted) {
                Err(Errno::EXIST) => epoll::modify(instance, fd, data, wanted),
                added => added,
            }
        } else {
            epoll::modify(instance, fd, data, wanted)
        }
    }

    /// Whether libcurl waits for anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().sockets.is_empty()
    }

    /// Why a socket cannot be waited for.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        self.lock().failed.take()
    }

    /// Whether there were no descriptors left for a socket: none is needed.
    pub(crate) fn take_shortage(&self) -> bool {
        false
    }

    /// Sockets that could not be waited for: none.
    pub(crate) fn retry(&self) -> Vec<RawFd> {
        Vec::new()
    }

    /// Whether libcurl still waits for a socket.
    pub(crate) fn attend(&self, socket: RawFd) -> bool {
        self.lock().sockets.contains_key(&socket)
    }

    /// Gives the sockets that are ready; has the driver woken if there is none.
    pub(crate) fn arm(&self, waker: &Waker, ready: &mut Vec<RawFd>) {
        let mut space = [const { MaybeUninit::uninit() }; AT_ONCE];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut cx = Context::from_waker(waker);
        let polled = self.source.poll_io(&mut cx, Interest::Readable, &mut |instance| {
            let (events, _) = epoll::wait(instance, &mut space, Some(&at_once))?;
            if events.is_empty() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            ready.extend(events.iter().map(|event| event.data.u64() as RawFd));
            // That nothing is left is known when it was asked once more.
            Ok(Readiness::Remains)
        });
        if let Poll::Ready(Err(error)) = polled {
            self.lock().failed.get_or_insert(error);
        }
    }
}
