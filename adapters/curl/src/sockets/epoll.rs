//! Where there is epoll: all sockets of a multi handle in an instance of their own, for which the loop waits.
//!
//! That takes one system call for all sockets that are ready, and no descriptors; where the loop itself waits for each socket, it is a
//! duplicate, its registration, and a task's waker.
//!
//! A socket is watched until it tells of something, once. Most transfers have their answer by then, and their socket stays in the
//! instance, where it is silent: until libcurl waits for it again, which then takes one system call, or closes it. Only one on which libcurl goes
//! on to wait is watched until that says otherwise. So nothing is ever asked of a number that libcurl may have closed, and what a duplicate of a
//! closed socket keeps in the instance is silent, too.

use std::{
    io,
    mem::{self, MaybeUninit},
    os::fd::{AsFd, RawFd},
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
    /// By their numbers, which are small: the system gives the smallest that is free.
    sockets: Vec<Watch>,
    /// How many of these libcurl has announced, and not taken back.
    announced: usize,
    /// Those that have told of something, and are silent since.
    told: Vec<RawFd>,
    /// Whether the last of the silent ones for which libcurl waited again was still open.
    are_kept: bool,
    failed: Option<io::Error>,
}

#[derive(Clone, Copy)]
struct Watch {
    is_announced: bool,
    /// What libcurl waits for. It may be nothing, for a while.
    wanted: EventFlags,
    state: State,
}

/// How a socket stands in the instance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is not in it, which would tell of its end without being asked for it.
    Absent,
    /// It is in it and tells of nothing; if it was closed meanwhile, it is absent.
    Silent,
    /// It tells once.
    Once,
    /// It tells as long as there is something.
    Always,
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
        let Ok(at) = usize::try_from(socket) else {
            return;
        };
        let mut watched = self.lock();
        let watched = &mut *watched;
        if at >= watched.sockets.len() {
            watched.sockets.resize(at + 1, Watch::NONE);
        }
        let watch = &mut watched.sockets[at];
        let was_announced = mem::replace(&mut watch.is_announced, !events.remove());
        match (was_announced, watch.is_announced) {
            (false, true) => watched.announced += 1,
            (true, false) => watched.announced -= 1,
            _ => {}
        }
        let mut wanted = EventFlags::empty();
        if !events.remove() {
            wanted.set(EventFlags::IN, events.input());
            wanted.set(EventFlags::OUT, events.output());
        }
        let is_watched = matches!(watch.state, State::Once | State::Always);
        let before = mem::replace(&mut watch.wanted, wanted);
        if wanted.is_empty() {
            if is_watched {
                self.forget(socket, watch);
            }
        } else if !is_watched || before != wanted {
            let state = match watch.state {
                State::Always => State::Always,
                _ => State::Once,
            };
            if let Err(error) = self.watch(socket, watch, state, &mut watched.are_kept) {
                watched.failed.get_or_insert(error.into());
            }
        }
    }

    /// Has a socket tell of what is wanted.
    fn watch(&self, socket: RawFd, watch: &mut Watch, state: State, are_kept: &mut bool) -> Result<(), Errno> {
        let instance = self.source.as_fd();
        let data = EventData::new_u64(socket as u64);
        let mut flags = watch.wanted;
        flags.set(EventFlags::ONESHOT, state == State::Once);
        let is_there = match watch.state {
            State::Absent => false,
            State::Silent => *are_kept,
            State::Once | State::Always => true,
        };
        raw::with_socket(socket, |fd| {
            let changed = match is_there {
                true => epoll::modify(instance, fd, data, flags),
                false => epoll::add(instance, fd, data, flags),
            };
            match changed {
                Err(Errno::NOENT) => {
                    *are_kept = false;
                    epoll::add(instance, fd, data, flags)
                }
                Err(Errno::EXIST) => {
                    *are_kept = true;
                    epoll::modify(instance, fd, data, flags)
                }
                changed => changed,
            }
        })?;
        watch.state = state;
        Ok(())
    }

    /// Has a socket tell of nothing.
    fn forget(&self, socket: RawFd, watch: &mut Watch) {
        watch.state = State::Absent;
        // One that is closed is not in it any more.
        let _ = raw::with_socket(socket, |fd| epoll::delete(self.source.as_fd(), fd));
    }

    /// Whether libcurl waits for anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().announced == 0
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
        let watched = self.lock();
        watched
            .sockets
            .get(socket as usize)
            .is_some_and(|watch| watch.is_announced)
    }

    /// Gives the sockets that are ready; has the driver woken if there is none.
    pub(crate) fn arm(&self, waker: &Waker, ready: &mut Vec<RawFd>) {
        self.watch_on();
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
        let mut watched = self.lock();
        let watched = &mut *watched;
        if let Poll::Ready(Err(error)) = polled {
            watched.failed.get_or_insert(error);
        }
        for &socket in &*ready {
            if let Some(watch) = watched.sockets.get_mut(socket as usize) {
                if watch.state == State::Once {
                    watch.state = State::Silent;
                    watched.told.push(socket);
                }
            }
        }
    }

    /// Has those sockets tell on that have told once, and for which libcurl still waits.
    fn watch_on(&self) {
        let mut watched = self.lock();
        let watched = &mut *watched;
        for socket in watched.told.drain(..) {
            let watch = &mut watched.sockets[socket as usize];
            if watch.state == State::Silent && !watch.wanted.is_empty() {
                if let Err(error) = self.watch(socket, watch, State::Always, &mut watched.are_kept) {
                    watched.failed.get_or_insert(error.into());
                }
            }
        }
    }
}

impl Watch {
    const NONE: Self = Self {
        is_announced: false,
        wanted: EventFlags::empty(),
        state: State::Absent,
    };
}
