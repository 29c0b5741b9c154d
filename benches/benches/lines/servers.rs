//! Servers that send each line back.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    sync::Arc,
};

use futures_util::{SinkExt, StreamExt};
use interloop::{
    Deferred, Reactor,
    protocol::{
        self,
        framing::{Framed, Frames, Lines, Receiver},
    },
};
use rustix::{
    buffer::spare_capacity,
    event::{PollFd, PollFlags, epoll, poll},
    io::Errno,
};
use tokio_util::codec::{Framed as TokioFramed, LinesCodec};

/// Each is given a listener in non-blocking mode, and does not return.
pub(crate) type Contender = (&'static str, fn(TcpListener));

pub(crate) const CONTENDERS: &[Contender] = &[
    ("interloop", interloop_on_tokio),
    ("interloop on smol", interloop_on_smol),
    ("tokio codec", tokio_codec),
    ("epoll", bare_epoll),
];

/// Those of `python/lines.py`.
pub(crate) const PYTHON: [&str; 3] = ["python twisted", "python asyncio", "python uvloop"];

struct Echo;

impl Receiver for Echo {
    type Codec = Lines;

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        let _ = lines.send(line);
    }
}

fn interloop(reactor: &Reactor, listener: TcpListener) -> Deferred<(), io::Error> {
    let listener = interloop::net::TcpListener::from_std(reactor, listener).unwrap();
    let incoming = listener.into_incoming().map(|accepted| {
        let (stream, from) = accepted?;
        stream.set_nodelay(true)?;
        io::Result::Ok((stream, from))
    });
    protocol::serve(reactor, incoming, || Framed::new(Lines::lf(), Echo)).stopped()
}

fn interloop_on_tokio(listener: TcpListener) {
    let runtime = tokio_runtime();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    runtime.block_on(interloop(&reactor, listener)).unwrap();
}

fn interloop_on_smol(listener: TcpListener) {
    let executor = Arc::new(smol::Executor::new());
    let serving = interloop(&interloop_smol::from_executor(&executor), listener);
    smol::block_on(executor.run(serving)).unwrap();
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The accepting loop is in a task, as it is in interloop.
fn tokio_codec(listener: TcpListener) {
    let accepting = async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut lines = TokioFramed::new(stream, LinesCodec::new_with_max_length(16_384));
                while let Some(Ok(line)) = lines.next().await {
                    if lines.send(line).await.is_err() {
                        return;
                    }
                }
            });
        }
    };
    tokio_runtime().block_on(async { tokio::spawn(accepting).await.unwrap() });
}

const LISTENER: u64 = u64::MAX;

/// The least that a server on epoll does: no tasks, no wakers. It does look for lines, and keeps what has come of one.
fn bare_epoll(listener: TcpListener) {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let watch = |fd: &dyn AsFd, number| {
        let data = epoll::EventData::new_u64(number);
        epoll::add(&epoll, fd.as_fd(), data, epoll::EventFlags::IN).unwrap();
    };
    watch(&listener, LISTENER);
    let mut connections: Vec<Option<(TcpStream, Vec<u8>)>> = Vec::new();
    let mut events = Vec::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
    let mut out = Vec::new();
    loop {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Err(Errno::INTR) => continue,
            waited => waited.unwrap(),
        };
        for event in &events {
            let number = event.data.u64();
            if number == LISTENER {
                let (stream, _) = listener.accept().unwrap();
                stream.set_nonblocking(true).unwrap();
                stream.set_nodelay(true).unwrap();
                watch(&stream, connections.len() as u64);
                connections.push(Some((stream, Vec::new())));
                continue;
            }
            let place = &mut connections[number as usize];
            let goes_on = place
                .as_mut()
                .is_some_and(|(stream, partial)| answer(stream, partial, &mut buffer, &mut out));
            if !goes_on {
                *place = None;
            }
        }
    }
}

/// Whether the connection goes on.
fn answer(stream: &mut TcpStream, partial: &mut Vec<u8>, buffer: &mut [u8], out: &mut Vec<u8>) -> bool {
    let Ok(count @ 1..) = stream.read(buffer) else {
        return false;
    };
    out.clear();
    let mut input = &buffer[..count];
    while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
        out.append(partial);
        out.extend_from_slice(&input[..=end]);
        input = &input[end + 1..];
    }
    partial.extend_from_slice(input);
    let mut left = &out[..];
    while !left.is_empty() {
        match stream.write(left) {
            Ok(count) => left = &left[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(stream, PollFlags::OUT)], None).unwrap();
            }
            Err(_) => return false,
        }
    }
    true
}
