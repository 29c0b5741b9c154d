//! What a blocking reader or writer gives in async code, on real loops.

use std::{
    fs,
    io::{Cursor, Read, SeekFrom, Write},
    os::unix::net::UnixStream,
};

use futures_util::{
    future::join,
    io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader},
};
use interloop::{Clock, Reactor, io::Unblock};
use proptest::{collection::vec, prelude::*};

fn on_each_loop(test: impl AsyncFn(Reactor)) {
    smol::block_on(test(interloop_smol::global()));
    interloop_tokio::block_on(async |reactor| test(reactor).await).unwrap();
}

#[test]
fn a_file_is_written_sought_and_read() {
    on_each_loop(async |reactor| {
        let path = std::env::temp_dir().join(format!("interloop-unblock-{}", std::process::id()));
        let file = fs::File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let mut file = Unblock::with_capacity(&reactor, 100, file);
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        file.write_all(&bytes).await.unwrap();
        assert_eq!(file.seek(SeekFrom::End(-5000)).await.unwrap(), 5000);
        let mut read = Vec::new();
        file.read_to_end(&mut read).await.unwrap();
        assert!(read == bytes[5000..]);
        file.write_all(b"more").await.unwrap();
        file.close().await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 10_004);
        fs::remove_file(path).unwrap();
    });
}

#[test]
fn lines_come_from_a_blocking_socket_as_they_are_sent() {
    on_each_loop(async |reactor| {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut lines = BufReader::new(Unblock::new(&reactor, near));
        for n in 0..10 {
            // Each line is there before the next one is sent: nothing waits for a buffer to be full.
            writeln!(far, "line {n}").unwrap();
            let mut line = String::new();
            lines.read_line(&mut line).await.unwrap();
            assert_eq!(line, format!("line {n}\n"));
        }
        drop(far);
        assert_eq!(lines.read_line(&mut String::new()).await.unwrap(), 0);
    });
}

#[test]
fn a_writer_is_held_back_by_its_peer_and_loses_nothing() {
    on_each_loop(async |reactor| {
        let (near, far) = UnixStream::pair().unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        let mut near = Unblock::with_capacity(&reactor, 1000, near);
        let mut far = Unblock::new(&reactor, far);
        let mut read = Vec::new();
        let (wrote, got) = join(
            async {
                near.write_all(&bytes).await?;
                near.close().await
            },
            far.read_to_end(&mut read),
        )
        .await;
        wrote.unwrap();
        assert_eq!(got.unwrap(), bytes.len());
        assert!(read == bytes);
    });
}

#[test]
fn halves_that_wait_for_the_same_job_are_both_woken() {
    on_each_loop(async |reactor| {
        let (near, mut far) = UnixStream::pair().unwrap();
        let (mut reading, mut writing) = Unblock::new(&reactor, near).split();
        let reading = reactor.spawn(async move {
            let mut byte = [0];
            reading.read_exact(&mut byte).await?;
            reading.read_exact(&mut byte).await?;
            Ok::<_, std::io::Error>(byte[0])
        });
        let writing = reactor.spawn(async move {
            writing.write_all(b"x").await?;
            writing.flush().await
        });
        far.write_all(&[1, 2]).unwrap();
        assert_eq!(reading.await.unwrap(), 2);
        writing.await.unwrap();
        assert_eq!(far.read(&mut [0; 2]).unwrap(), 1);
    });
}

#[test]
fn what_an_abandoned_read_got_is_there_for_the_next_one() {
    let clock = Clock::new();
    let mut reader = Unblock::new(&clock.reactor(), Cursor::new(b"hello world".to_vec()));
    clock
        .run_until(async {
            let mut bytes = [0; 8];
            assert!(futures_util::poll!(reader.read(&mut bytes)).is_pending());
            let mut few = [0; 3];
            assert_eq!(reader.read(&mut few).await.unwrap(), 3);
            assert_eq!(&few, b"hel");
            // It counts from what was given out, not from what was read.
            assert_eq!(reader.seek(SeekFrom::Current(1)).await.unwrap(), 4);
            let mut rest = String::new();
            reader.read_to_string(&mut rest).await.unwrap();
            assert_eq!(rest, "o world");
        })
        .unwrap();
}

#[test]
fn a_seek_that_was_given_up_answers_no_later_one() {
    let clock = Clock::new();
    let mut cursor = Unblock::new(&clock.reactor(), Cursor::new(b"hello world".to_vec()));
    clock
        .run_until(async {
            let mut bytes = [0; 2];
            assert!(futures_util::poll!(cursor.seek(SeekFrom::Start(6))).is_pending());
            cursor.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"wo");
            assert_eq!(cursor.seek(SeekFrom::Start(6)).await.unwrap(), 6);
            cursor.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"wo");
            assert!(futures_util::poll!(cursor.seek(SeekFrom::Start(0))).is_pending());
            assert_eq!(cursor.seek(SeekFrom::Start(1)).await.unwrap(), 1);
            assert!(cursor.seek(SeekFrom::Current(-2)).await.is_err());
            cursor.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"el");
        })
        .unwrap();
}

/// What is done to a file.
#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    Write(Vec<u8>),
    Flush,
    Seek(SeekFrom),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_usize..40).prop_map(Step::Read),
        // Writing nothing behind the end of a cursor, and of nothing else, makes it longer.
        vec(any::<u8>(), 1..40).prop_map(Step::Write),
        Just(Step::Flush),
        (0_u64..100).prop_map(|at| Step::Seek(SeekFrom::Start(at))),
        (-50_i64..50).prop_map(|by| Step::Seek(SeekFrom::Current(by))),
        (-50_i64..10).prop_map(|by| Step::Seek(SeekFrom::End(by))),
    ]
}

proptest! {
    #[test]
    fn random_steps_do_to_a_file_what_they_do_to_a_plain_one(steps in vec(step(), 0..30), capacity in 0_usize..50) {
        let clock = Clock::new();
        let start: Vec<u8> = (0..60).collect();
        let mut plain = Cursor::new(start.clone());
        let mut file = Unblock::with_capacity(&clock.reactor(), capacity, Cursor::new(start));
        let end = clock.run_until(async {
            for step in steps {
                match step {
                    Step::Read(wanted) => {
                        let mut expected = Vec::new();
                        (&mut plain).take(wanted as u64).read_to_end(&mut expected).unwrap();
                        let mut read = Vec::new();
                        (&mut file).take(wanted as u64).read_to_end(&mut read).await.unwrap();
                        assert_eq!(read, expected);
                    }
                    Step::Write(bytes) => {
                        plain.write_all(&bytes).unwrap();
                        file.write_all(&bytes).await.unwrap();
                    }
                    Step::Flush => file.flush().await.unwrap(),
                    Step::Seek(to) => {
                        let expected = std::io::Seek::seek(&mut plain, to);
                        assert_eq!(file.seek(to).await.ok(), expected.ok());
                    }
                }
            }
            file.into_inner().await.unwrap().into_inner()
        });
        prop_assert_eq!(end.unwrap(), plain.into_inner());
    }
}
