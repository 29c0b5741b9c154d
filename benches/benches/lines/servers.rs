//! Servers that send each line back.

use std::{
    io::{self, Read},
    net::TcpListener,
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
use interloop_benches::{epoll, runtime::current_thread};
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
    let runtime = current_thread();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    runtime.block_on(interloop(&reactor, listener)).unwrap();
}

fn interloop_on_smol(listener: TcpListener) {
    let executor = Arc::new(smol::Executor::new());
    let serving = interloop(&interloop_smol::from_executor(&executor), listener);
    smol::block_on(executor.run(serving)).unwrap();
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
    current_thread().block_on(async { tokio::spawn(accepting).await.unwrap() });
}

/// It does look for lines, and keeps what has come of one.
fn bare_epoll(listener: TcpListener) {
    let mut buffer = vec![0; 64 * 1024];
    let mut out = Vec::new();
    epoll::serve(listener, Vec::new, |stream, partial: &mut Vec<u8>| {
        let Ok(count @ 1..) = stream.read(&mut buffer) else {
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
        epoll::write_all(stream, &out)
    })
}
