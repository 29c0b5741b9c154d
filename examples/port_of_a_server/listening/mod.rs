//! The same in all steps: where the server listens, and on which loop.

#[path = "../../on_loop/mod.rs"]
mod on_loop;

use std::{
    io::{self, Write},
    net::Ipv4Addr,
    process::ExitCode,
};

use interloop::{Reactor, net::TcpListener};
use on_loop::{Number, Usage};

pub(crate) use on_loop::Error;

/// Runs a server until the program is ended, having said where it listens.
pub(crate) fn run(name: &'static str, server: impl AsyncFnOnce(Reactor, TcpListener) -> Result<(), Error>) -> ExitCode {
    let port = Number {
        flag: "--port",
        what_for: "where to listen, 0 for any port that is free",
        range: 0..=65_535,
        default: 0,
    };
    let usage = Usage { name, numbers: [port] };
    usage.run(async |reactor, [port]| {
        let port = u16::try_from(port).expect("the flag's range has been checked");
        let listener = TcpListener::bind(&reactor, (Ipv4Addr::LOCALHOST, port).into())?;
        println!("listening on {}", listener.local_addr()?);
        io::stdout().flush()?;
        server(reactor, listener).await
    })
}
