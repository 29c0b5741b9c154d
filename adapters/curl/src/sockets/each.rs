//! Where there is no epoll: the loop waits for a duplicate of each socket.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, RawFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
};

use curl::multi::SocketEvents;
use interloop::{Interest, Reactor, Source};
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
};

use crate::{raw, shared::Shared};

/// All sockets of a multi handle. libcurl's callback adds and removes them, whoever has the handles waits for them: that is never
/// both at once, so the lock is always free.
///
/// The duplicate is made and closed inside of the callback, so that the other end sees the end when libcurl closes its socket.
#[derive(Clone)]
pub(crate) struct Sockets {
    reactor: Reactor,
    shared: Weak<Shared>,
    watched: Arc<Mutex<Watched>>,
}

#[derive(Default)]
struct Watched {
    sockets: HashMap<RawFd, Socket>,
    /// For which the loop has yet to be asked to wait.
    to_arm: Vec<RawFd>,
    /// There were no descriptors left for a socket: it is tried again after a while.
    short: bool,
    failed: Option<io::Error>,
}

struct Socket {
    /// None where there were no descriptors left for it.
    source: Option<Box<dyn Source>>,
    reading: bool,
    writing: bool,
    /// Whether it is in `to_arm`.
    arming: bool,
    /// Whether the loop was told that nothing is there. From then on, what it believes may be wrong, and the system is asked.
    misled: bool,
    alarm: Arc<Alarm>,
    waker: Waker,
}

/// Wakes the driver for one socket.
struct Alarm {
    shared: Weak<Shared>,
    socket: RawFd,
    /// Whether the driver knows already.
    told: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // ORDERING: the lock that is taken to tell orders what was told; who finds it told already comes before the driver
        // takes it, which reads the socket after that.
        if !self.told.swap(true, Relaxed) {
            if let Some(shared) = self.shared.upgrade() {
                shared.tell_ready(self.socket);
            }
        }
    }
}

impl Sockets {
    pub(crate) fn new(reactor: &Reactor, shared: Weak<Shared>) -> io::Result<Self> {
        Ok(Self {
            reactor: reactor.clone(),
            shared,
            watched: Arc::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What libcurl's callback asks for.
    pub(crate) fn change(&self, socket: RawFd, events: &SocketEvents) {
        if events.remove() {
            let removed = self.lock().sockets.remove(&socket);
            drop(removed);
            return;
        }
        if !self.lock().sockets.contains_key(&socket) {
            let source = self.register(socket);
            self.add(socket, source);
        }
        let mut watched = self.lock();
        let watched = &mut *watched;
        if let Some(known) = watched.sockets.get_mut(&socket) {
            (known.reading, known.writing) = (events.input(), events.output());
            known.arm(socket, &mut watched.to_arm);
        }
    }

    fn register(&self, socket: RawFd) -> io::Result<Box<dyn Source>> {
        // libcurl has set it non-blocking.
        self.reactor
            .event_loop()
            .register(raw::with_socket(socket, |fd| fd.try_clone_to_owned())?)
    }

    fn add(&self, socket: RawFd, source: io::Result<Box<dyn Source>>) {
        let alarm = Arc::new(Alarm {
            shared: self.shared.clone(),
            socket,
            told: AtomicBool::new(false),
        });
        let mut watched = self.lock();
        let source = match source {
            Ok(source) => Some(source),
            Err(error) if is_shortage(&error) => {
                watched.short = true;
                None
            }
            Err(error) => {
                watched.failed.get_or_insert(error);
                None
            }
        };
        let added = Socket {
            source,
            reading: false,
            writing: false,
            arming: false,
            misled: false,
            waker: alarm.clone().into(),
            alarm,
        };
        watched.sockets.insert(socket, added);
    }

    /// Whether libcurl waits for anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().sockets.is_empty()
    }

    /// Why the loop cannot wait for a socket.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        self.lock().failed.take()
    }

    /// Whether there were no descriptors left for a socket, since this was asked last.
    pub(crate) fn take_shortage(&self) -> bool {
        std::mem::take(&mut self.lock().short)
    }

    /// Takes note that the driver looks after a socket now. Whether libcurl still waits for it.
    pub(crate) fn attend(&self, socket: RawFd) -> bool {
        let mut watched = self.lock();
        let watched = &mut *watched;
        let Some(known) = watched.sockets.get_mut(&socket) else {
            return false;
        };
        // ORDERING: see `Alarm::wake_by_ref`.
        known.alarm.told.store(false, Relaxed);
        known.arm(socket, &mut watched.to_arm);
        true
    }

    /// Tries again to have the loop wait where there were no descriptors left. Gives all of these, as whether anything has
    /// happened on them meanwhile is not known.
    pub(crate) fn retry(&self) -> Vec<RawFd> {
        let without = |(socket, known): (&RawFd, &Socket)| known.source.is_none().then_some(*socket);
        let without: Vec<RawFd> = self.lock().sockets.iter().filter_map(without).collect();
        for &socket in &without {
            match self.register(socket) {
                Ok(source) => {
                    if let Some(known) = self.lock().sockets.get_mut(&socket) {
                        known.source = Some(source);
                    }
                }
                Err(error) if is_shortage(&error) => self.lock().short = true,
                Err(error) => {
                    self.lock().failed.get_or_insert(error);
                }
            }
        }
        without
    }

    /// Asks the loop to wait for all sockets for which it does not yet. Gives those that are ready by now.
    ///
    /// Loops tell of changes, and libcurl may leave something unread. So each wait begins with telling the loop that nothing is
    /// there, true or not, if it wants to know; and all of them end with one question to the system, which knows.
    pub(crate) fn arm(&self, _: &Waker, ready: &mut Vec<RawFd>) {
        // Not under the lock, as loops may wake from inside of a poll.
        let mut watched = std::mem::take(&mut *self.lock());
        let mut asked = Vec::new();
        for socket in watched.to_arm.drain(..) {
            let Some(known) = watched.sockets.get_mut(&socket) else {
                continue;
            };
            known.arming = false;
            match known.wait() {
                Ok(true) => asked.push(socket),
                Ok(false) => {}
                Err(error) => {
                    watched.failed.get_or_insert(error);
                }
            }
        }
        ask(&watched.sockets, &asked, ready);
        *self.lock() = watched;
    }
}

impl Socket {
    fn arm(&mut self, socket: RawFd, to_arm: &mut Vec<RawFd>) {
        if !self.arming && (self.reading || self.writing) {
            self.arming = true;
            to_arm.push(socket);
        }
    }

    /// Has the loop wait. Whether the system is to be asked, too.
    fn wait(&mut self) -> io::Result<bool> {
        let Some(source) = &self.source else {
            return Ok(false);
        };
        let mut cx = Context::from_waker(&self.waker);
        for (wanted, interest) in [(self.reading, Interest::Readable), (self.writing, Interest::Writable)] {
            if wanted {
                let polled = source.poll_io(&mut cx, interest, &mut |_| {
                    self.misled = true;
                    Err(io::ErrorKind::WouldBlock.into())
                });
                if let Poll::Ready(Err(error)) = polled {
                    return Err(error);
                }
            }
        }
        Ok(self.misled)
    }
}

/// Asks the system which sockets are ready.
fn ask(sockets: &HashMap<RawFd, Socket>, asked: &[RawFd], ready: &mut Vec<RawFd>) {
    let mut polled = Vec::with_capacity(asked.len());
    let mut numbers = Vec::with_capacity(asked.len());
    for &socket in asked {
        if let Some((known, source)) = sockets
            .get(&socket)
            .and_then(|known| Some((known, known.source.as_ref()?)))
        {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, known.reading);
            flags.set(PollFlags::OUT, known.writing);
            polled.push(PollFd::from_borrowed_fd(source.as_fd(), flags));
            numbers.push((socket, known));
        }
    }
    if polled.is_empty() {
        return;
    }
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let told = rustix::io::retry_on_intr(|| rustix::event::poll(&mut polled, Some(&at_once)));
    for (fd, (socket, known)) in polled.iter().zip(numbers) {
        // If the system does not say, libcurl looks for itself.
        let is_ready = told.is_err() || !fd.revents().is_empty();
        if is_ready && !known.alarm.told.swap(true, Relaxed) {
            ready.push(socket);
        }
    }
}

fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::NOSPC];
    shortages
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
