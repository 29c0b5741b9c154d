//! Pipes: filled and emptied, ended, and taken from and given to others.

use std::{
    fs::File,
    io::{self, IoSlice, IoSliceMut, Write},
    os::fd::{AsFd, OwnedFd},
    process::{Command, Stdio},
    sync::Arc,
};

use futures_util::{
    future::{join, try_join_all},
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Interest,
    net::{PipeReader, PipeWriter, pipe},
};
use rustix::fs::{OFlags, fcntl_getfl};

use crate::{
    AnySubject, Subject,
    tools::{on_thread, parked, spawn_parked, wait, write_to_nobody},
};

fn blocks(fd: &impl AsFd) -> bool {
    !fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK)
}

pub fn a_pipe_ends_when_its_writer_is_closed(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut reader, mut writer) = pipe(&reactor).unwrap();
    let writing = reactor.spawn(async move {
        writer.write_all(&vec![7; 1 << 18]).await?;
        writer.close().await?;
        let late = writer.write_all(b"!").await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(writer.try_write(b"!").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(writer.writable().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        writer.close().await
    });
    subject.block_on(async {
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, vec![7; 1 << 18]);
        assert_eq!(reader.read(&mut [0]).await.unwrap(), 0);
        writing.await.unwrap();
    });
}

pub fn a_writer_whose_reader_is_gone_fails(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (reader, mut writer) = pipe(&reactor).unwrap();
        let written = write_to_nobody(&mut writer, reader).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        writer.writable().await.unwrap();
        let ready = writer.ready(&[Interest::Writable]).await.unwrap();
        assert!(ready.is_write_closed(), "{ready:?}");
    });
}

pub fn a_pipe_is_filled_and_emptied_without_waiting(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (reader, writer) = pipe(&reactor).unwrap();
        let pieces: Vec<_> = b"some bytes for a pipe".chunks(3).map(IoSlice::new).collect();
        for several in [false, true] {
            let attempt = || match several {
                false => writer.try_write(b"some bytes for a pipe"),
                true => writer.try_write_vectored(&pieces),
            };
            let mut written = 0;
            let full = loop {
                writer.writable().await.unwrap();
                match attempt() {
                    Ok(moved) => written += moved,
                    Err(error) => break error,
                }
                if poll!(Box::pin(writer.writable())).is_pending() {
                    break io::ErrorKind::WouldBlock.into();
                }
            };
            assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
            let mut received = Vec::new();
            while received.len() < written {
                reader.readable().await.unwrap();
                let (mut first, mut second) = ([0; 1000], [0; 5000]);
                let moved = match several {
                    false => reader.try_read(&mut first).unwrap(),
                    true => {
                        let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
                        reader.try_read_vectored(&mut bufs).unwrap()
                    }
                };
                received.extend([first.as_slice(), &second].concat()[..moved].iter());
            }
            assert_eq!(received.len(), written);
            assert!(
                received
                    .chunks(21)
                    .all(|piece| b"some bytes for a pipe".starts_with(piece))
            );
            assert!(poll!(Box::pin(reader.readable())).is_pending());
            assert_eq!(reader.try_read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    });
}

pub fn several_buffers_go_through_a_pipe(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut reader, mut writer) = pipe(&reactor).unwrap();
        let bufs = [IoSlice::new(b""), IoSlice::new(b"on"), IoSlice::new(b"e two")];
        assert_eq!(writer.write_vectored(&bufs).await.unwrap(), 7);
        let (mut first, mut second) = ([0; 3], [0; 16]);
        let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(reader.read_vectored(&mut bufs).await.unwrap(), 7);
        assert_eq!((&first, &second[..4]), (b"one", b" two".as_slice()));
        assert_eq!(reader.read(&mut []).await.unwrap(), 0);
    });
}

pub fn two_tasks_read_from_one_pipe(mut subject: AnySubject) {
    let reactor = subject.reactor();
    for _ in 0..20 {
        let (reader, mut writer) = pipe(&reactor).unwrap();
        let reader = Arc::new(reader);
        let (waiting, reading) = spawn_parked(&reactor, 2, || {
            let reader = reader.clone();
            async move { (&*reader).read(&mut [0]).await }
        });
        subject.block_on(async {
            try_join_all(waiting).await.unwrap();
            writer.write_all(b"ab").await.unwrap();
            assert_eq!(try_join_all(reading).await.unwrap(), [1, 1]);
        });
    }
}

pub fn a_read_that_is_given_up_loses_no_bytes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (mut reader, mut writer) = pipe(&reactor).unwrap();
        for round in 0..100_u8 {
            let mut byte = [0];
            let mut reading = Box::pin(reader.read(&mut byte));
            assert!(poll!(&mut reading).is_pending());
            writer.write_all(&[round]).await.unwrap();
            drop(reading);
            reader.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [round]);
        }
    });
}

pub fn the_other_end_is_refused(subject: AnySubject) {
    let reactor = subject.reactor();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let refusals = [
        PipeReader::from_fd(&reactor, writer).unwrap_err(),
        PipeWriter::from_fd(&reactor, reader).unwrap_err(),
    ];
    for error in refusals {
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("the other end"), "{error}");
    }
}

pub fn ends_made_elsewhere_are_taken_over_and_given_back(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    assert!(blocks(&reader) && blocks(&writer));
    let mut reader = PipeReader::from_fd(&reactor, reader).unwrap();
    assert!(!blocks(&reader));
    let mut writer = PipeWriter::from_fd(&reactor, writer).unwrap();
    subject.block_on(async {
        let mut received = [0; 4];
        let (waits, reading) = parked(reader.read_exact(&mut received));
        let (read, ()) = join(reading, async {
            waits.await.unwrap();
            writer.write_all(b"ping").await.unwrap();
        })
        .await;
        read.unwrap();
    });
    let (reader, writer) = (reader.into_blocking_fd().unwrap(), writer.into_blocking_fd().unwrap());
    assert!(blocks(&reader) && blocks(&writer));
    File::from(writer).write_all(b"pong").unwrap();
    // Nothing else has kept it open.
    assert_eq!(io::read_to_string(File::from(reader)).unwrap(), "pong");
}

pub fn an_end_is_given_to_a_child(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (input, mut to_child) = pipe(&reactor).unwrap();
    let (mut from_child, output) = pipe(&reactor).unwrap();
    let mut child = Command::new("cat")
        .stdin(Stdio::try_from(input).unwrap())
        .stdout(Stdio::try_from(output).unwrap())
        .spawn()
        .unwrap();
    subject.block_on(async {
        to_child.write_all(b"hello").await.unwrap();
        to_child.close().await.unwrap();
        let mut received = Vec::new();
        from_child.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"hello");
        assert_eq!(from_child.try_read(&mut [0]).unwrap(), 0);
    });
    assert!(child.wait().unwrap().success());
}

pub fn a_plain_thread_reads(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut reader, mut writer) = pipe(&reactor).unwrap();
    let reading = on_thread(move || {
        let mut received = Vec::new();
        wait(reader.read_to_end(&mut received)).map(|_| received)
    });
    subject.block_on(async {
        writer.write_all(b"hello").await.unwrap();
        drop(writer);
        assert_eq!(reading.await.unwrap().unwrap(), b"hello");
    });
}

pub fn an_end_is_closed_once(subject: AnySubject) {
    let reactor = subject.reactor();
    let (reader, writer) = pipe(&reactor).unwrap();
    let reader: OwnedFd = reader.into_blocking_fd().unwrap();
    let mut buf = [0];
    // It would block if another descriptor of the writing end were left.
    drop(writer);
    assert_eq!(rustix::io::read(&reader, &mut buf).unwrap(), 0);
}
