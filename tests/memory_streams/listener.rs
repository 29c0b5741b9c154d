//! Connecting and accepting.

use std::{io::ErrorKind, sync::Arc, task::Waker, thread};

use futures_executor::block_on;
use futures_util::{StreamExt, io::AsyncReadExt, io::AsyncWriteExt};
use interloop::net::memory::{Incoming, MemoryConnector, MemoryListener, MemoryStream};

use crate::{
    backlog::{accepted_name, connect_as, try_accept, try_connect},
    error, ready,
    tools::{CountingWaker, poll},
    try_read, try_write,
};

#[test]
fn connections_are_accepted_in_the_order_in_which_they_were_made() {
    let listener = MemoryListener::new(8);
    assert!(try_accept(&listener).is_pending());
    let clients: Vec<_> = (0..3).map(|n| connect_as(&listener.connector().clone(), n)).collect();
    assert_eq!([0, 1, 2].map(|_| accepted_name(&listener)), [0, 1, 2]);
    assert!(try_accept(&listener).is_pending());
    drop(clients);
}

#[test]
fn a_connection_has_the_room_that_the_listener_gives_in_each_direction() {
    let listener = MemoryListener::new(3);
    let client = ready(try_connect(&listener.connector()));
    // Before it is accepted.
    assert_eq!(ready(try_write(&client, b"abcd")), 3);
    let server = ready(try_accept(&listener));
    assert_eq!(ready(try_write(&server, b"wxyz")), 3);
    assert_eq!(ready(try_read(&server, 8)), b"abc");
    assert_eq!(ready(try_read(&client, 8)), b"wxy");
}

#[test]
fn who_accepts_is_woken_by_a_connection() {
    let listener = MemoryListener::new(8);
    let waker = CountingWaker::new();
    let mut accept = Box::pin(listener.accept());
    assert!(poll(&mut accept, &waker).is_pending());
    assert!(poll(&mut accept, &waker).is_pending());
    let client = connect_as(&listener.connector(), 7);
    assert_eq!(waker.count(), 1);
    let server = ready(poll(&mut accept, &waker));
    assert_eq!(ready(try_read(&server, 8)), [7]);
    drop(client);
}

#[test]
fn several_tasks_may_accept_and_each_connection_goes_to_one() {
    let listener = MemoryListener::new(8);
    let wakers: [_; 2] = std::array::from_fn(|_| CountingWaker::new());
    let mut accepts: Vec<_> = wakers.iter().map(|_| Box::pin(listener.accept())).collect();
    for (accept, waker) in accepts.iter_mut().zip(&wakers) {
        assert!(poll(accept, waker).is_pending());
    }
    let _one = connect_as(&listener.connector(), 1);
    assert_eq!(wakers.each_ref().map(|waker| waker.count()), [1, 1]);
    assert!(poll(&mut accepts[1], &wakers[1]).is_ready());
    assert!(poll(&mut accepts[0], &wakers[0]).is_pending());
    let _other = connect_as(&listener.connector(), 2);
    assert_eq!(wakers[0].count(), 2);
    assert!(poll(&mut accepts[0], &wakers[0]).is_ready());
}

#[test]
fn an_accept_that_was_given_up_loses_no_connection() {
    let listener = MemoryListener::new(8);
    let waker = CountingWaker::new();
    let mut accept = Box::pin(listener.accept());
    assert!(poll(&mut accept, &waker).is_pending());
    let _client = connect_as(&listener.connector(), 7);
    // Woken, and dropped before it was polled again.
    drop(accept);
    assert_eq!(accepted_name(&listener), 7);
}

#[test]
fn a_connection_that_was_given_up_is_accepted_at_its_end() {
    let listener = MemoryListener::new(8);
    drop(connect_as(&listener.connector(), 1));
    let stream = ready(try_accept(&listener));
    assert_eq!(ready(try_read(&stream, 8)), [1]);
    assert_eq!(ready(try_read(&stream, 8)), b"");
    assert_eq!(error(try_write(&stream, b"x")), ErrorKind::BrokenPipe);
}

#[test]
fn a_listener_that_is_gone_refuses() {
    let listener = MemoryListener::new(8);
    let connector = listener.connector();
    drop(listener);
    for connector in [&connector, &connector.clone()] {
        let refused = block_on(connector.connect()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert!(refused.to_string().contains("was dropped"), "{refused}");
    }
}

#[test]
fn connections_that_nobody_accepts_end_with_the_listener() {
    let listener = MemoryListener::new(8);
    let client = connect_as(&listener.connector(), 1);
    let waker = CountingWaker::new();
    assert!(crate::read_with(&Waker::from(waker.clone()), &client, 8).is_pending());
    drop(listener);
    assert_eq!(waker.count(), 1);
    assert_eq!(ready(try_read(&client, 8)), b"");
    assert_eq!(error(try_write(&client, b"x")), ErrorKind::BrokenPipe);
}

#[test]
fn accepted_connections_go_on_without_the_listener() {
    let listener = MemoryListener::new(8);
    let client = ready(try_connect(&listener.connector()));
    let server = ready(try_accept(&listener));
    drop(listener);
    ready(try_write(&client, b"still"));
    assert_eq!(ready(try_read(&server, 8)), b"still");
}

#[test]
fn a_listener_whose_connectors_are_gone_waits_for_new_ones() {
    let listener = MemoryListener::new(8);
    drop(listener.connector());
    let waker = CountingWaker::new();
    let mut accept = Box::pin(listener.accept());
    assert!(poll(&mut accept, &waker).is_pending());
    let _client = connect_as(&listener.connector(), 1);
    assert_eq!(waker.count(), 1);
    assert!(poll(&mut accept, &waker).is_ready());
}

#[test]
fn connections_come_as_a_stream() {
    let listener = MemoryListener::new(8);
    let _clients: Vec<_> = (0..3).map(|n| connect_as(&listener.connector(), n)).collect();
    let names = listener
        .incoming()
        .take(3)
        .map(|stream| ready(try_read(stream.unwrap(), 1))[0]);
    assert_eq!(block_on(names.collect::<Vec<_>>()), [0, 1, 2]);
    let waker = CountingWaker::new();
    let mut incoming = listener.incoming();
    assert!(poll(&mut incoming.next(), &waker).is_pending());
    let _client = connect_as(&listener.connector(), 3);
    assert_eq!(waker.count(), 1);
    assert!(poll(&mut incoming.next(), &waker).is_ready());
}

#[test]
fn threads_connect_and_accept() {
    let listener = Arc::new(MemoryListener::with_backlog(4, 2));
    let connector = listener.connector();
    let clients: Vec<_> = (0..4_u8)
        .map(|n| {
            let connector = connector.clone();
            thread::spawn(move || {
                block_on(async {
                    for _ in 0..50 {
                        let mut stream = connector.connect().await.unwrap();
                        stream.write_all(&[n; 9]).await.unwrap();
                        let mut echo = [0; 9];
                        stream.read_exact(&mut echo).await.unwrap();
                        assert_eq!(echo, [n; 9]);
                    }
                });
            })
        })
        .collect();
    let servers: Vec<_> = (0..2)
        .map(|_| {
            let listener = listener.clone();
            thread::spawn(move || {
                block_on(async {
                    for _ in 0..100 {
                        let mut stream = listener.accept().await.unwrap();
                        let mut asked = [0; 9];
                        stream.read_exact(&mut asked).await.unwrap();
                        stream.write_all(&asked).await.unwrap();
                    }
                });
            })
        })
        .collect();
    for thread in clients.into_iter().chain(servers) {
        thread.join().unwrap();
    }
}

#[test]
fn all_of_them_go_from_thread_to_thread() {
    fn shared<T: Send + Sync + Unpin + std::fmt::Debug + 'static>() {}
    fn sent<T: Send>(_: &T) {}
    shared::<MemoryStream>();
    shared::<MemoryListener>();
    shared::<MemoryConnector>();
    shared::<Incoming<'static>>();
    let listener = MemoryListener::new(1);
    let connector = listener.connector();
    sent(&listener.accept());
    sent(&connector.connect());
}
