//! A file of 200 MB goes through the library of the example `one_library` in constant memory: counted by
//! an allocator, so in a process of its own.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs::File,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use interloop_example_digest::{Digest, MAX_FRAME, Server, digest};
use sha2::{Digest as _, Sha256};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: passes everything on to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(live, Relaxed);
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as promised to us.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LENGTH: u64 = 200_000_000;

#[test]
fn a_large_file_takes_the_memory_of_a_few_frames() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("large");
    // All zeros, and without blocks on the disk.
    File::create(&path).unwrap().set_len(LENGTH).unwrap();
    let mut hasher = Sha256::new();
    std::io::copy(&mut File::open(&path).unwrap(), &mut hasher).unwrap();
    let expected: Digest = hasher.finalize().into();

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let on_tokio = interloop_tokio::from_handle(runtime.handle()).unwrap();
    let server = Server::bind(&interloop_smol::global(), (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let addr = server.local_addr().unwrap();
    interloop_smol::global().spawn(server.serve()).detach();

    let sent = Arc::new(AtomicU64::new(0));
    let progress = {
        let sent = sent.clone();
        Arc::new(move |bytes| {
            sent.fetch_add(bytes, Relaxed);
        })
    };
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let answer = runtime
        .block_on(digest(&on_tokio, addr, path.clone(), progress))
        .unwrap();
    let peak = PEAK.load(Relaxed) - before;

    assert_eq!(answer, expected);
    assert_eq!(sent.load(Relaxed), LENGTH);
    // A frame at the client, which may have grown in doubling steps, and two at the server; the rest
    // is tasks, callbacks and threads.
    assert!(peak < 8 * MAX_FRAME, "{peak} bytes");
    std::fs::remove_file(path).unwrap();
}
