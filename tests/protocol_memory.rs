//! What connections and messages allocate, counted by an allocator, so in a process of its own. Each thread counts for itself: the test
//! harness allocates on its own thread meanwhile.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_executor::LocalPool;
use futures_util::io::{AsyncRead, AsyncWrite};
use interloop::{
    net::memory::{self, MemoryStream},
    protocol::{
        self, Protocol, Transport,
        framing::{Framed, Frames, Lines, Receiver},
    },
};

thread_local! {
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: passes everything on to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.set(LIVE_BYTES.get() + layout.size() as isize);
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.set(LIVE_BYTES.get() - layout.size() as isize);
        // SAFETY: as promised to us.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn send(stream: &mut MemoryStream, bytes: &[u8]) {
    let sent = Pin::new(stream).poll_write(&mut Context::from_waker(Waker::noop()), bytes);
    assert!(matches!(sent, Poll::Ready(Ok(len)) if len == bytes.len()));
}

fn receive(stream: &mut MemoryStream, buf: &mut [u8]) -> usize {
    match Pin::new(stream).poll_read(&mut Context::from_waker(Waker::noop()), buf) {
        Poll::Ready(Ok(len)) => len,
        other => panic!("{other:?}"),
    }
}

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(data);
    }
}

struct EchoLines;

impl Receiver for EchoLines {
    type Codec = Lines;

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        lines.send(line).unwrap();
    }
}

/// The allocations for so many rounds of what is sent and comes back, after some.
fn rounds(protocol: impl Protocol + Send + 'static, sent: &[&[u8]], rounds: usize) -> usize {
    let mut pool = LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    let (mut ours, theirs) = memory::pair(4096);
    protocol::attach(&reactor, theirs, protocol).closed().detach();
    let mut buf = [0; 4096];
    let mut round = |pool: &mut LocalPool| {
        for bytes in sent {
            send(&mut ours, bytes);
            pool.run_until_stalled();
        }
        let all: usize = sent.iter().map(|bytes| bytes.len()).sum();
        assert_eq!(receive(&mut ours, &mut buf), all);
    };
    for _ in 0..20 {
        round(&mut pool);
    }
    let before = ALLOCATIONS.get();
    for _ in 0..rounds {
        round(&mut pool);
    }
    ALLOCATIONS.get() - before
}

#[test]
fn a_message_is_no_allocation() {
    assert_eq!(rounds(Echo, &[b"hello"], 1000), 0, "bytes");
    assert_eq!(
        rounds(Framed::new(Lines::lf(), EchoLines), &[b"hello\n"], 1000),
        0,
        "a line"
    );
    let lines = b"hello\n".repeat(16);
    assert_eq!(
        rounds(Framed::new(Lines::lf(), EchoLines), &[&lines], 1000),
        0,
        "16 lines"
    );
}

#[test]
fn an_idle_connection_is_small_whatever_it_did_before() {
    const CONNECTIONS: usize = 1000;

    let mut pool = LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    let mut streams: Vec<_> = (0..CONNECTIONS).map(|_| memory::pair(2048)).collect();
    let mut ours = Vec::with_capacity(CONNECTIONS);
    // The thread's own buffers, and those of the streams.
    let mut buf = [0; 4096];
    for (near, far) in &mut streams {
        send(near, &[7; 2000]);
        receive(far, &mut buf);
        send(far, &[7; 2000]);
        receive(near, &mut buf);
    }
    let (mut near, far) = memory::pair(2048);
    protocol::attach(&reactor, far, Echo).closed().detach();
    send(&mut near, &[7; 2000]);
    pool.run_until_stalled();
    let (bytes, allocations) = (LIVE_BYTES.get(), ALLOCATIONS.get());
    for (near, far) in streams.drain(..) {
        protocol::attach(&reactor, far, Echo);
        ours.push(near);
    }
    pool.run_until_stalled();
    let made = ALLOCATIONS.get() - allocations;
    for near in &mut ours {
        for _ in 0..3 {
            send(near, &[7; 500]);
            pool.run_until_stalled();
            assert_eq!(receive(near, &mut buf), 500);
        }
    }
    let each = (LIVE_BYTES.get() - bytes) as f64 / CONNECTIONS as f64;
    let made = made as f64 / CONNECTIONS as f64;
    println!("{each} bytes and {made} allocations a connection");
    assert!(each <= 600.0, "{each} bytes a connection");
    assert!(made <= 6.0, "{made} allocations a connection");
}
