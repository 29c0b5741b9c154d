//! What the process has of the system, and may have.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use interloop::{
    Reactor,
    net::{TcpSocket, TcpStream},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What of the process is looked at is looked at by one test at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many, as the environment says, or as many as take no time to speak of.
pub(crate) fn size(variable: &str, otherwise: usize) -> usize {
    match env::var(variable) {
        Ok(size) => size
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {size}")),
        Err(_) => otherwise,
    }
}

/// Raises the limit of open descriptors, so that so many can be.
pub(crate) fn allow_descriptors(needed: usize) {
    let limit = getrlimit(Resource::Nofile);
    let needed = needed as u64;
    if limit.current.is_none_or(|current| current >= needed) {
        return;
    }
    if let Some(maximum) = limit.maximum.filter(|maximum| *maximum < needed) {
        panic!("this test opens {needed} descriptors, and the hard limit is {maximum}: raise it (`ulimit -Hn`)");
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("a limit below the hard one");
}

/// How many descriptors are open.
pub(crate) fn descriptors() -> usize {
    // One of them is that of this look.
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// How much memory the process takes, in bytes.
pub(crate) fn memory() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let resident = pages.split(' ').nth(1).unwrap();
    resident.parse::<usize>().unwrap() * rustix::param::page_size()
}

/// Waits for a condition: the loop may still be at work on what was dropped. What never becomes true fails at last.
pub(crate) async fn until(reactor: &Reactor, what: &str, condition: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if condition() {
            return;
        }
        reactor.sleep(Duration::from_millis(1)).await.unwrap();
    }
    panic!("{what} on {reactor:?}: {} descriptors", descriptors());
}

/// Connects from an address of this machine that is another one for every few hundred numbers, so that ports do not run out.
pub(crate) async fn connect(reactor: &Reactor, to: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    // Others than those of a process before this one, whose connections the system may still remember.
    let [_, .., process] = std::process::id().to_be_bytes();
    let [.., high, low] = (number / 500).to_be_bytes();
    let from = Ipv4Addr::new(127, process.max(1), high, low.wrapping_add(1));
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(reactor, to).await
}
