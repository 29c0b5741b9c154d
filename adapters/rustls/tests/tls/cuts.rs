//! However the stream below and what is above cut the bytes, they arrive as they were.

use std::io::IoSlice;

use futures_util::{
    future::join,
    io::{AsyncReadExt, AsyncWriteExt},
};
use interloop::{Clock, net::memory};
use proptest::{collection::vec, prelude::*};

use crate::certificates::trusting;

proptest! {
    // A handshake takes milliseconds.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_cuts_change_nothing(
        writes in vec(vec(vec(any::<u8>(), 0..3000), 1..4), 0..8),
        reads in vec(1_usize..5000, 1..6),
        capacity in 1_usize..2000,
    ) {
        let (connector, acceptor) = trusting();
        let clock = Clock::new();
        let read = clock.run_until(async {
            let (near, far) = memory::pair(capacity);
            let (near, far) = join(connector.connect("localhost", near), acceptor.accept(far)).await;
            let (mut near, mut far) = (near.unwrap(), far.unwrap());
            let writing = async {
                for write in &writes {
                    let slices: Vec<_> = write.iter().map(|slice| IoSlice::new(slice)).collect();
                    let all = write.concat();
                    let count = near.write_vectored(&slices).await.unwrap();
                    near.write_all(&all[count..]).await.unwrap();
                }
                near.close().await.unwrap();
            };
            let reading = async {
                let mut all = Vec::new();
                for &wanted in reads.iter().cycle() {
                    let mut bytes = vec![0; wanted];
                    match far.read(&mut bytes).await.unwrap() {
                        0 => break,
                        count => all.extend_from_slice(&bytes[..count]),
                    }
                }
                all
            };
            join(writing, reading).await.1
        });
        prop_assert_eq!(read.unwrap(), writes.concat().concat());
    }
}
