//! TLS over sockets and in memory, on two loops; and with the `openssl` command at the other end.

mod certificates;
mod cuts;
mod endpoints;
mod ends;
mod openssl;
mod refusals;
mod start_tls;

use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
};

fn on_each_loop(test: impl AsyncFn(Reactor)) {
    smol::block_on(test(interloop_smol::global()));
    interloop_tokio::block_on(async |reactor| test(reactor).await).unwrap();
}

/// Both ends of a connection of sockets.
async fn connected(reactor: &Reactor) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(reactor, ([127, 0, 0, 1], 0).into()).unwrap();
    let client = TcpStream::connect(reactor, listener.local_addr().unwrap());
    let (client, server) = futures_util::future::join(client, listener.accept()).await;
    (client.unwrap(), server.unwrap().0)
}
