//! The same servers with sockets of crates that put one interface over several runtimes. Tasks are the runtime's own: it is the sockets that
//! are compared.

use agnostic_net::{Net, TcpListener as _, TcpStream as _};
use async_compat::CompatExt;
use async_rs::{Runtime, SmolRuntime, traits::Reactor};

use super::tcp::{Job, echo, on_smol, on_tokio};

/// tokio's sockets, on an executor that is not tokio's. The crate runs a tokio on a thread of its own for that.
pub(crate) fn async_compat(job: Job) {
    on_smol(|executor| {
        async move {
            let listener = tokio::net::TcpListener::from_std(job.listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                executor.spawn(echo(stream.compat(), job.buffer)).detach();
            }
        }
        .compat()
    });
}

async fn agnostic<N: Net>(job: Job, spawn: impl Fn(N::TcpStream, usize)) {
    let listener = N::TcpListener::try_from(job.listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        spawn(stream, job.buffer);
    }
}

pub(crate) fn agnostic_tokio(job: Job) {
    on_tokio(agnostic::<agnostic_net::tokio::Net>(job, |stream, size| {
        drop(tokio::spawn(echo(stream, size)))
    }));
}

pub(crate) fn agnostic_smol(job: Job) {
    on_smol(|executor| {
        agnostic::<agnostic_net::smol::Net>(job, move |stream, size| executor.spawn(echo(stream, size)).detach())
    });
}

/// The crate has no listener: it takes over connections that the runtime's own has accepted.
pub(crate) fn async_rs_tokio(job: Job) {
    on_tokio(async move {
        let runtime = Runtime::tokio_current();
        let listener = tokio::net::TcpListener::from_std(job.listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let stream = runtime.register(stream.into_std().unwrap()).unwrap();
            tokio::spawn(echo(stream, job.buffer));
        }
    });
}

/// As on tokio.
pub(crate) fn async_rs_smol(job: Job) {
    on_smol(|executor| async move {
        let runtime = SmolRuntime::smol();
        let listener = async_io::Async::new(job.listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = stream.into_inner().unwrap();
            stream.set_nodelay(true).unwrap();
            let stream = runtime.register(stream).unwrap();
            executor.spawn(echo(stream, job.buffer)).detach();
        }
    });
}
