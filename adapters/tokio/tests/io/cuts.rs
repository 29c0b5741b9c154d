//! However reads and writes are cut, the bytes are those of a plain vector.

use std::io::IoSlice;

use futures_util::{
    future::join,
    io::{AsyncReadExt as _, AsyncWriteExt as _},
};
use interloop::net::memory;
use interloop_tokio::io::{AsFutures, AsTokio};
use proptest::{collection::vec, prelude::*};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The slices of one write.
type Write = Vec<Vec<u8>>;

fn writes() -> impl Strategy<Value = Vec<Write>> {
    vec(vec(vec(any::<u8>(), 0..40), 1..4), 0..12)
}

/// How much each read asks for, over and over.
fn reads() -> impl Strategy<Value = Vec<usize>> {
    vec(1_usize..50, 1..6)
}

/// Writes all, in slices where there are several, by futures' traits.
async fn write_futures(mut writer: impl futures_io::AsyncWrite + Unpin, writes: &[Write]) {
    for write in writes {
        let mut left: Vec<&[u8]> = write.iter().map(|slice| &slice[..]).collect();
        while left.iter().any(|slice| !slice.is_empty()) {
            let slices: Vec<_> = left.iter().map(|slice| IoSlice::new(slice)).collect();
            advance(&mut left, writer.write_vectored(&slices).await.unwrap());
        }
        writer.flush().await.unwrap();
    }
    writer.close().await.unwrap();
}

/// The same by tokio's.
async fn write_tokio(mut writer: impl tokio::io::AsyncWrite + Unpin, writes: &[Write]) {
    for write in writes {
        let mut left: Vec<&[u8]> = write.iter().map(|slice| &slice[..]).collect();
        while left.iter().any(|slice| !slice.is_empty()) {
            let slices: Vec<_> = left.iter().map(|slice| IoSlice::new(slice)).collect();
            advance(&mut left, writer.write_vectored(&slices).await.unwrap());
        }
        writer.flush().await.unwrap();
    }
    writer.shutdown().await.unwrap();
}

fn advance(left: &mut [&[u8]], mut written: usize) {
    assert_ne!(written, 0);
    for slice in left {
        let count = written.min(slice.len());
        *slice = &slice[count..];
        written -= count;
    }
}

async fn read_futures(mut reader: impl futures_io::AsyncRead + Unpin, reads: &[usize]) -> Vec<u8> {
    let mut all = Vec::new();
    for &wanted in reads.iter().cycle() {
        let mut bytes = vec![0; wanted];
        match reader.read(&mut bytes).await.unwrap() {
            0 => break,
            count => all.extend_from_slice(&bytes[..count]),
        }
    }
    all
}

/// Into what is left of one vector, of which part is filled and part is not initialized.
async fn read_tokio(mut reader: impl tokio::io::AsyncRead + Unpin, reads: &[usize]) -> Vec<u8> {
    let mut all = Vec::new();
    for &wanted in reads.iter().cycle() {
        all.reserve(wanted);
        if reader.read_buf(&mut all).await.unwrap() == 0 {
            break;
        }
    }
    all
}

fn run<T>(future: impl Future<Output = T>) -> T {
    smol::block_on(future)
}

proptest! {
    #[test]
    fn futures_traits_over_a_stream_there_and_back(writes in writes(), reads in reads(), capacity in 1_usize..64) {
        let (near, far) = memory::pair(capacity);
        let (near, far) = (AsFutures::new(AsTokio::new(near)), AsFutures::new(AsTokio::new(far)));
        let ((), read) = run(join(write_futures(near, &writes), read_futures(far, &reads)));
        prop_assert_eq!(read, writes.concat().concat());
    }

    #[test]
    fn tokios_traits_over_a_stream_there_and_back(writes in writes(), reads in reads(), capacity in 1_usize..64) {
        let (near, far) = tokio::io::duplex(capacity);
        let (near, far) = (AsTokio::new(AsFutures::new(near)), AsTokio::new(AsFutures::new(far)));
        let ((), read) = run(join(write_tokio(near, &writes), read_tokio(far, &reads)));
        prop_assert_eq!(read, writes.concat().concat());
    }

    #[test]
    fn each_dialect_at_one_end(writes in writes(), reads in reads(), capacity in 1_usize..64) {
        let (near, far) = memory::pair(capacity);
        let ((), read) = run(join(write_tokio(AsTokio::new(near), &writes), read_futures(far, &reads)));
        prop_assert_eq!(read, writes.concat().concat());
        let (near, far) = tokio::io::duplex(capacity);
        let ((), read) = run(join(write_futures(AsFutures::new(near), &writes), read_tokio(far, &reads)));
        prop_assert_eq!(read, writes.concat().concat());
    }

    #[test]
    fn buffered_readers_of_either_kind_find_the_same_lines(
        lines in vec("[a-z]{0,20}\n", 0..12),
        capacity in 1_usize..64,
        buffer in 1_usize..64,
    ) {
        let writes: Vec<Write> = lines.iter().map(|line| vec![line.clone().into_bytes()]).collect();
        let (near, far) = memory::pair(capacity);
        let reader = AsTokio::new(futures_util::io::BufReader::with_capacity(buffer, far));
        let ((), read) = run(join(write_futures(near, &writes), async {
            let mut reader = reader;
            let mut read = Vec::new();
            let mut line = String::new();
            while tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line).await.unwrap() != 0 {
                read.push(std::mem::take(&mut line));
            }
            read
        }));
        prop_assert_eq!(&read, &lines);

        let (near, far) = tokio::io::duplex(capacity);
        let reader = AsFutures::new(tokio::io::BufReader::with_capacity(buffer, far));
        let ((), read) = run(join(write_tokio(near, &writes), async {
            let mut reader = reader;
            let mut read = Vec::new();
            let mut line = String::new();
            while futures_util::io::AsyncBufReadExt::read_line(&mut reader, &mut line).await.unwrap() != 0 {
                read.push(std::mem::take(&mut line));
            }
            read
        }));
        prop_assert_eq!(&read, &lines);
    }
}
