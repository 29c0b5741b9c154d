//! Traffic in both directions at once, in many orders.

use std::io;

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Clock,
    clock::check_random,
    net::memory::{MemoryListener, MemoryStream, pair},
};

use crate::Numbers;

/// Writes all in pieces, of one buffer or of several.
async fn send(mut stream: &MemoryStream, bytes: &[u8], mut numbers: Numbers) -> io::Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        let piece = &left[..left.len().min(1 + numbers.below(50))];
        let written = if numbers.below(2) == 0 {
            stream.write(piece).await?
        } else {
            let (one, other) = piece.split_at(numbers.below(piece.len()));
            stream
                .write_vectored(&[io::IoSlice::new(one), io::IoSlice::new(other)])
                .await?
        };
        assert_ne!(written, 0);
        left = &left[written..];
    }
    stream.close().await
}

/// Reads all in pieces, into one buffer or several.
async fn receive(mut stream: &MemoryStream, mut numbers: Numbers) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    loop {
        let (mut one, mut other) = (vec![0; 1 + numbers.below(50)], vec![0; numbers.below(50)]);
        let read = if numbers.below(2) == 0 {
            stream.read(&mut one).await?
        } else {
            let mut bufs = [io::IoSliceMut::new(&mut one), io::IoSliceMut::new(&mut other)];
            stream.read_vectored(&mut bufs).await?
        };
        if read == 0 {
            return Ok(received);
        }
        one.append(&mut other);
        received.extend_from_slice(&one[..read]);
    }
}

#[test]
fn every_byte_arrives_in_its_place_in_any_order_of_tasks_and_cut_anywhere() {
    check_random(0..300, |clock: Clock| {
        let mut numbers = Numbers::new(clock.seed().unwrap());
        let (client, server) = pair(1 + numbers.below(40));
        let mut exchange = |stream: MemoryStream, sent: Vec<u8>| {
            let (to_send, to_receive) = (Numbers::new(numbers.0), Numbers::new(numbers.0 + 1));
            numbers.below(2);
            clock.reactor().spawn(async move {
                let both = futures_util::future::join(send(&stream, &sent, to_send), receive(&stream, to_receive));
                let (sent, received) = both.await;
                sent?;
                received
            })
        };
        let (there, back) = (Numbers::new(1).bytes(600), Numbers::new(2).bytes(400));
        let at_client = exchange(client, there.clone());
        let at_server = exchange(server, back.clone());
        let received = clock.run_until(async { io::Result::Ok((at_client.await?, at_server.await?)) });
        let (at_client, at_server) = received.unwrap().unwrap();
        assert!(at_server == there && at_client == back);
    });
}

#[test]
fn clients_and_a_server_meet_in_any_order() {
    check_random(0..300, |clock: Clock| {
        let reactor = clock.reactor();
        let listener = MemoryListener::with_backlog(3, 2);
        let clients: Vec<_> = (0..5_u8)
            .map(|n| {
                let connector = listener.connector();
                reactor.spawn(async move {
                    let mut stream = connector.connect().await?;
                    stream.write_all(&[n; 10]).await?;
                    stream.close().await?;
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).await?;
                    assert_eq!(answer, [n; 20]);
                    io::Result::Ok(())
                })
            })
            .collect();
        let handlers = reactor.clone();
        let server = reactor.spawn(async move {
            loop {
                let mut stream = listener.accept().await?;
                let handler = async move {
                    let mut asked = Vec::new();
                    stream.read_to_end(&mut asked).await?;
                    stream.write_all(&[&asked[..], &asked[..]].concat()).await
                };
                handlers.spawn(handler).detach();
            }
            #[expect(unreachable_code, reason = "it names the type")]
            io::Result::Ok(())
        });
        let all = async {
            for client in clients {
                client.await?;
            }
            io::Result::Ok(())
        };
        clock.run_until(all).unwrap().unwrap();
        server.cancel();
    });
}
