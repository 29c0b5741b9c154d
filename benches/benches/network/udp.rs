//! Servers that send each datagram back.

use std::{io, net::UdpSocket, sync::Arc};

use interloop::{Deferred, Reactor};
use interloop_benches::runtime::current_thread;

use super::{
    Contender,
    tcp::{on_smol, on_tokio},
};

/// Each is given a socket in non-blocking mode.
pub(crate) const CONTENDERS: &[Contender<UdpSocket>] = &[
    ("tokio", "native", tokio_native),
    ("tokio", "interloop", tokio_interloop),
    ("smol", "native", smol_native),
    ("smol", "interloop", smol_interloop),
    ("async-std", "native", async_std_native),
    ("async-std", "interloop", async_std_interloop),
    ("futures", "native", futures_native),
    ("futures", "interloop", futures_interloop),
];

/// More than any datagram here.
const BUFFER: usize = 2048;

/// The same for every type of socket that has these two functions.
macro_rules! echo {
    ($socket:expr) => {{
        let socket = $socket;
        let mut buffer = vec![0; BUFFER];
        loop {
            let (count, peer) = socket.recv_from(&mut buffer).await.unwrap();
            socket.send_to(&buffer[..count], peer).await.unwrap();
        }
    }};
}

fn interloop(reactor: &Reactor, socket: UdpSocket) -> Deferred<(), io::Error> {
    let socket = interloop::net::UdpSocket::from_std(reactor, socket).unwrap();
    reactor.spawn(async move { echo!(socket) })
}

fn tokio_native(socket: UdpSocket) {
    on_tokio(async { echo!(tokio::net::UdpSocket::from_std(socket).unwrap()) });
}

fn tokio_interloop(socket: UdpSocket) {
    let runtime = current_thread();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    runtime.block_on(interloop(&reactor, socket)).unwrap();
}

fn smol_native(socket: UdpSocket) {
    on_smol(|_| async { echo!(smol::net::UdpSocket::try_from(socket).unwrap()) });
}

fn smol_interloop(socket: UdpSocket) {
    let executor = Arc::new(smol::Executor::new());
    let serving = interloop(&interloop_smol::from_executor(&executor), socket);
    smol::block_on(executor.run(serving)).unwrap();
}

fn async_std_native(socket: UdpSocket) {
    let echoing = async_std::task::spawn(async { echo!(async_std::net::UdpSocket::from(socket)) });
    async_std::task::block_on(echoing)
}

fn async_std_interloop(socket: UdpSocket) {
    let serving = interloop(&interloop_async_std::global(), socket);
    async_std::task::block_on(serving).unwrap();
}

fn futures_native(socket: UdpSocket) {
    use futures_util::task::LocalSpawnExt;
    let mut pool = futures_executor::LocalPool::new();
    let echoing = async { echo!(async_io::Async::new(socket).unwrap()) };
    pool.spawner().spawn_local(echoing).unwrap();
    pool.run();
}

fn futures_interloop(socket: UdpSocket) {
    let mut pool = futures_executor::LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    pool.run_until(interloop(&reactor, socket)).unwrap();
}
