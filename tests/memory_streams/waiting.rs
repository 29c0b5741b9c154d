//! Who is woken, how often, and that nothing runs under a lock.

use std::{
    sync::{Arc, Mutex, OnceLock},
    task::{Wake, Waker},
    thread,
};

use futures_executor::block_on;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::net::memory::{MemoryStream, pair};

use crate::{
    Numbers, read_with, ready,
    tools::{CountingWaker, at_once, poll},
    try_read, try_write, write_with,
};

#[test]
fn a_waiting_read_is_woken_by_a_write_and_a_waiting_write_by_a_read() {
    let (client, server) = pair(2);
    let (reader, writer) = (CountingWaker::new(), CountingWaker::new());
    assert!(read_with(&Waker::from(reader.clone()), &server, 8).is_pending());
    ready(try_write(&client, b"ab"));
    assert_eq!(reader.count(), 1);

    assert!(write_with(&Waker::from(writer.clone()), &client, b"c").is_pending());
    assert_eq!(writer.count(), 0);
    ready(try_read(&server, 1));
    assert_eq!(writer.count(), 1);
    // Nobody waits now, so nobody is woken again.
    ready(try_write(&client, b"c"));
    ready(try_read(&server, 8));
    assert_eq!((reader.count(), writer.count()), (1, 1));
}

#[test]
fn nobody_is_woken_by_what_moves_no_bytes() {
    let (client, server) = pair(2);
    let waker = CountingWaker::new();
    assert!(read_with(&Waker::from(waker.clone()), &server, 8).is_pending());
    ready(try_write(&client, b""));
    block_on((&client).flush()).unwrap();
    assert_eq!(waker.count(), 0);
    ready(try_write(&client, b"ab"));
    assert_eq!(waker.count(), 1);
    assert!(write_with(&Waker::from(waker.clone()), &client, b"c").is_pending());
    ready(try_read(&server, 0));
    assert_eq!(waker.count(), 1);
}

#[test]
fn a_task_that_polls_again_and_again_is_woken_once() {
    let (client, mut server) = pair(2);
    let waker = CountingWaker::new();
    let task = Waker::from(waker.clone());
    for _ in 0..3 {
        assert!(read_with(&task, &mut server, 8).is_pending());
        assert!(read_with(&task, &server, 8).is_pending());
    }
    ready(try_write(&client, b"ab"));
    assert_eq!(waker.count(), 1);
}

#[test]
fn of_several_readers_that_have_the_stream_to_themselves_in_turn_the_last_is_woken() {
    let (client, mut server) = pair(2);
    let wakers: [_; 3] = std::array::from_fn(|_| CountingWaker::new());
    for waker in &wakers {
        assert!(read_with(&Waker::from(waker.clone()), &mut server, 8).is_pending());
    }
    // The wakers that were replaced are not kept.
    assert_eq!(wakers.each_ref().map(Arc::strong_count), [1, 1, 2]);
    ready(try_write(&client, b"ab"));
    assert_eq!(wakers.each_ref().map(|waker| waker.count()), [0, 0, 1]);
}

#[test]
fn of_several_writers_that_have_the_stream_to_themselves_in_turn_the_last_is_woken() {
    let (mut client, server) = pair(1);
    ready(try_write(&client, b"a"));
    let wakers: [_; 3] = std::array::from_fn(|_| CountingWaker::new());
    for waker in &wakers {
        assert!(write_with(&Waker::from(waker.clone()), &mut client, b"b").is_pending());
    }
    assert_eq!(wakers.each_ref().map(Arc::strong_count), [1, 1, 2]);
    ready(try_read(&server, 1));
    assert_eq!(wakers.each_ref().map(|waker| waker.count()), [0, 0, 1]);
}

#[test]
fn tasks_that_share_a_stream_are_all_woken() {
    let (client, mut server) = pair(2);
    let wakers: [_; 3] = std::array::from_fn(|_| CountingWaker::new());
    for waker in &wakers {
        assert!(read_with(&Waker::from(waker.clone()), &server, 8).is_pending());
    }
    ready(try_write(&client, b"ab"));
    assert_eq!(wakers.each_ref().map(|waker| waker.count()), [1, 1, 1]);
    ready(try_read(&server, 8));

    // Until one has it to itself.
    for waker in &wakers {
        assert!(read_with(&Waker::from(waker.clone()), &server, 8).is_pending());
    }
    assert!(read_with(&Waker::from(wakers[1].clone()), &mut server, 8).is_pending());
    ready(try_write(&client, b"ab"));
    assert_eq!(wakers.each_ref().map(|waker| waker.count()), [1, 2, 1]);
}

#[test]
fn a_read_that_was_given_up_has_taken_nothing() {
    let (client, mut server) = pair(8);
    let waker = CountingWaker::new();
    {
        let mut buf = [0; 8];
        let mut read = server.read(&mut buf);
        assert!(poll(&mut read, &waker).is_pending());
        ready(try_write(&client, b"kept"));
        // Woken, and dropped before it was polled again.
        assert_eq!(waker.count(), 1);
    }
    assert_eq!(ready(try_read(&server, 8)), b"kept");
}

#[test]
fn a_write_that_was_given_up_has_written_nothing() {
    let (mut client, server) = pair(4);
    ready(try_write(&client, b"full"));
    let waker = CountingWaker::new();
    {
        let mut write = client.write(b"lost");
        assert!(poll(&mut write, &waker).is_pending());
        assert_eq!(ready(try_read(&server, 8)), b"full");
        assert_eq!(waker.count(), 1);
    }
    assert!(try_read(&server, 8).is_pending());
    ready(try_write(&client, b"next"));
    assert_eq!(ready(try_read(&server, 8)), b"next");
}

/// Uses the connection while it is woken, and while it is dropped.
struct Meddler {
    stream: Arc<OnceLock<(MemoryStream, MemoryStream)>>,
    seen: Arc<Mutex<Vec<&'static str>>>,
}

impl Meddler {
    fn meddle(&self, when: &'static str) {
        if let Some((client, server)) = self.stream.get() {
            let _ = try_read(server, 1).map_ok(drop);
            let _ = try_write(client, b"x").map_ok(drop);
            let _ = format!("{client:?}");
            self.seen.lock().unwrap().push(when);
        }
    }
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.meddle("woken");
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.meddle("dropped");
    }
}

#[test]
fn a_waker_may_use_the_connection_when_it_is_woken_and_when_it_is_dropped() {
    let stream = Arc::new(OnceLock::new());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let meddler = || {
        Waker::from(Arc::new(Meddler {
            stream: stream.clone(),
            seen: seen.clone(),
        }))
    };
    let (mut client, mut server) = pair(2);
    assert!(read_with(&meddler(), &mut server, 1).is_pending());
    ready(try_write(&client, b"ab"));
    ready(try_read(&server, 1));
    ready(try_write(&client, b"c"));
    assert!(write_with(&meddler(), &mut client, b"d").is_pending());
    let Ok(()) = stream.set((client, server)) else {
        unreachable!()
    };
    let (client, server) = stream.get().unwrap();

    ready(try_read(server, 1));
    assert_eq!(*seen.lock().unwrap(), ["woken", "dropped"]);
    while try_read(server, 1).is_ready() {}
    assert!(read_with(&meddler(), server, 1).is_pending());
    ready(try_write(client, b"ab"));
    assert_eq!(*seen.lock().unwrap(), ["woken", "dropped", "woken", "dropped"]);
    while try_read(server, 1).is_ready() {}
    assert!(read_with(&meddler(), server, 1).is_pending());
    block_on((&*client).close()).unwrap();
    assert_eq!(seen.lock().unwrap().len(), 6);
}

#[test]
fn ends_on_different_threads_wait_for_each_other() {
    for capacity in [1, 100, 10_000] {
        let (client, server) = pair(capacity);
        let mut numbers = Numbers::new(5);
        let sent = numbers.bytes(30_000);
        let write = |stream: MemoryStream| {
            let mut left = &sent[..];
            while !left.is_empty() {
                let written = block_on((&stream).write(left)).unwrap();
                left = &left[written..];
            }
        };
        let read = |mut stream: MemoryStream| {
            let mut received = Vec::new();
            block_on(stream.read_to_end(&mut received)).unwrap();
            assert!(received == sent, "with room for {capacity}");
        };
        at_once(|| write(client), || read(server));
    }
}

#[test]
fn several_threads_that_read_one_stream_get_every_byte_once() {
    let (client, server) = pair(16);
    let mut received = thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let (mut received, mut buf) = (Vec::new(), [0; 5]);
                    loop {
                        match block_on((&server).read(&mut buf)).unwrap() {
                            0 => return received,
                            read => received.extend_from_slice(&buf[..read]),
                        }
                    }
                })
            })
            .collect();
        let sent: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        block_on((&client).write_all(&sent)).unwrap();
        drop(client);
        readers
            .into_iter()
            .flat_map(|reader| reader.join().unwrap())
            .collect::<Vec<u8>>()
    });
    received.sort_unstable();
    let mut expected: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
    expected.sort_unstable();
    assert!(received == expected);
}
