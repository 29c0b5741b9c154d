//! Named pipes: who waits for whom, and how they end.

use std::{
    fs::{File, OpenOptions},
    io,
};

use futures_util::{
    future::join,
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Interest, Reactor,
    net::{PipeReader, PipeWriter},
};
use rustix::fs::{CWD, Mode, mkfifoat};

use crate::{
    AnySubject, Subject,
    tools::{TempPath, parked},
};

/// A named pipe.
fn named() -> TempPath {
    let path = TempPath::new();
    mkfifoat(CWD, path.as_ref(), Mode::from_raw_mode(0o600)).unwrap();
    path
}

async fn write_and_close(reactor: &Reactor, path: &TempPath, bytes: &[u8]) {
    let mut writer = PipeWriter::open(reactor, path).unwrap();
    writer.write_all(bytes).await.unwrap();
}

pub fn a_named_pipe_waits_for_its_first_writer(mut subject: AnySubject) {
    if !cfg!(target_os = "linux") {
        println!("other systems do not tell, so there is nothing to check");
        return;
    }
    let reactor = subject.reactor();
    let path = named();
    subject.block_on(async {
        let mut reader = PipeReader::open(&reactor, &path).unwrap();
        assert!(poll!(Box::pin(reader.readable())).is_pending());
        assert_eq!(reader.try_read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let mut received = [0; 5];
        let (waits, reading) = parked(reader.read_exact(&mut received));
        let (read, ()) = join(reading, async {
            waits.await.unwrap();
            write_and_close(&reactor, &path, b"hello").await;
        })
        .await;
        read.unwrap();
        assert_eq!(&received, b"hello");
        assert_eq!(reader.read(&mut received).await.unwrap(), 0);
    });
}

pub fn a_named_pipe_that_has_ended_is_written_to_again(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = named();
    subject.block_on(async {
        let mut reader = PipeReader::open(&reactor, &path).unwrap();
        for round in 0..20_u8 {
            write_and_close(&reactor, &path, &[round; 4]).await;
            reader.readable().await.unwrap();
            let mut received = Vec::new();
            reader.read_to_end(&mut received).await.unwrap();
            assert_eq!(received, [round; 4]);
        }
    });
}

pub fn a_lasting_reader_sees_no_end(mut subject: AnySubject) {
    if !cfg!(target_os = "linux") {
        println!("other systems do not define it, so there is nothing to check");
        return;
    }
    let reactor = subject.reactor();
    let path = named();
    subject.block_on(async {
        let mut reader = PipeReader::open_lasting(&reactor, &path).unwrap();
        for round in 0..20_u8 {
            let mut received = [0; 4];
            let (waits, reading) = parked(reader.read_exact(&mut received));
            let (read, ()) = join(reading, async {
                waits.await.unwrap();
                write_and_close(&reactor, &path, &[round; 4]).await;
            })
            .await;
            read.unwrap();
            assert_eq!(received, [round; 4]);
        }
        write_and_close(&reactor, &path, b"!").await;
        let ready = reader.ready(&[Interest::Readable]).await.unwrap();
        assert!(ready.is_readable() && !ready.is_read_closed(), "{ready:?}");
    });
}

pub fn a_named_pipe_without_a_reader_is_not_written_to(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = named();
    subject.block_on(async {
        let error = PipeWriter::open(&reactor, &path).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::NXIO.raw_os_error()));
        if cfg!(target_os = "linux") {
            // What is written stays as long as the writer, who has it open for reading as well.
            let mut writer = PipeWriter::open_lasting(&reactor, &path).unwrap();
            writer.write_all(b"hello").await.unwrap();
            let mut reader = PipeReader::open(&reactor, &path).unwrap();
            let mut received = [0; 5];
            reader.read_exact(&mut received).await.unwrap();
            assert_eq!(&received, b"hello");
        }
    });
}

pub fn what_is_no_pipe_is_refused(subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    File::create(&path).unwrap();
    let file = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let refusals = [
        PipeReader::open(&reactor, &path).unwrap_err(),
        PipeReader::open_lasting(&reactor, &path).unwrap_err(),
        PipeReader::from_fd(&reactor, file()).unwrap_err(),
        PipeWriter::open(&reactor, &path).unwrap_err(),
        PipeWriter::open_lasting(&reactor, &path).unwrap_err(),
        PipeWriter::from_fd(&reactor, file()).unwrap_err(),
    ];
    for error in refusals {
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("no pipe"), "{error}");
    }
    let missing = PipeReader::open(&reactor, TempPath::new()).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}
