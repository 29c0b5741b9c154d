//! Closing and dropping an end.

use std::{
    io::ErrorKind,
    net::Shutdown,
    sync::Arc,
    task::{Poll, Waker},
};

use futures_executor::block_on;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::net::memory::pair;

use crate::{error, read_with, ready, tools::CountingWaker, try_read, try_write, write_with};

#[test]
fn closing_gives_the_other_end_what_was_written_and_then_the_end() {
    let (mut client, server) = pair(32);
    ready(try_write(&client, b"last words"));
    block_on(client.close()).unwrap();
    assert_eq!(ready(try_read(&server, 4)), b"last");
    assert_eq!(ready(try_read(&server, 32)), b" words");
    // As often as it is asked.
    for _ in 0..3 {
        assert_eq!(ready(try_read(&server, 32)), b"");
    }
}

#[test]
fn the_other_direction_goes_on_after_closing() {
    let (mut client, mut server) = pair(4);
    block_on(async {
        client.write_all(b"ask").await.unwrap();
        client.close().await.unwrap();
        let mut question = String::new();
        server.read_to_string(&mut question).await.unwrap();
        assert_eq!(question, "ask");
        server.write_all(b"!").await.unwrap();
        let mut buf = [0; 1];
        client.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"!");
    });
    assert!(try_read(&client, 1).is_pending());
}

#[test]
fn writing_after_closing_fails() {
    let (mut client, _server) = pair(4);
    block_on(client.close()).unwrap();
    assert_eq!(error(try_write(&client, b"more")), ErrorKind::BrokenPipe);
    block_on(client.close()).unwrap();
}

#[test]
fn a_waiting_read_is_woken_by_closing_and_by_dropping() {
    for close in [true, false] {
        let (mut client, server) = pair(4);
        let waker = CountingWaker::new();
        assert!(read_with(&Waker::from(waker.clone()), &server, 8).is_pending());
        if close {
            block_on(client.close()).unwrap();
        } else {
            drop(client);
        }
        assert_eq!(waker.count(), 1);
        assert_eq!(ready(try_read(&server, 8)), b"");
    }
}

#[test]
fn dropping_leaves_what_was_written_to_be_read_and_breaks_the_other_ends_writes() {
    let (client, mut server) = pair(32);
    ready(try_write(&client, b"last words"));
    ready(try_write(&server, b"never read"));
    drop(client);
    assert_eq!(error(try_write(&server, b"more")), ErrorKind::BrokenPipe);
    assert_eq!(ready(try_read(&server, 32)), b"last words");
    assert_eq!(ready(try_read(&server, 32)), b"");
    assert_eq!(error(try_write(&server, b"more")), ErrorKind::BrokenPipe);
    // There is nobody to tell, which is no error.
    block_on(async { server.flush().await.and(server.close().await) }).unwrap();
}

#[test]
fn a_write_that_waits_for_room_fails_when_the_other_end_is_dropped() {
    let (client, server) = pair(4);
    ready(try_write(&client, b"full"));
    let waker = CountingWaker::new();
    assert!(write_with(&Waker::from(waker.clone()), &client, b"more").is_pending());
    drop(server);
    assert_eq!(waker.count(), 1);
    assert_eq!(error(try_write(&client, b"more")), ErrorKind::BrokenPipe);
}

#[test]
fn a_write_that_waits_for_room_fails_when_its_own_end_is_closed() {
    let (client, server) = pair(4);
    ready(try_write(&client, b"full"));
    let waker = CountingWaker::new();
    assert!(write_with(&Waker::from(waker.clone()), &client, b"more").is_pending());
    block_on((&client).close()).unwrap();
    assert_eq!(waker.count(), 1);
    assert_eq!(error(try_write(&client, b"more")), ErrorKind::BrokenPipe);
    assert_eq!(ready(try_read(&server, 8)), b"full");
    assert_eq!(ready(try_read(&server, 8)), b"");
}

#[test]
fn ending_the_reading_direction_breaks_the_other_ends_writes_alone() {
    let (client, server) = pair(32);
    ready(try_write(&client, b"before"));
    let waker = CountingWaker::new();
    ready(try_write(&client, &[b'.'; 26]));
    assert!(write_with(&Waker::from(waker.clone()), &client, b"waits").is_pending());
    server.shutdown(Shutdown::Read).unwrap();
    assert_eq!(waker.count(), 1);
    assert_eq!(error(try_write(&client, b"after")), ErrorKind::BrokenPipe);
    assert_eq!(ready(try_read(&server, 6)), b"before");
    assert_eq!(ready(try_read(&server, 64)).len(), 26);
    assert_eq!(ready(try_read(&server, 6)), b"");
    ready(try_write(&server, b"still"));
    assert_eq!(ready(try_read(&client, 8)), b"still");
}

#[test]
fn ending_both_directions_is_like_dropping_for_the_other_end() {
    let (client, server) = pair(32);
    ready(try_write(&client, b"last words"));
    client.shutdown(Shutdown::Both).unwrap();
    client.shutdown(Shutdown::Both).unwrap();
    assert_eq!(ready(try_read(&server, 32)), b"last words");
    assert_eq!(ready(try_read(&server, 32)), b"");
    assert_eq!(error(try_write(&server, b"more")), ErrorKind::BrokenPipe);
    assert_eq!(ready(try_read(&client, 32)), b"");
    assert_eq!(error(try_write(&client, b"more")), ErrorKind::BrokenPipe);
}

#[test]
fn nothing_is_left_of_a_connection_whose_ends_are_gone() {
    let held = CountingWaker::new();
    let (client, server) = pair(1);
    ready(try_write(&client, b"full"));
    for polled in [
        write_with(&Waker::from(held.clone()), &client, b"more"),
        read_with(&Waker::from(held.clone()), &client, 1).map_ok(|read| read.len()),
    ] {
        assert!(matches!(polled, Poll::Pending));
    }
    assert_eq!(Arc::strong_count(&held), 3);
    drop((client, server));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn an_end_tells_what_is_on_its_way() {
    let (client, server) = pair(8);
    ready(try_write(&client, b"abc"));
    let told = format!("{server:?}");
    assert!(told.contains("unread: 3, capacity: 8, closed: false"), "{told}");
    drop(client);
    let told = format!("{server:?}");
    assert!(told.contains("unread: 3, capacity: 8, closed: true"), "{told}");
}
