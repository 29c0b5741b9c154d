//! What handlers may do, which run inside of libcurl.

use std::{
    mem,
    net::Shutdown,
    os::fd::IntoRawFd,
    panic::panic_any,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
};

use curl::easy::{Easy2, Handler, WriteError};
use interloop::{AsAborted, Deferred};
use interloop_curl::{Collect, Control, Curl, Error};
use socket2::Socket;

use crate::{World, bodies::bytes, easy, loops::on_every_loop};

on_every_loop![
    a_transfer_is_started_from_inside_of_anothers_handler,
    a_transfer_is_started_from_anothers_callback,
    a_handler_that_panics_fails_what_runs_and_nothing_later,
    a_handler_that_pauses_goes_on_when_it_is_told,
    a_handler_drops_the_last_handle,
    progress_is_told,
    sockets_of_which_there_are_duplicates_are_no_trouble,
];

/// Starts another transfer when something arrives.
struct Starts {
    curl: Curl,
    url: String,
    started: Option<Deferred<Easy2<Collect>, Error>>,
}

impl Handler for Starts {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.started.get_or_insert_with(|| self.curl.perform(easy(&self.url)));
        Ok(data.len())
    }
}

async fn a_transfer_is_started_from_inside_of_anothers_handler(world: World) {
    let mut easy = Easy2::new(Starts {
        curl: world.curl.clone(),
        url: world.server.url("/bytes/300"),
        started: None,
    });
    easy.url(&world.server.url("/bytes/200")).unwrap();
    let mut easy = world.curl.perform(easy).await.unwrap();
    let started = easy.get_mut().started.take().unwrap().await.unwrap();
    assert!(started.get_ref().bytes() == bytes(300));
}

async fn a_transfer_is_started_from_anothers_callback(world: World) {
    let (curl, second) = (world.curl.clone(), world.easy("/bytes/300"));
    let first = world.curl.perform(world.easy("/bytes/200"));
    let both = first.and_then(move |_| curl.perform(second));
    assert!(both.await.unwrap().get_ref().bytes() == bytes(300));
}

/// Panics when something arrives.
#[derive(Debug)]
struct Panics;

impl Handler for Panics {
    fn write(&mut self, _: &[u8]) -> Result<usize, WriteError> {
        panic_any("out of paper");
    }
}

async fn a_handler_that_panics_fails_what_runs_and_nothing_later(world: World) {
    let other = world.curl.perform(world.easy("/begin"));
    world.server.waited(|counts| counts.requests == 1).await;
    let mut easy = Easy2::new(Panics);
    easy.url(&world.server.url("/bytes/200")).unwrap();
    let error = world.curl.perform(easy).await.unwrap_err();
    assert_eq!(error.as_aborted().unwrap().panic_message(), Some("out of paper"));
    let error = other.await.unwrap_err();
    assert!(error.as_aborted().unwrap().is_panicked());
    world.server.waited(|counts| counts.open == 0).await;
    for _ in 0..10 {
        let easy = world.curl.perform(world.easy("/bytes/300")).await.unwrap();
        assert!(easy.get_ref().bytes() == bytes(300));
    }
}

/// Gives what arrives away, one piece at a time.
struct Pauses {
    pieces: mpsc::SyncSender<Vec<u8>>,
    paused: Arc<AtomicUsize>,
}

impl Handler for Pauses {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        match self.pieces.try_send(data.to_owned()) {
            Ok(()) => Ok(data.len()),
            Err(_) => {
                self.paused.fetch_add(1, Relaxed);
                Err(WriteError::Pause)
            }
        }
    }
}

async fn a_handler_that_pauses_goes_on_when_it_is_told(world: World) {
    let (send, receive) = mpsc::sync_channel(1);
    let paused = Arc::new(AtomicUsize::new(0));
    let mut easy = Easy2::new(Pauses {
        pieces: send,
        paused: paused.clone(),
    });
    easy.url(&world.server.url("/bytes/1000000")).unwrap();
    let (control, transfer): (Control, _) = world.curl.perform_with_control(easy);
    let taker = std::thread::spawn(move || {
        // There is room for the first piece only.
        while paused.load(Relaxed) == 0 {
            std::thread::yield_now();
        }
        let mut body = Vec::new();
        for piece in receive {
            body.extend(piece);
            control.resume();
        }
        body
    });
    drop(transfer.await.unwrap());
    assert!(taker.join().unwrap() == bytes(1_000_000));
}

/// Drops a handle on the transfers when something arrives.
struct Drops(Option<Curl>, Arc<Mutex<Vec<u8>>>);

impl Handler for Drops {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        drop(self.0.take());
        self.1.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }
}

async fn a_handler_drops_the_last_handle(world: World) {
    let body = Arc::default();
    let mut easy = Easy2::new(Drops(Some(world.curl.clone()), Arc::clone(&body)));
    easy.url(&world.server.url("/bytes/1000000")).unwrap();
    let World { curl, server } = world;
    let transfer = curl.perform(easy);
    drop(curl);
    drop(transfer.await.unwrap());
    assert!(*body.lock().unwrap() == bytes(1_000_000));
    server.waited(|counts| counts.open == 0).await;
}

/// Notes how far a transfer has come.
#[derive(Default)]
struct Progress(f64, usize);

impl Handler for Progress {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        Ok(data.len())
    }

    fn progress(&mut self, _: f64, downloaded: f64, _: f64, _: f64) -> bool {
        self.0 = self.0.max(downloaded);
        self.1 += 1;
        true
    }
}

async fn progress_is_told(world: World) {
    let mut easy = Easy2::new(Progress::default());
    easy.url(&world.server.url("/bytes/1000000")).unwrap();
    easy.progress(true).unwrap();
    let easy = world.curl.perform(easy).await.unwrap();
    assert_eq!(easy.get_ref().0, 1_000_000.0);
    assert!(easy.get_ref().1 > 1);
}

/// Keeps a duplicate of each socket, so that none is closed when libcurl closes it.
struct Duplicates {
    kept: Vec<Socket>,
    received: usize,
}

impl Handler for Duplicates {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.received += data.len();
        Ok(data.len())
    }

    fn open_socket(&mut self, family: i32, kind: i32, protocol: i32) -> Option<i32> {
        let socket = Socket::new(family.into(), kind.into(), Some(protocol.into())).ok()?;
        self.kept.push(socket.try_clone().ok()?);
        Some(socket.into_raw_fd())
    }
}

async fn sockets_of_which_there_are_duplicates_are_no_trouble(world: World) {
    let mut easy = Easy2::new(Duplicates {
        kept: Vec::new(),
        received: 0,
    });
    easy.forbid_reuse(true).unwrap();
    for count in 1..=20 {
        // By turns one that has its answer at once, and one that is waited for more than once.
        let length = if count % 2 == 0 { 10 } else { 1_000_000 };
        easy.url(&world.server.url(&format!("/bytes/{length}"))).unwrap();
        easy = world.curl.perform(easy).await.unwrap();
        assert_eq!(mem::take(&mut easy.get_mut().received), length);
        assert_eq!(easy.get_ref().kept.len(), count);
    }
    // The ends of those that libcurl has closed are told by nothing that is watched.
    for socket in mem::take(&mut easy.get_mut().kept) {
        socket.shutdown(Shutdown::Both).unwrap();
    }
    world.curl.perform(world.easy("/bytes/1000000")).await.unwrap();
}
