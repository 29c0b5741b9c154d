//! A connection and its handles on several threads.

use std::{
    io, mem,
    sync::{Arc, Mutex},
    thread,
};

use interloop::{
    net::memory,
    protocol::{self, Lost, Protocol, Transport},
};

use super::{Events, Recorder};

#[test]
fn eight_threads_use_a_transport_at_once() {
    const EACH: usize = 500;

    struct Collects(Arc<Mutex<Vec<u8>>>);

    impl Protocol for Collects {
        fn data_received(&mut self, _: &Transport, data: &[u8]) {
            self.0.lock().unwrap().extend_from_slice(data);
        }
    }

    let pool = futures_executor::ThreadPool::new().unwrap();
    let reactor = interloop_async_io::reactor("pool", move |task| pool.spawn_ok(task));
    let (one, other) = memory::pair(64);
    let events = Events::default();
    let received = Arc::default();
    let transport = protocol::attach(&reactor, one, Recorder::new(&events));
    let collecting = protocol::attach(&reactor, other, Collects(Arc::clone(&received)));
    let threads = (0..8_u8).map(|thread| {
        let transport = transport.clone();
        thread::spawn(move || {
            for count in 0..EACH {
                transport.write(&[thread; 10]);
                match count % 7 {
                    0 => transport.pause_reading(),
                    1 => transport.resume_reading(),
                    2 => transport.set_write_marks(count, 2 * count).unwrap(),
                    3 => drop(transport.drain().wait()),
                    4 => drop(transport.with_socket(|_| Ok(())).wait()),
                    5 => drop(transport.closed()),
                    _ => assert!(!transport.is_closing() && transport.buffered() <= 8 * EACH * 10),
                }
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
    transport.resume_reading();
    transport.lose_connection();
    assert!(transport.closed().wait().unwrap().is_closed());
    assert!(collecting.closed().wait().unwrap().is_closed());
    let received: Vec<u8> = mem::take(&mut received.lock().unwrap());
    assert_eq!(received.len(), 8 * EACH * 10);
    assert!(
        received
            .chunks(10)
            .all(|piece| piece.iter().all(|byte| *byte == piece[0])),
        "a write is whole"
    );
}

#[test]
fn a_method_that_blocks_its_thread_holds_up_no_other_connection() {
    use futures_util::io::{AsyncReadExt, AsyncWriteExt};
    use std::sync::mpsc;

    /// Answers an `e`, and blocks on anything else until it is told to go on.
    struct Blocks(Arc<Mutex<mpsc::Receiver<()>>>);

    impl Protocol for Blocks {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) {
            if data != b"e" {
                self.0.lock().unwrap().recv().unwrap();
            }
            transport.write(data);
        }
    }

    let pool = futures_executor::ThreadPool::builder().pool_size(2).create().unwrap();
    let reactor = interloop_async_io::reactor("pool", move |task| pool.spawn_ok(task));
    let (go_on, goes_on) = mpsc::channel();
    let goes_on = Arc::new(Mutex::new(goes_on));
    let mut pairs: Vec<_> = (0..10)
        .map(|_| interloop::net::UnixStream::pair(&reactor).unwrap())
        .collect();
    let mut ours = Vec::new();
    for (near, far) in pairs.drain(..) {
        protocol::attach(&reactor, far, Blocks(goes_on.clone()));
        ours.push(near);
    }
    futures_executor::block_on(async {
        ours[0].write_all(b"b").await?;
        let mut answer = [0];
        for _ in 0..10 {
            for stream in &mut ours[1..] {
                stream.write_all(b"e").await?;
                stream.read_exact(&mut answer).await?;
            }
        }
        go_on.send(()).unwrap();
        ours[0].read_exact(&mut answer).await?;
        assert_eq!(&answer, b"b");
        Ok::<_, io::Error>(())
    })
    .unwrap();
}

#[test]
fn the_end_is_told_behind_the_last_method() {
    struct Slow(Arc<Mutex<bool>>, std::sync::mpsc::Sender<()>);

    impl Protocol for Slow {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}

        fn connection_lost(&mut self, transport: &Transport, _: &Lost) {
            let has_returned = self.0.clone();
            // Both those who waited before, and those who come now.
            let ends = transport
                .closed()
                .map_ok(move |_| assert!(*has_returned.lock().unwrap()));
            assert!(!ends.is_settled());
            ends.detach();
            self.1.send(()).unwrap();
            for _ in 0..100 {
                thread::yield_now();
            }
            *self.0.lock().unwrap() = true;
        }
    }

    let pool = futures_executor::ThreadPool::new().unwrap();
    let reactor = interloop_async_io::reactor("pool", move |task| pool.spawn_ok(task));
    let (_ours, theirs) = memory::pair(10);
    let (sender, is_told) = std::sync::mpsc::channel();
    let has_returned = Arc::new(Mutex::new(false));
    let transport = protocol::attach(&reactor, theirs, Slow(has_returned.clone(), sender));
    transport.lose_connection();
    is_told.recv().unwrap();
    assert!(transport.closed().wait().unwrap().is_closed());
    assert!(*has_returned.lock().unwrap());
}
