//! What the examples of protocols have in common: a server on a port of this machine, or with `--connect` a client of one.

#[path = "../on_loop/mod.rs"]
mod on_loop;

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
    protocol::{self, Factory},
};
use on_loop::{Number, Usage};

pub(crate) use on_loop::Error;

/// Serves until the program is ended, having said on which port; or runs a client.
pub(crate) fn run<F: Factory>(
    name: &'static str,
    server: impl FnOnce(&Reactor) -> F,
    client: impl AsyncFnOnce(Reactor, TcpStream) -> Result<(), Error>,
) -> ExitCode {
    let port = |flag, what_for| Number {
        flag,
        what_for,
        range: 0..=65_535,
        default: 0,
    };
    let usage = Usage {
        name,
        numbers: [
            port("--port", "where to listen, 0 for any port that is free"),
            port("--connect", "the port of the server to talk to, 0 to be one"),
        ],
    };
    usage.run(async |reactor, [port, to]| {
        if to > 0 {
            let stream = TcpStream::connect(&reactor, local(to)).await?;
            return client(reactor, stream).await;
        }
        let listener = TcpListener::bind(&reactor, local(port))?;
        println!("listening on {}", listener.local_addr()?);
        io::stdout().flush()?;
        let factory = server(&reactor);
        Ok(protocol::serve(&reactor, listener.into_incoming(), factory)
            .stopped()
            .await?)
    })
}

fn local(port: u32) -> SocketAddr {
    let port = u16::try_from(port).expect("the flag's range has been checked");
    (Ipv4Addr::LOCALHOST, port).into()
}
