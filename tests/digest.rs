//! The library of the example `one_library`, on every loop: what it answers, and how it fails.

use std::{
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::Arc,
};

use futures_executor::{ThreadPool, block_on};
use interloop::{Deferred, Reactor};
use interloop_example_digest::{Digest, MAX_FRAME, Server, client, digest};
use sha2::{Digest as _, Sha256};

/// A reactor on each loop that runs without being driven, and what keeps it.
fn every_loop() -> Vec<(Reactor, Option<tokio::runtime::Runtime>)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    vec![
        (interloop_tokio::from_handle(runtime.handle()).unwrap(), Some(runtime)),
        (interloop_smol::global(), None),
        (interloop_async_std::global(), None),
        (interloop_futures::from_thread_pool(ThreadPool::new().unwrap()), None),
    ]
}

fn serve(reactor: &Reactor) -> (SocketAddr, Deferred<(), io::Error>) {
    let server = Server::bind(reactor, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = server.local_addr().unwrap();
    (addr, reactor.spawn(server.serve()))
}

fn file(name: &str, length: usize) -> (PathBuf, Digest) {
    let bytes: Vec<u8> = (0..length).map(|n| (n * 31 % 251) as u8).collect();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, &bytes).unwrap();
    (path, Sha256::digest(&bytes).into())
}

fn quiet() -> client::Progress {
    Arc::new(|_| {})
}

#[test]
fn files_of_every_shape_get_their_digest() {
    for (reactor, _runtime) in every_loop() {
        let (addr, serving) = serve(&reactor);
        for length in [0, 1, MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1, 3 * MAX_FRAME] {
            let (path, expected) = file("shape", length);
            assert_eq!(block_on(digest(&reactor, addr, path, quiet())).unwrap(), expected);
        }
        serving.cancel();
        assert!(block_on(serving).is_err());
    }
}

#[test]
fn a_missing_file_and_a_missing_server_are_errors() {
    for (reactor, _runtime) in every_loop() {
        let nobody = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            listener.local_addr().unwrap()
        };
        let missing = block_on(digest(&reactor, nobody, "no such file".into(), quiet())).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let (path, _) = file("unsent", 10);
        let refused = block_on(digest(&reactor, nobody, path, quiet())).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}

#[test]
fn a_frame_that_is_too_long_is_refused_with_a_message() {
    for (reactor, _runtime) in every_loop() {
        let (addr, serving) = serve(&reactor);
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(&(MAX_FRAME as u32 + 1).to_be_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer[0], 1);
        let message = String::from_utf8_lossy(&answer[3..]);
        assert_eq!(
            message,
            format!("a frame of {} bytes is longer than {MAX_FRAME}", MAX_FRAME + 1)
        );
        drop(serving);
    }
}

#[test]
fn a_client_that_breaks_off_disturbs_nobody() {
    for (reactor, _runtime) in every_loop() {
        let (addr, serving) = serve(&reactor);
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(&[0, 0, 1, 0, 7]).unwrap();
        drop(stream);
        let (path, expected) = file("after", 1000);
        assert_eq!(block_on(digest(&reactor, addr, path, quiet())).unwrap(), expected);
        drop(serving);
    }
}

#[test]
fn cancelling_a_transfer_closes_its_connection() {
    for (reactor, _runtime) in every_loop() {
        // A server that reads nothing, so that the transfer cannot end by itself.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (path, _) = file("cancelled", 64 * MAX_FRAME);
        let (begun, sending) = Deferred::<()>::pair();
        let begun = std::sync::Mutex::new(Some(begun));
        let progress: client::Progress = Arc::new(move |_| {
            if let Some(begun) = begun.lock().unwrap().take() {
                begun.complete(());
            }
        });
        let transfer = digest(&reactor, listener.local_addr().unwrap(), path, progress);
        let (mut stream, _) = listener.accept().unwrap();
        block_on(sending).unwrap();
        transfer.cancel();
        let error = block_on(transfer).unwrap_err();
        assert!(interloop::Aborted::in_io_error(&error).unwrap().is_cancelled());
        // Ends when the client's socket is closed, and not before.
        let received = io::copy(&mut stream, &mut io::sink()).unwrap_or_default();
        assert!(received < 64 * MAX_FRAME as u64);
    }
}
