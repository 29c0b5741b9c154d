//! How a blocking writer ends: errors, panics, closing and dropping.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    sync::mpsc,
    thread,
};

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{Aborted, Clock, io::Unblock};

/// Takes some bytes, then fails once; notes flushes and its end.
struct Disk {
    room: usize,
    log: mpsc::Sender<&'static str>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = bytes.len().min(self.room);
        self.room -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.log.send("flushed");
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.log.send("dropped");
    }
}

fn disk(clock: &Clock, room: usize) -> (Unblock<Disk>, mpsc::Receiver<&'static str>) {
    let (log, logged) = mpsc::channel();
    (Unblock::with_capacity(&clock.reactor(), 4, Disk { room, log }), logged)
}

#[test]
fn an_error_in_the_background_is_reported_once_by_the_next_operation() {
    let clock = Clock::new();
    let (mut disk, _logged) = disk(&clock, 2);
    clock
        .run_until(async {
            assert_eq!(disk.write(b"0123").await.unwrap(), 4);
            assert_eq!(disk.flush().await.unwrap_err().kind(), io::ErrorKind::StorageFull);
            disk.flush().await.unwrap();
            disk.write_all(b"4").await.unwrap();
            assert_eq!(disk.close().await.unwrap_err().kind(), io::ErrorKind::StorageFull);
            disk.write_all(b"5").await.unwrap();
            assert!(disk.into_inner().await.is_err());
        })
        .unwrap();
}

#[test]
fn a_write_larger_than_the_capacity_is_accepted_in_part() {
    let clock = Clock::new();
    let (mut disk, _logged) = disk(&clock, 100);
    clock
        .run_until(async {
            assert_eq!(disk.write(b"012345").await.unwrap(), 4);
            // The job has not begun, so there is no room.
            assert!(futures_util::poll!(disk.write(b"45")).is_pending());
            assert_eq!(disk.write(b"45").await.unwrap(), 2);
            assert_eq!(disk.into_inner().await.unwrap().room, 94);
        })
        .unwrap();
}

#[test]
fn closing_writes_flushes_and_drops() {
    let clock = Clock::new();
    let (mut disk, logged) = disk(&clock, 100);
    clock
        .run_until(async {
            disk.write_all(b"0123456789").await.unwrap();
            disk.close().await.unwrap();
            assert_eq!(logged.try_iter().collect::<Vec<_>>(), ["flushed", "dropped"]);
            disk.close().await.unwrap();
            disk.flush().await.unwrap();
            assert_eq!(disk.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(disk.into_inner().await.err().unwrap().kind(), io::ErrorKind::BrokenPipe);
        })
        .unwrap();
}

#[test]
fn a_peer_sees_the_end_when_the_writer_was_closed() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let reading = thread::spawn(move || {
        let mut text = String::new();
        far.read_to_string(&mut text).map(|_| text)
    });
    let mut near = Unblock::new(&interloop_smol::global(), near);
    smol::block_on(async {
        near.write_all(b"hello").await.unwrap();
        near.close().await.unwrap();
    });
    assert_eq!(reading.join().unwrap().unwrap(), "hello");
    drop(near);
}

#[test]
fn what_was_accepted_is_written_after_a_drop() {
    const SIZE: usize = 1 << 20;

    let (near, mut far) = UnixStream::pair().unwrap();
    let mut near = Unblock::with_capacity(&interloop_smol::global(), SIZE, near);
    // More than the socket holds, and nobody reads yet.
    smol::block_on(near.write_all(&vec![7; SIZE])).unwrap();
    drop(near);
    let mut read = Vec::new();
    far.read_to_end(&mut read).unwrap();
    assert_eq!(read.len(), SIZE);
}

#[test]
fn a_panic_is_an_error_and_the_end() {
    struct Panics;

    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("on fire")
        }
    }

    impl Write for Panics {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("on fire")
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let clock = Clock::new();
    clock
        .run_until(async {
            let mut reader = Unblock::new(&clock.reactor(), Panics);
            let error = reader.read(&mut [0]).await.unwrap_err();
            assert_eq!(Aborted::in_io_error(&error).unwrap().panic_message(), Some("on fire"));
            assert_eq!(
                reader.read(&mut [0]).await.unwrap_err().kind(),
                io::ErrorKind::BrokenPipe
            );
            let mut writer = Unblock::new(&clock.reactor(), Panics);
            writer.write_all(b"x").await.unwrap();
            let error = writer.flush().await.unwrap_err();
            assert!(Aborted::in_io_error(&error).unwrap().is_panicked());
            assert_eq!(writer.flush().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        })
        .unwrap();
}

#[test]
fn a_loop_that_has_shut_down_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reactor = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let mut reader = Unblock::new(&reactor, io::empty());
    drop(runtime);
    let error = smol::block_on(reader.read(&mut [0])).unwrap_err();
    assert!(Aborted::in_io_error(&error).unwrap().is_shut_down());
}
