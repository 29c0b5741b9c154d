//! Pipes, and readiness of any kind, when their loop shuts down: nobody waits for ever, and nothing stays open.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::net::UnixStream as StdStream,
    sync::{Arc, Barrier},
};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Interest,
    net::{Descriptor, PipeReader, PipeWriter, pipe},
};

use super::stranded::assert_shut_down;
use crate::{
    AnyShutsDown, ShutsDown, Subject,
    tools::{TempPath, on_thread, parked, wait},
};

const BOTH: &[Interest] = &[Interest::Readable, Interest::Writable];

pub fn tasks_that_wait_on_pipes_fail_and_close_them(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (their_reader, writer) = rustix::pipe::pipe().unwrap();
    let (reader, their_writer) = rustix::pipe::pipe().unwrap();
    let mut reader = PipeReader::from_fd(&reactor, reader).unwrap();
    let mut writer = PipeWriter::from_fd(&reactor, writer).unwrap();
    let (read_waits, read) = parked(async move { reader.read(&mut [0]).await.map(drop) });
    let (write_waits, write) = parked(async move { writer.write_all(&vec![0; 1 << 20]).await });
    let (reading, writing) = (reactor.spawn(read), reactor.spawn(write));
    for waits in [read_waits, write_waits] {
        subject.block_on(waits).unwrap();
    }
    subject.shut_down();
    assert_shut_down(wait(reading));
    assert_shut_down(wait(writing));
    let error = File::from(their_writer).write(b"!").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    // It would block if the other end were open still.
    File::from(their_reader).read_to_end(&mut Vec::new()).unwrap();
}

pub fn readiness_that_plain_threads_wait_for_ends(mut subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (end, mut peer) = StdStream::pair().unwrap();
    peer.set_nonblocking(true).unwrap();
    let descriptor = Arc::new(Descriptor::new(&reactor, end).unwrap());
    let mut filled = 0;
    while let Ok(written) = descriptor.get_ref().write(&[0; 512]) {
        filled += written;
    }
    let (one, other, third) = (descriptor.clone(), descriptor.clone(), descriptor.clone());
    let (read_waits, readable) = parked(async move { one.readable().await });
    let (write_waits, writable) = parked(async move { other.writable().await });
    let (both_wait, both) = parked(async move { third.ready(BOTH).await.map(drop) });
    let waiting = [
        on_thread(move || wait(readable)),
        on_thread(move || wait(writable)),
        on_thread(move || wait(both)),
    ];
    for waits in [read_waits, write_waits, both_wait] {
        subject.block_on(waits).unwrap();
    }
    subject.shut_down();
    // Each fails, or goes on.
    peer.write_all(b"!").unwrap();
    while filled > 0 {
        filled -= peer.read(&mut [0; 512]).unwrap();
    }
    for waiting in waiting {
        let _ = wait(waiting).unwrap();
    }
    // And so do those that begin to wait now.
    let _ = wait(descriptor.readable());
    let _ = wait(descriptor.writable());
    let _ = wait(descriptor.ready(BOTH));
}

pub fn threads_that_begin_to_wait_meanwhile_end(subject: AnyShutsDown) {
    const THREADS: usize = 20;
    let reactor = subject.reactor();
    let begin = Arc::new(Barrier::new(THREADS + 1));
    let (waiting, writers): (Vec<_>, Vec<_>) = (0..THREADS)
        .map(|_| {
            let (reader, writer) = rustix::pipe::pipe().unwrap();
            let reader = PipeReader::from_fd(&reactor, reader).unwrap();
            let begin = begin.clone();
            let waiting = on_thread(move || {
                begin.wait();
                let _ = wait(reader.readable());
                wait(reader.readable())
            });
            (waiting, File::from(writer))
        })
        .unzip();
    begin.wait();
    subject.shut_down();
    for mut writer in writers {
        // Its reader has failed, and is gone; or goes on.
        let _ = writer.write_all(b"!");
    }
    for waiting in waiting {
        let _ = wait(waiting).unwrap();
    }
}

pub fn pipes_made_afterwards_are_refused_and_closed(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    subject.shut_down();
    assert_shut_down(pipe(&reactor));
    let path = TempPath::new();
    rustix::fs::mkfifoat(rustix::fs::CWD, path.as_ref(), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    assert_shut_down(PipeReader::open(&reactor, &path));
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    assert_shut_down(PipeWriter::from_fd(&reactor, writer));
    assert_eq!(File::from(reader).read(&mut [0]).unwrap(), 0);
}

pub fn pipes_from_before_work_or_fail_and_are_given_back(subject: AnyShutsDown) {
    let reactor = subject.reactor();
    let (reader, writer) = pipe(&reactor).unwrap();
    subject.shut_down();
    // What does not wait needs no loop.
    assert_eq!(writer.try_write(b"ab").unwrap(), 2);
    assert_eq!(reader.try_read(&mut [0]).unwrap(), 1);
    let _ = wait(reader.readable());
    let _ = wait(writer.writable());
    let mut writer = File::from(writer.into_blocking_fd().unwrap());
    writer.write_all(b"c").unwrap();
    drop(writer);
    let reader = File::from(reader.into_blocking_fd().unwrap());
    assert_eq!(io::read_to_string(reader).unwrap(), "bc");
}
