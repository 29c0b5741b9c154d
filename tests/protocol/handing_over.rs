//! From one protocol to another, and to a stream.

use std::io;

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Clock,
    net::memory,
    protocol::{self, Bare, Channel, Detached, Lost, Protocol, Transport},
};

use super::{Event, Events, Recorder, attach, closed, data};

#[test]
fn the_next_protocol_gets_what_the_former_did_not_want() {
    let next = Events::default();
    let events = next.clone();
    let mut setup = attach(100, |recorder| {
        recorder.on_data(move |transport, data| {
            transport.unread(&data[3..]);
            transport.set_protocol(Recorder::new(&events));
        })
    });
    setup.send(b"oldnew");
    assert_eq!(setup.events(), [Event::Made, data(b"oldnew"), Event::Dropped]);
    assert_eq!(next.take(), [Event::Made, data(b"new")]);
    setup.send(b"more");
    setup.close();
    setup.events();
    assert_eq!(next.take(), [data(b"more"), Event::Eof, closed(), Event::Dropped]);
}

#[test]
fn a_detached_stream_has_what_was_unread_and_what_comes() {
    let (sender, receiver) = std::sync::mpsc::channel::<Detached>();
    let mut setup = attach(100, |recorder| {
        recorder.on_data(move |transport, data| {
            transport.write(b"switching");
            transport.unread(&data[3..]);
            let sender = sender.clone();
            transport
                .detach()
                .map_ok(move |stream| sender.send(stream).unwrap())
                .detach();
        })
    });
    setup.send(b"oldnew");
    assert_eq!(
        setup.events(),
        [Event::Made, data(b"oldnew"), Event::Dropped],
        "no connection_lost"
    );
    setup.send(b", more");
    let mut stream = receiver.try_recv().unwrap();
    futures_executor::block_on(async {
        let mut buf = [0; 5];
        stream.read_exact(&mut buf).await?;
        assert_eq!(&buf, b"new, ");
        stream.write_all(b" done").await?;
        stream.close().await?;
        Ok::<_, io::Error>(())
    })
    .unwrap();
    assert_eq!(setup.received_to_the_end(), b"switching done");
    assert!(setup.transport.is_closing());
    assert!(setup.transport.closed().try_take().unwrap().unwrap_err().is_dropped());
    assert!(setup.transport.detach().try_take().unwrap().is_err());
}

#[test]
fn detaching_waits_until_all_is_sent() {
    let mut setup = attach(4, |recorder| recorder);
    setup.transport.write(b"12345678");
    let detached = setup.transport.detach();
    setup.events();
    assert!(!detached.is_settled());
    assert_eq!(setup.received(4), b"1234");
    let stream = detached.try_take().unwrap().unwrap();
    drop(stream);
    assert_eq!(setup.received_to_the_end(), b"5678");
}

#[test]
fn a_stream_goes_back_to_a_protocol() {
    let mut setup = attach(100, |recorder| recorder);
    let detached = setup.transport.detach();
    setup.events();
    let events = Events::default();
    let stream = detached.try_take().unwrap().unwrap();
    let again = protocol::attach(&setup.clock.reactor(), stream, Recorder::new(&events));
    setup.send(b"again");
    setup.clock.run_until_stalled();
    assert_eq!(events.take(), [Event::Made, data(b"again")]);
    again.write(b"both ways");
    assert_eq!(setup.received(100), b"both ways");
}

#[test]
fn detaching_twice_fails_the_second_time() {
    let setup = attach(4, |recorder| recorder);
    setup.transport.write(b"12345678");
    let (first, second) = (setup.transport.detach(), setup.transport.detach());
    setup.events();
    assert!(second.try_take().unwrap().is_err());
    assert!(!first.is_settled());
    first.detach();
}

#[test]
fn detaching_fails_with_the_reason_when_the_connection_is_lost_before() {
    let setup = attach(4, |recorder| recorder);
    setup.transport.write(b"12345678");
    let detached = setup.transport.detach();
    setup.events();
    setup.transport.abort();
    setup.events();
    assert!(matches!(detached.try_take(), Ok(Err(Lost::Aborted(_)))));
}

#[test]
fn a_protocol_runs_over_anything_that_reads_and_writes() {
    let clock = Clock::new();
    let events = Events::default();
    let (mut stream, other) = memory::pair(10);
    protocol::attach(&clock.reactor(), Bare(other), Recorder::new(&events));
    futures_executor::block_on(stream.write_all(b"bare")).unwrap();
    clock.run_until_stalled();
    assert_eq!(events.take(), [Event::Made, data(b"bare")]);
}

#[test]
fn options_need_a_socket() {
    let setup = attach(4, |recorder| recorder);
    let option = setup.transport.with_socket(|_| Ok(()));
    setup.events();
    assert_eq!(
        option.try_take().unwrap().unwrap_err().kind(),
        io::ErrorKind::Unsupported
    );
    let (one, _) = memory::pair(1);
    assert!(one.socket().is_none() && one.peer_address().is_none());
}

#[test]
fn the_end_of_the_writing_direction_is_not_forgotten_by_detaching() {
    let mut setup = attach(100, |recorder| recorder);
    setup.transport.write(b"all");
    setup.transport.write_eof();
    let detached = setup.transport.detach();
    setup.events();
    let stream = detached.try_take().unwrap().unwrap();
    assert_eq!(setup.received_to_the_end(), b"all");
    drop(stream);
}

#[test]
fn who_detaches_a_connection_that_is_aborted_learns_why_there_is_none() {
    let setup = attach(100, |recorder| recorder);
    let detached = setup.transport.detach();
    setup.transport.abort();
    setup.events();
    let error = detached.try_take().unwrap().unwrap_err();
    assert!(matches!(&error, Lost::Aborted(why) if why.is_cancelled()), "{error:?}");
}

#[test]
fn a_protocol_is_replaced_when_its_connection_is_made() {
    struct First(Option<Events>);

    impl Protocol for First {
        fn connection_made(&mut self, transport: &Transport) {
            transport.unread(b"given, ");
            transport.set_protocol(Recorder::new(&self.0.take().unwrap()));
        }

        fn data_received(&mut self, _: &Transport, _: &[u8]) {
            unreachable!("it is replaced before anything is received")
        }
    }

    let (clock, events) = (Clock::new(), Events::default());
    let (mut ours, theirs) = memory::pair(10);
    futures_executor::block_on(futures_util::io::AsyncWriteExt::write_all(&mut ours, b"sent")).unwrap();
    protocol::attach(&clock.reactor(), theirs, First(Some(events.clone())));
    clock.run_until_stalled();
    assert_eq!(events.take(), [Event::Made, data(b"given, "), data(b"sent")]);
}

#[test]
fn a_protocol_that_comes_after_the_end_of_the_stream_hears_of_that() {
    let mut setup = attach(100, |recorder| recorder.staying_open());
    setup.close();
    assert_eq!(setup.events(), [Event::Made, Event::Eof]);
    let next = Events::default();
    setup.transport.unread(b"rest");
    setup.transport.set_protocol(Recorder::new(&next));
    setup.events();
    assert_eq!(
        next.take(),
        [Event::Made, data(b"rest"), Event::Eof, closed(), Event::Dropped]
    );
}

#[test]
fn a_connection_goes_from_stream_to_protocol_and_back_many_times() {
    let mut setup = attach(100, |recorder| recorder);
    let mut transport = setup.transport.clone();
    for round in 0..20_u8 {
        transport.unread(&[round]);
        let detached = transport.detach();
        setup.events();
        let stream = detached.try_take().unwrap().unwrap();
        setup.send(&[100 + round]);
        transport = protocol::attach(&setup.clock.reactor(), stream, Recorder::new(&setup.events));
        let events = setup.events();
        assert_eq!(events[..2], [Event::Made, data(&[round])], "{events:?}");
        assert_eq!(events[2..], [data(&[100 + round])]);
    }
}
