//! What a connection's task and the handles on it share, under loom: written to, closed, replaced and aborted by another thread while
//! the task runs, in every interleaving. A task is polled only if it was woken, so a wake-up that is lost leaves something undone.
//!
//! Run by `ci/loom.sh`.
#![cfg(interloop_loom)]

use std::{
    future::Future,
    io, mem,
    os::fd::OwnedFd,
    pin::Pin,
    sync::Arc as StdArc,
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

use futures_util::io::{AsyncRead, AsyncWrite};
use interloop::{
    EventLoop, Job, Reactor, Source, Task, Timer,
    protocol::{self, Bare, Lost, Protocol, Transport},
};
use interloop_models::wide_model;
use loom::{
    sync::{Arc, Mutex},
    thread,
};

/// A loop of one task, which a test drives.
#[derive(Clone)]
struct Loop(Arc<Mutex<Option<Task>>>, StdArc<Woken>);

struct Woken(Mutex<bool>);

impl Wake for Woken {
    fn wake(self: StdArc<Self>) {
        *self.0.lock().unwrap() = true;
    }
}

impl Loop {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(None)), StdArc::new(Woken(Mutex::new(true))))
    }

    /// Polls the task as long as it is woken.
    fn run(&self) {
        while mem::take(&mut *self.1.0.lock().unwrap()) {
            let task = self.0.lock().unwrap().take();
            let Some(mut task) = task else { return };
            let waker = Waker::from(self.1.clone());
            if Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending() {
                *self.0.lock().unwrap() = Some(task);
            }
        }
    }

    fn shut_down(&self) {
        let task = self.0.lock().unwrap().take();
        drop(task);
    }
}

impl std::fmt::Debug for Loop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Loop")
    }
}

impl EventLoop for Loop {
    fn spawn(&self, task: Task) {
        *self.0.lock().unwrap() = Some(task);
    }

    fn spawn_blocking(&self, _: Job) {}

    fn timer(&self, _: Instant) -> Pin<Box<dyn Timer>> {
        unimplemented!("nothing waits for a time")
    }

    fn register(&self, _: OwnedFd) -> io::Result<Box<dyn Source>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Sends all at once, and receives nothing.
struct Sink(Arc<Mutex<Vec<u8>>>);

impl AsyncRead for Sink {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }
}

impl AsyncWrite for Sink {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Notes what it is called with, by letters.
#[derive(Clone)]
struct Notes(Arc<Mutex<String>>);

impl Notes {
    fn add(&self, note: char) {
        self.0.lock().unwrap().push(note);
    }
}

impl Protocol for Notes {
    fn connection_made(&mut self, _: &Transport) {
        self.add('m');
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) {
        self.add('d');
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Lost) {
        self.add(match reason.is_closed() {
            true => 'c',
            false => 'a',
        });
    }
}

struct Setup {
    looped: Loop,
    transport: Transport,
    sent: Arc<Mutex<Vec<u8>>>,
    notes: Notes,
}

fn setup() -> Setup {
    let looped = Loop::new();
    let (sent, notes) = (
        Arc::new(Mutex::new(Vec::new())),
        Notes(Arc::new(Mutex::new(String::new()))),
    );
    let reactor = Reactor::new(looped.clone());
    let transport = protocol::attach(&reactor, Bare(Sink(sent.clone())), notes.clone());
    Setup {
        looped,
        transport,
        sent,
        notes,
    }
}

impl Setup {
    fn on_thread(&self, act: impl FnOnce(&Transport) + Send + 'static) -> thread::JoinHandle<()> {
        let transport = self.transport.clone();
        thread::spawn(move || act(&transport))
    }

    fn sent(&self) -> Vec<u8> {
        mem::take(&mut self.sent.lock().unwrap())
    }

    fn notes(&self) -> String {
        mem::take(&mut self.notes.0.lock().unwrap())
    }
}

#[test]
fn what_another_thread_writes_while_the_task_runs_is_sent() {
    wide_model(|| {
        let setup = setup();
        let writing = setup.on_thread(|transport| {
            transport.write(b"1");
            transport.write(b"2");
        });
        setup.looped.run();
        writing.join().unwrap();
        setup.looped.run();
        assert_eq!(setup.sent(), b"12");
        assert_eq!(setup.transport.buffered(), 0);
        setup.looped.shut_down();
    });
}

#[test]
fn what_two_threads_write_is_sent() {
    wide_model(|| {
        let setup = setup();
        setup.looped.run();
        let writing = setup.on_thread(|transport| transport.write(b"12"));
        let other = setup.on_thread(|transport| transport.write(b"34"));
        setup.looped.run();
        writing.join().unwrap();
        other.join().unwrap();
        setup.looped.run();
        let sent = setup.sent();
        assert!(sent == b"1234" || sent == b"3412", "{sent:?}");
        setup.looped.shut_down();
    });
}

#[test]
fn a_connection_that_another_thread_closes_sends_what_was_written_before() {
    wide_model(|| {
        let setup = setup();
        let closing = setup.on_thread(|transport| {
            transport.write(b"12");
            transport.lose_connection();
        });
        setup.looped.run();
        closing.join().unwrap();
        setup.looped.run();
        assert_eq!(setup.sent(), b"12");
        assert_eq!(setup.notes(), "mc");
    });
}

#[test]
fn a_connection_that_another_thread_aborts_is_lost_once() {
    wide_model(|| {
        let setup = setup();
        let aborting = setup.on_thread(Transport::abort);
        setup.looped.run();
        setup.transport.lose_connection();
        aborting.join().unwrap();
        setup.looped.run();
        let notes = setup.notes();
        assert!(notes == "mc" || notes == "ma", "{notes}");
        assert!(setup.transport.closed().try_take().unwrap().is_ok());
    });
}

#[test]
fn who_waits_for_the_end_is_told_when_the_loop_shuts_down_meanwhile() {
    wide_model(|| {
        let setup = setup();
        setup.looped.run();
        let waiting = setup.on_thread(|transport| {
            transport.write(b"x");
            assert!(transport.closed().try_take().map_or(true, |end| end.is_ok()));
        });
        let end = setup.transport.closed();
        setup.looped.shut_down();
        waiting.join().unwrap();
        assert!(end.try_take().unwrap().is_ok());
        assert_eq!(setup.notes(), "ma");
    });
}

#[test]
fn a_protocol_that_another_thread_puts_in_place_is_begun() {
    wide_model(|| {
        let setup = setup();
        setup.looped.run();
        let next = setup.notes.clone();
        let replacing = setup.on_thread(move |transport| {
            transport.unread(b"x");
            transport.set_protocol(next);
        });
        setup.looped.run();
        replacing.join().unwrap();
        setup.looped.run();
        assert_eq!(setup.notes(), "mmd");
        setup.looped.shut_down();
    });
}
