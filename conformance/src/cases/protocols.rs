//! Connections that call back, over TCP and within one machine.

use std::{
    io::{self, Read, Write},
    net::TcpStream as StdStream,
    sync::{Arc, Mutex},
};

use futures_util::{
    future::try_join_all,
    io::{AsyncReadExt, AsyncWriteExt},
};
use interloop::{
    Deferred, Reactor,
    net::{Keepalive, TcpStream, UnixStream},
    protocol::{self, AfterEof, Channel, Lost, Protocol, Transport},
};
use socket2::SockRef;

use crate::{
    AnySubject, Subject,
    tools::{connection, is_current, listen, on_thread},
};

/// What a protocol was called with, one letter each, and what it was given.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<(String, Vec<u8>)>>);

impl Notes {
    fn add(&self, note: char) {
        self.0.lock().unwrap().0.push(note);
    }

    fn calls(&self) -> String {
        self.0.lock().unwrap().0.clone()
    }

    fn received(&self) -> Vec<u8> {
        self.0.lock().unwrap().1.clone()
    }
}

/// Sends back what comes, and notes what happens.
struct Echo {
    notes: Notes,
    reactor: Reactor,
    after_eof: AfterEof,
}

impl Echo {
    fn new(reactor: &Reactor, notes: &Notes) -> Self {
        Self {
            notes: notes.clone(),
            reactor: reactor.clone(),
            after_eof: AfterEof::Close,
        }
    }

    fn note(&self, note: char) {
        assert!(is_current(&self.reactor));
        self.notes.add(note);
    }
}

impl Protocol for Echo {
    fn connection_made(&mut self, _: &Transport) {
        self.note('m');
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        assert!(is_current(&self.reactor));
        let mut notes = self.notes.0.lock().unwrap();
        // However the bytes come.
        if !notes.0.ends_with('d') {
            notes.0.push('d');
        }
        notes.1.extend_from_slice(data);
        drop(notes);
        transport.write(data);
    }

    fn eof_received(&mut self, _: &Transport) -> AfterEof {
        self.note('e');
        self.after_eof
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Lost) {
        self.note(match reason {
            Lost::Closed => 'c',
            Lost::Failed(_) => 'f',
            _ => 'a',
        });
    }

    fn pause_writing(&mut self, _: &Transport) {
        self.note('p');
    }

    fn resume_writing(&mut self, _: &Transport) {
        self.note('r');
    }
}

/// Both ends of a connection of each kind.
fn pairs(subject: &mut impl Subject) -> ((TcpStream, TcpStream), (UnixStream, UnixStream)) {
    let reactor = subject.reactor();
    let tcp = subject.block_on(connection(&reactor));
    (tcp, UnixStream::pair(&reactor).unwrap())
}

pub fn methods_are_called_in_order(mut subject: AnySubject) {
    async fn check<S: Channel>(reactor: Reactor, (mut ours, theirs): (S, S)) {
        let notes = Notes::default();
        let transport = protocol::attach(&reactor, theirs, Echo::new(&reactor, &notes));
        let end = transport.closed();
        ours.write_all(b"hello").await.unwrap();
        let mut answer = [0; 5];
        ours.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello");
        ours.write_all(b" again").await.unwrap();
        ours.close().await.unwrap();
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b" again");
        assert!(end.await.unwrap().is_closed());
        assert_eq!(notes.calls(), "mdec");
        assert_eq!(notes.received(), b"hello again");
    }
    let reactor = subject.reactor();
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(reactor.clone(), tcp));
    subject.block_on(check(reactor, unix));
}

pub fn both_ends_know_their_addresses(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (client, server) = subject.block_on(connection(&reactor));
    let addr = client.local_addr().unwrap();
    let transport = protocol::attach(&reactor, server, Echo::new(&reactor, &Notes::default()));
    assert!(matches!(transport.peer_addr(), Some(protocol::Address::Ip(peer)) if *peer == addr));
    assert!(transport.local_addr().is_some());
    drop(client);
    subject.block_on(transport.closed()).unwrap();
}

pub fn a_connection_whose_other_end_is_half_closed_is_answered(mut subject: AnySubject) {
    async fn check<S: Channel>(reactor: Reactor, (mut ours, theirs): (S, S)) {
        let notes = Notes::default();
        let mut echo = Echo::new(&reactor, &notes);
        echo.after_eof = AfterEof::StayOpen;
        let transport = protocol::attach(&reactor, theirs, echo);
        ours.close().await.unwrap();
        while !notes.calls().ends_with('e') {
            crate::tools::turn(&reactor).await;
        }
        transport.write(b"after the end");
        transport.write_eof();
        let mut answer = String::new();
        ours.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "after the end");
        assert!(transport.closed().await.unwrap().is_closed());
        assert_eq!(notes.calls(), "mec");
    }
    let reactor = subject.reactor();
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(reactor.clone(), tcp));
    subject.block_on(check(reactor, unix));
}

pub fn an_aborted_connection_ends_at_the_other_end(mut subject: AnySubject) {
    async fn check<S: Channel>(reactor: Reactor, (mut ours, theirs): (S, S)) {
        let notes = Notes::default();
        let transport = protocol::attach(&reactor, theirs, Echo::new(&reactor, &notes));
        // More than there is room for, so that some of it is not sent.
        transport.write(&vec![7; 32 << 20]);
        transport.drain().detach();
        ours.read_exact(&mut [0; 1000]).await.unwrap();
        transport.abort();
        assert!(matches!(transport.closed().await.unwrap(), Lost::Aborted(why) if why.is_cancelled()));
        assert!(notes.calls().ends_with('a'));
        let mut rest = Vec::new();
        // It may have been reset.
        let _ = ours.read_to_end(&mut rest).await;
        assert!(rest.len() < 32 << 20);
    }
    let reactor = subject.reactor();
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(reactor.clone(), tcp));
    subject.block_on(check(reactor, unix));
}

pub fn a_reset_is_the_reason_of_the_loss(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (client, server) = subject.block_on(connection(&reactor));
    let notes = Notes::default();
    let transport = protocol::attach(&reactor, server, Echo::new(&reactor, &notes));
    SockRef::from(&client)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(client);
    let reason = subject.block_on(transport.closed()).unwrap();
    assert_eq!(io::Error::from(reason).kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(notes.calls(), "mf");
}

pub fn a_slow_reader_pauses_the_writer(mut subject: AnySubject) {
    async fn check<S: Channel>(reactor: Reactor, (mut ours, theirs): (S, S)) {
        const LEN: usize = 16 << 20;

        let notes = Notes::default();
        let transport = protocol::attach(&reactor, theirs, Echo::new(&reactor, &notes));
        transport.write(&vec![7; LEN]);
        while !notes.calls().ends_with('p') {
            crate::tools::turn(&reactor).await;
        }
        let drained = transport.drain();
        assert!(transport.buffered() > 0);
        let mut left = LEN;
        let mut buf = vec![0; 1 << 20];
        while left > 0 {
            left -= ours.read(&mut buf).await.unwrap();
        }
        drained.await.unwrap();
        assert_eq!(notes.calls(), "mpr");
        transport.lose_connection();
        assert!(transport.closed().await.unwrap().is_closed());
        assert_eq!(notes.calls(), "mprc");
    }
    let reactor = subject.reactor();
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(reactor.clone(), tcp));
    subject.block_on(check(reactor, unix));
}

pub fn a_protocol_that_pauses_reading_slows_the_other_end_down(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut client, server) = subject.block_on(connection(&reactor));
    let notes = Notes::default();
    let transport = protocol::attach(&reactor, server, Echo::new(&reactor, &notes));
    transport.pause_reading();
    let resuming = transport.clone();
    subject.block_on(async {
        let mut sent = 0;
        // Until there is no room.
        loop {
            let mut writing = Box::pin(client.write(&[7; 65536]));
            match reactor
                .timeout(std::time::Duration::from_millis(200), &mut writing)
                .await
            {
                Ok(written) => sent += written,
                Err(_) => break,
            }
        }
        assert_eq!(notes.received().len(), 0);
        resuming.resume_reading();
        let mut left = sent;
        let mut buf = vec![0; 1 << 20];
        while left > 0 {
            left -= client.read(&mut buf).await.unwrap();
        }
        assert_eq!(notes.received().len(), sent);
    });
    transport.lose_connection();
    subject.block_on(transport.closed()).unwrap();
}

/// Sends back what comes, and panics at a zero.
struct Touchy;

impl Protocol for Touchy {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        assert!(!data.contains(&0), "on purpose");
        transport.write(data);
    }
}

pub fn two_hundred_connections_are_served_and_one_that_panics_is_lost_alone(mut subject: AnySubject) {
    const CONNECTIONS: u8 = 200;

    let reactor = subject.reactor();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let port = protocol::serve(&reactor, listener.into_incoming(), || Touchy);
    let client = |number: u8| {
        let reactor = reactor.clone();
        async move {
            let mut stream = TcpStream::connect(&reactor, addr).await?;
            for _ in 0..10 {
                stream.write_all(&[number; 100]).await?;
                let mut answer = [0; 100];
                match stream.read_exact(&mut answer).await {
                    Ok(()) => assert_eq!(answer, [number; 100]),
                    Err(_) if number == 0 => return Ok(true),
                    Err(error) => return Err(error),
                }
            }
            Ok::<_, io::Error>(false)
        }
    };
    let clients: Vec<_> = (0..CONNECTIONS).map(|number| reactor.spawn(client(number))).collect();
    let lost = subject.block_on(try_join_all(clients)).unwrap();
    assert!(lost[0], "the connection of the one that panicked is closed");
    assert!(!lost[1..].contains(&true));
    port.stop();
    subject.block_on(port.stopped()).unwrap();
}

pub fn a_port_that_is_stopped_accepts_no_more_and_leaves_connections_alone(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let port = protocol::serve(&reactor, listener.into_incoming(), || Touchy);
    subject.block_on(async {
        let mut stream = TcpStream::connect(&reactor, addr).await.unwrap();
        let mut answer = [0];
        stream.write_all(b"1").await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        port.stop();
        port.stopped().await.unwrap();
        assert!(TcpStream::connect(&reactor, addr).await.is_err());
        stream.write_all(b"2").await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"2");
    });
}

pub fn a_connection_becomes_a_stream_and_a_connection_again(mut subject: AnySubject) {
    async fn check<S: Channel>(reactor: Reactor, (mut ours, theirs): (S, S)) {
        let notes = Notes::default();
        let transport = protocol::attach(&reactor, theirs, Echo::new(&reactor, &notes));
        let mut answer = [0; 3];
        ours.write_all(b"one").await.unwrap();
        ours.read_exact(&mut answer).await.unwrap();
        transport.unread(b"unread, ");
        let mut stream = transport.detach().await.unwrap();
        ours.write_all(b"two").await.unwrap();
        let mut buf = [0; 11];
        stream.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"unread, two");
        stream.write_all(b"2nd").await.unwrap();
        ours.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"2nd");
        let transport = protocol::attach(&reactor, stream, Echo::new(&reactor, &notes));
        ours.write_all(b"end").await.unwrap();
        ours.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"end");
        transport.lose_connection();
        assert!(transport.closed().await.unwrap().is_closed());
        assert_eq!(notes.calls(), "mdmdc");
    }
    let reactor = subject.reactor();
    let (tcp, unix) = pairs(&mut subject);
    subject.block_on(check(reactor.clone(), tcp));
    subject.block_on(check(reactor, unix));
}

pub fn options_are_set_on_the_socket(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (client, server) = subject.block_on(connection(&reactor));
    let transport = protocol::attach(&reactor, server, Touchy);
    for on in [true, false] {
        // In the order in which they are asked for.
        let (set, is_set) = (transport.set_nodelay(on), transport.nodelay());
        let keepalive = on.then(|| Keepalive::new().probes(3));
        let (asks, is_asking) = (transport.set_keepalive(keepalive), transport.keepalive());
        subject.block_on(set).unwrap();
        subject.block_on(asks).unwrap();
        assert_eq!(subject.block_on(is_set).unwrap(), on);
        assert_eq!(subject.block_on(is_asking).unwrap(), on);
    }
    let ttl = transport.with_socket(|socket| SockRef::from(&socket).ttl_v4());
    assert!(subject.block_on(ttl).unwrap() > 0);
    drop(client);
    subject.block_on(transport.closed()).unwrap();
    assert!(subject.block_on(transport.nodelay()).is_err());
}

pub fn a_plain_thread_writes_and_closes(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (mut client, server) = subject.block_on(connection(&reactor));
    let transport = protocol::attach(&reactor, server, Touchy);
    let writing: Deferred<()> = on_thread(move || {
        for _ in 0..1000 {
            transport.write(&[7; 1000]);
        }
        transport.lose_connection();
    });
    let mut all = Vec::new();
    subject.block_on(client.read_to_end(&mut all)).unwrap();
    assert_eq!(all, vec![7; 1_000_000]);
    subject.block_on(writing).unwrap();
}

pub fn a_peer_of_the_standard_library_is_served(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let listener = listen(&reactor);
    let addr = listener.local_addr().unwrap();
    let port = protocol::serve(&reactor, listener.into_incoming(), || Touchy);
    let answer = subject.block_on(on_thread(move || {
        let mut stream = StdStream::connect(addr).unwrap();
        stream.write_all(b"hello").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }));
    assert_eq!(answer.unwrap(), "hello");
    port.stop();
    subject.block_on(port.stopped()).unwrap();
}
