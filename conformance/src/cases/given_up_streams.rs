//! Reading, writing and waiting on streams, given up after every number of polls: no byte is lost, and none comes twice.

use std::{
    fs::File,
    io::{IoSlice, IoSliceMut, Read, Write},
    task::Poll,
};

use futures_util::{
    future::poll_fn,
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::{
    Reactor,
    net::{Descriptor, UnixStream},
};

use crate::{
    AnySubject, Subject,
    tools::{StreamSocket, byte_at, connection, give_up, turn, yield_now},
};

fn bytes(place: usize, len: usize) -> Vec<u8> {
    (place..place + len).map(byte_at).collect()
}

#[track_caller]
fn assert_bytes(place: usize, bytes: &[u8]) {
    for (offset, byte) in bytes.iter().enumerate() {
        assert_eq!(*byte, byte_at(place + offset), "at {}", place + offset);
    }
}

/// Lets the loop turn now and then, and other tasks run otherwise, so that it is given up with and without readiness.
async fn sometimes_turn(reactor: &Reactor, count: &mut usize) {
    *count += 1;
    match *count % 3 {
        0 => turn(reactor).await,
        _ => yield_now().await,
    }
}

pub fn reads_lose_and_repeat_no_bytes(mut subject: AnySubject) {
    const LEN: usize = 4000;

    async fn check<S: StreamSocket>(reactor: &Reactor, (mut stream, mut peer): (S, S)) {
        let (mut sent, mut received, mut round) = (0, 0, 0);
        let mut outcomes = [0, 0];
        while received < LEN {
            round += 1;
            let (mut buf, mut more) = ([0; 5], [0; 3]);
            // Kept outside, as everybody does who reads a record and may be interrupted.
            let mut filled = 0;
            let (mut reads, _) = stream.split_ref();
            let reading = async {
                match round % 4 {
                    0 => {
                        filled = reads.read(&mut buf).await?;
                    }
                    1 => {
                        let mut bufs = [IoSliceMut::new(&mut buf), IoSliceMut::new(&mut more)];
                        filled = reads.read_vectored(&mut bufs).await?;
                    }
                    2 => {
                        let seen = reads.peek(&mut buf).await?;
                        assert_bytes(received, &buf[..seen]);
                    }
                    _ => {
                        while filled < buf.len() {
                            filled += reads.read(&mut buf[filled..]).await?;
                        }
                    }
                }
                Ok::<_, std::io::Error>(())
            };
            let mut count = round;
            let write = async || {
                peer.write_all(&bytes(sent, 4)).await.unwrap();
                sent += 4;
                sometimes_turn(reactor, &mut count).await;
            };
            let read = give_up(round % 5, reading, write).await;
            outcomes[usize::from(read.is_some())] += 1;
            let first = filled.min(buf.len());
            assert_bytes(received, &buf[..first]);
            assert_bytes(received + first, &more[..filled - first]);
            received += filled;
        }
        peer.close().await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_bytes(received, &rest);
        assert_eq!(received + rest.len(), sent);
        assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        check(&reactor, connection(&reactor).await).await;
        check(&reactor, UnixStream::pair(&reactor).unwrap()).await;
    });
}

pub fn writes_lose_and_repeat_no_bytes(mut subject: AnySubject) {
    async fn check<S: StreamSocket>(reactor: &Reactor, (mut stream, mut peer): (S, S)) {
        let (mut written, mut received) = (0, 0);
        let mut outcomes = [0, 0];
        let mut waits = 0;
        for round in 0_usize.. {
            let chunk = bytes(written, 30_011);
            let (one, other) = chunk.split_at(10_007);
            let mut moved = 0;
            let writing = async {
                match round % 3 {
                    0 => moved = stream.write(&chunk).await?,
                    1 => moved = stream.write_vectored(&[IoSlice::new(one), IoSlice::new(other)]).await?,
                    _ => {
                        while moved < chunk.len() {
                            moved += stream.write(&chunk[moved..]).await?;
                        }
                        stream.flush().await?;
                    }
                }
                Ok::<_, std::io::Error>(())
            };
            let mut count = round;
            // Reads only when the other end waits, and too little for that to be over every time.
            let read = async || {
                waits += 1;
                let mut buf = vec![0; 9_001 * (count % 3)];
                // The end that waits need not know yet that there is room.
                if let Poll::Ready(read) = poll!(peer.read(&mut buf)) {
                    let read = read.unwrap();
                    assert_bytes(received, &buf[..read]);
                    received += read;
                }
                sometimes_turn(reactor, &mut count).await;
            };
            let done = give_up(round % 5, writing, read).await;
            done.as_ref().map(|result| result.as_ref().unwrap());
            outcomes[usize::from(done.is_some())] += 1;
            written += moved;
            if waits >= 300 {
                break;
            }
        }
        stream.close().await.unwrap();
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).await.unwrap();
        assert_bytes(received, &rest);
        assert_eq!(received + rest.len(), written);
        assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        check(&reactor, connection(&reactor).await).await;
        check(&reactor, UnixStream::pair(&reactor).unwrap()).await;
    });
}

pub fn a_write_of_all_has_written_its_beginning(mut subject: AnySubject) {
    const MEGABYTES: usize = 16 << 20;

    async fn check<S: StreamSocket>(reactor: &Reactor, polls: usize, (mut stream, mut peer): (S, S)) {
        let all = bytes(0, MEGABYTES);
        let mut buf = vec![0; 64 << 10];
        let mut received = 0;
        let read = async || {
            // The end that waits need not know yet that there is room.
            if let Poll::Ready(read) = poll!(peer.read(&mut buf)) {
                received += read.unwrap();
            }
            turn(reactor).await;
        };
        let written = give_up(polls, stream.write_all(&all), read).await;
        assert!(written.is_none(), "nobody has read so much");
        stream.close().await.unwrap();
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).await.unwrap();
        assert_bytes(received, &rest);
        let total = received + rest.len();
        let is_beginning = total < MEGABYTES && (polls > 0 || total == 0);
        assert!(is_beginning, "{total} bytes in {polls} polls");
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        for polls in 0..5 {
            check(&reactor, polls, connection(&reactor).await).await;
            check(&reactor, polls, UnixStream::pair(&reactor).unwrap()).await;
        }
    });
}

pub fn a_close_has_ended_the_direction_or_not_begun(mut subject: AnySubject) {
    async fn check<S: StreamSocket>((mut stream, mut peer): (S, S)) {
        assert!(give_up(0, stream.close(), async || ()).await.is_none());
        assert!(give_up(0, stream.flush(), async || ()).await.is_none());
        assert!(poll!(Box::pin(peer.read(&mut [0]))).is_pending());
        stream.write_all(b"!").await.unwrap();
        peer.read_exact(&mut [0]).await.unwrap();
        // Neither has anything to wait for.
        give_up(1, stream.flush(), async || ()).await.unwrap().unwrap();
        give_up(1, stream.close(), async || ()).await.unwrap().unwrap();
        assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
        peer.write_all(b"!").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
    }
    let reactor = subject.reactor();
    subject.block_on(async {
        check(connection(&reactor).await).await;
        check(UnixStream::pair(&reactor).unwrap()).await;
    });
}

pub fn waits_for_readiness_take_nothing(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        let (tcp, mut tcp_peer) = connection(&reactor).await;
        let (unix, mut unix_peer) = UnixStream::pair(&reactor).unwrap();
        for (round, polls) in (0..100).zip((0..5).cycle()) {
            let byte = byte_at(round);
            let mut is_written = false;
            let write = async || {
                if !is_written {
                    tcp_peer.write_all(&[byte]).await.unwrap();
                    unix_peer.write_all(&[byte]).await.unwrap();
                    is_written = true;
                }
                turn(&reactor).await;
            };
            let waiting = poll_fn(|cx| {
                let (tcp, unix) = (tcp.poll_readable(cx), unix.poll_readable(cx));
                if tcp.is_ready() { tcp } else { unix }
            });
            let _ = give_up(polls, waiting, write).await;
            if is_written {
                for mut stream in [
                    Box::new(&tcp) as Box<dyn futures_util::AsyncRead + Unpin>,
                    Box::new(&unix),
                ] {
                    let mut received = [0];
                    stream.read_exact(&mut received).await.unwrap();
                    assert_eq!(received, [byte]);
                }
            }
            assert!(poll!(Box::pin(tcp.readable())).is_pending());
            assert!(poll!(Box::pin(unix.readable())).is_pending());
        }
    });
}

pub fn operations_on_a_descriptor_lose_and_repeat_no_bytes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let reader = Descriptor::new(&reactor, File::from(reader)).unwrap();
    let writer = Descriptor::new(&reactor, File::from(writer)).unwrap();
    subject.block_on(async {
        let (mut written, mut received) = (0, 0);
        let mut outcomes = [0, 0];
        // Both ends wait by turns: the writer until the pipe is full, the reader until it is empty.
        for round in 0_usize..200 {
            let chunk = bytes(written, 6_007);
            let mut count = round;
            let other = async || sometimes_turn(&reactor, &mut count).await;
            let writing = async {
                match round % 2 {
                    0 => writer.write_with(|mut pipe| pipe.write(&chunk)).await,
                    _ => {
                        writer.writable().await?;
                        (&writer).write(&chunk).await
                    }
                }
            };
            let moved = give_up(round % 4, writing, other).await;
            outcomes[usize::from(moved.is_some())] += 1;
            written += moved.map_or(0, Result::unwrap);

            let mut buf = [0; 5_003];
            let mut count = round;
            let other = async || sometimes_turn(&reactor, &mut count).await;
            let reading = async {
                match round % 3 {
                    0 => reader.read_with(|mut pipe| pipe.read(&mut buf)).await,
                    1 => (&reader).read(&mut buf).await,
                    _ => {
                        reader.readable().await?;
                        Ok(0)
                    }
                }
            };
            let moved = give_up(round % 5, reading, other).await;
            outcomes[usize::from(moved.is_some())] += 1;
            let moved = moved.map_or(0, Result::unwrap);
            assert_bytes(received, &buf[..moved]);
            received += moved;
        }
        drop(writer);
        let mut rest = Vec::new();
        (&reader).read_to_end(&mut rest).await.unwrap();
        assert_bytes(received, &rest);
        assert_eq!(received + rest.len(), written);
        assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
    });
}
