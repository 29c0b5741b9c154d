//! What transfers take of the process's descriptors, and give back. One test at a time, as all of them count the same.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::IntoRawFd,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

use curl::easy::{Easy2, Handler, WriteError};
use futures_executor::LocalPool;
use interloop::Reactor;
use interloop_curl::{Collect, Curl};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::Socket;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts connections, and answers when it is told to; the descriptors are the test's own to count.
struct Server {
    addr: SocketAddr,
    /// Each connection, when its request is there.
    asked: Receiver<TcpStream>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let (send, asked) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else {
                    // As long as descriptors are short.
                    thread::sleep(Duration::from_millis(1));
                    continue;
                };
                let mut lines = BufReader::new(&stream).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                if send.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { addr, asked }
    }

    fn easy(&self) -> Easy2<Collect> {
        let mut easy = Easy2::new(Collect::new());
        easy.url(&format!("http://{}/", self.addr)).unwrap();
        easy
    }
}

fn answer(mut stream: &TcpStream) {
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        .unwrap();
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs a pool, and what waits in it, until requests are there.
fn asked(pool: &mut LocalPool, reactor: &Reactor, server: &Server, requests: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    while streams.len() < requests {
        pool.run_until(reactor.sleep(Duration::from_millis(1))).unwrap();
        streams.extend(server.asked.try_iter());
    }
    streams
}

fn pool() -> (LocalPool, Reactor) {
    let pool = LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    (pool, reactor)
}

#[test]
fn a_transfer_that_is_dropped_gives_its_descriptors_back_at_once() {
    let _alone = alone();
    let server = Server::start();
    let (mut pool, reactor) = pool();
    let curl = Curl::new(&reactor);
    // What is made once: the multi handle, and what the loop needs.
    let warm = curl.transfer(server.easy());
    drop((asked(&mut pool, &reactor, &server, 1), warm));
    let before = descriptors();

    let transfers: Vec<_> = (0..20).map(|_| curl.transfer(server.easy())).collect();
    let streams = asked(&mut pool, &reactor, &server, 20);
    // The server's end and libcurl's.
    assert!(descriptors() >= before + 40, "{} of {before}", descriptors());
    drop(transfers);
    // The loop has not run since.
    assert!(descriptors() <= before + 20, "{} of {before}", descriptors());
    drop(streams);
    assert!(descriptors() <= before, "{} of {before}", descriptors());
}

#[test]
fn nothing_is_left_when_all_is_dropped() {
    let _alone = alone();
    let server = Server::start();
    let (mut pool, reactor) = pool();
    let before = descriptors();
    for _ in 0..3 {
        let curl = Curl::new(&reactor);
        let idle = curl.perform(server.easy());
        let streams = asked(&mut pool, &reactor, &server, 1);
        streams.iter().for_each(answer);
        pool.run_until(idle).unwrap();
        // One connection that is kept, and some that wait for an answer.
        let running: Vec<_> = (0..5).map(|_| curl.transfer(server.easy())).collect();
        let waiting = asked(&mut pool, &reactor, &server, 4);
        drop((curl, running, waiting, streams));
        pool.run_until(reactor.sleep(Duration::from_millis(1))).unwrap();
    }
    // async-io's own come with its first use.
    let made_once = 8;
    assert!(descriptors() <= before + made_once, "{} of {before}", descriptors());
}

/// Leaves no descriptor for anybody else once libcurl has its socket.
struct LeavesNone(Collect);

impl Handler for LeavesNone {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.0.write(data)
    }

    fn open_socket(&mut self, family: i32, kind: i32, protocol: i32) -> Option<i32> {
        let socket = Socket::new(family.into(), kind.into(), Some(protocol.into())).ok()?;
        let none = Rlimit {
            // As many as libcurl asks the system about at once are allowed, and those are taken.
            current: Some(4),
            ..getrlimit(Resource::Nofile)
        };
        setrlimit(Resource::Nofile, none).unwrap();
        Some(socket.into_raw_fd())
    }
}

#[test]
fn transfers_get_through_a_shortage_of_descriptors() {
    let _alone = alone();
    let server = Server::start();
    let (mut pool, reactor) = pool();
    let curl = Curl::new(&reactor);
    let warm = curl.transfer(server.easy());
    drop((asked(&mut pool, &reactor, &server, 1), warm));

    let limit = getrlimit(Resource::Nofile);
    let mut easy = Easy2::new(LeavesNone(Collect::new()));
    easy.url(&format!("http://{}/", server.addr)).unwrap();
    let transfer = curl.perform(easy);
    while getrlimit(Resource::Nofile).current != Some(4) {
        pool.run_until(reactor.sleep(Duration::from_millis(1))).unwrap();
    }
    // Where the loop waits for a duplicate, that is tried in vain more than once.
    pool.run_until(reactor.sleep(Duration::from_millis(50))).unwrap();
    assert!(!transfer.is_settled());
    setrlimit(Resource::Nofile, limit).unwrap();
    let streams = asked(&mut pool, &reactor, &server, 1);
    streams.iter().for_each(answer);
    assert_eq!(pool.run_until(transfer).unwrap().get_ref().0.bytes(), b"hi");
}

#[test]
fn libcurl_is_the_one_that_comes_with_its_crate() {
    let version = curl::Version::get();
    assert!(version.vendored());
}
