//! Asynchronous streams on threads that wait.

use std::{
    io::{self, BufRead, Read, Seek, SeekFrom, Write},
    thread,
};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Aborted, Clock, Reactor,
    io::BlockOn,
    net::{TcpListener, TcpStream, memory},
};

/// A thread of its own at one end of a real connection, a task at the other.
fn echo_on(reactor: &Reactor) {
    let listener = TcpListener::bind(reactor, ([127, 0, 0, 1], 0).into()).unwrap();
    let addr = listener.local_addr().unwrap();
    let server = reactor.spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await?;
        stream.write_all(&all).await?;
        stream.close().await
    });
    let client = reactor.clone();
    let client = reactor.spawn(async move { TcpStream::connect(&client, addr).await });
    let mut stream = BlockOn::new(client.wait().unwrap());
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 18).collect();
    stream.write_all(&bytes).unwrap();
    stream.flush().unwrap();
    stream.close().unwrap();
    let mut echoed = Vec::new();
    stream.read_to_end(&mut echoed).unwrap();
    assert!(echoed == bytes);
    server.wait().unwrap();
}

#[test]
fn a_plain_thread_uses_a_socket_of_smol() {
    echo_on(&interloop_smol::global());
}

#[test]
fn a_plain_thread_uses_a_socket_of_tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    echo_on(&interloop_tokio::from_handle(runtime.handle()).unwrap());
}

#[test]
fn a_blocking_job_reads_what_a_task_writes() {
    let (mut near, far) = memory::pair(5);
    interloop_tokio::block_on_current_thread(async |reactor| {
        let lines = reactor.spawn_blocking(move || {
            io::BufReader::new(BlockOn::new(far))
                .lines()
                .collect::<Result<Vec<_>, _>>()
        });
        near.write_all(b"one\ntwo\nthree\n").await.unwrap();
        near.close().await.unwrap();
        assert_eq!(lines.await.unwrap(), ["one", "two", "three"]);
    })
    .unwrap();
}

#[test]
fn on_a_loops_own_thread_waiting_is_an_error_and_loses_nothing() {
    let clock = Clock::new();
    let (near, far) = memory::pair(4);
    let (mut near, mut far) = (BlockOn::new(near), BlockOn::new(far));
    clock
        .run_until(async {
            let mut bytes = [0; 8];
            let error = far.read(&mut bytes).unwrap_err();
            assert!(Aborted::in_io_error(&error).unwrap().is_deadlock());
            // What can be done at once is done.
            assert_eq!(near.write(b"hello").unwrap(), 4);
            let error = near.write(b"o").unwrap_err();
            assert!(Aborted::in_io_error(&error).unwrap().is_deadlock());
            assert_eq!(far.read(&mut bytes).unwrap(), 4);
        })
        .unwrap();
    let writing = thread::spawn(move || {
        near.write_all(b"o world")?;
        near.close()
    });
    let mut rest = String::new();
    far.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "o world");
    writing.join().unwrap().unwrap();
}

#[test]
fn a_buffered_reader_and_a_cursor_are_so_on_a_plain_thread() {
    let mut reader = BlockOn::new(futures_util::io::Cursor::new(b"one\ntwo\n".to_vec()));
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "one\n");
    assert_eq!(reader.seek(SeekFrom::Current(-3)).unwrap(), 1);
    assert_eq!(reader.fill_buf().unwrap(), b"ne\ntwo\n");
    assert_eq!((&mut reader).lines().count(), 2);
    assert!(reader.fill_buf().unwrap().is_empty());
    assert_eq!(reader.into_inner().position(), 8);
}
