//! How connections end, and what is said of it.

use interloop::protocol::Lost;

use super::{Event, attach, closed, data};

fn lost(reason: &str) -> Event {
    Event::Lost(reason.to_owned())
}

#[test]
fn losing_a_connection_sends_what_is_written() {
    let mut setup = attach(4, |recorder| recorder);
    setup.transport.write(b"farewell");
    setup.transport.lose_connection();
    assert!(setup.transport.is_closing());
    assert_eq!(setup.events(), [Event::Made]);
    assert_eq!(setup.received_to_the_end(), b"farewell");
    assert_eq!(setup.events(), [closed(), Event::Dropped]);
}

#[test]
fn nothing_is_received_after_losing_the_connection() {
    let mut setup = attach(4, |recorder| recorder);
    setup.transport.write(b"farewell");
    setup.transport.lose_connection();
    assert!(!setup.transport.is_reading());
    setup.send(b"more");
    assert_eq!(setup.events(), [Event::Made]);
}

#[test]
fn aborting_drops_what_is_not_sent() {
    let mut setup = attach(4, |recorder| recorder);
    setup.transport.write(b"farewell");
    assert_eq!(setup.events(), [Event::Made]);
    setup.transport.abort();
    assert_eq!(setup.events.take(), [], "not inside of the call");
    assert_eq!(setup.events(), [lost("cancelled"), Event::Dropped]);
    assert_eq!(setup.received_to_the_end(), b"fare");
}

#[test]
fn aborting_goes_before_losing() {
    let setup = attach(4, |recorder| recorder);
    setup.transport.write(b"farewell");
    setup.transport.lose_connection();
    assert_eq!(setup.events(), [Event::Made]);
    setup.transport.abort();
    setup.transport.lose_connection();
    assert_eq!(setup.events(), [lost("cancelled"), Event::Dropped]);
}

#[test]
fn a_connection_that_is_over_takes_nothing() {
    let setup = attach(100, |recorder| recorder);
    setup.transport.lose_connection();
    setup.events();
    setup.transport.write(b"late");
    setup.transport.pause_reading();
    setup.transport.unread(b"late");
    setup.transport.abort();
    assert_eq!(setup.transport.buffered(), 0);
    assert!(setup.transport.is_closing());
    assert!(!setup.transport.is_reading());
    assert_eq!(setup.events(), []);
}

#[test]
fn a_write_that_fails_is_the_reason() {
    let setup = attach(4, |recorder| recorder);
    setup.events();
    setup.transport.pause_reading();
    setup.clock.run_until_stalled();
    drop(setup.stream);
    setup.transport.write(b"nobody reads this");
    setup.clock.run_until_stalled();
    assert_eq!(setup.events.take(), [lost("BrokenPipe"), Event::Dropped]);
}

#[test]
fn the_end_can_be_waited_for() {
    let setup = attach(4, |recorder| recorder);
    let before = setup.transport.closed();
    setup.transport.lose_connection();
    setup.clock.run_until_stalled();
    assert!(before.try_take().unwrap().unwrap().is_closed());
    assert!(setup.transport.closed().try_take().unwrap().unwrap().is_closed());
}

#[test]
fn a_panic_loses_the_connection_and_nothing_else() {
    let mut setup = attach(100, |recorder| recorder.on_data(|_, _| panic!("on purpose")));
    let reactor = setup.clock.reactor();
    let other = reactor.spawn_infallible(async { 7 });
    let end = setup.transport.closed();
    setup.send(b"x");
    setup.transport.write(b"not sent");
    let events = setup.events();
    assert_eq!(events[..2], [Event::Made, data(b"x")]);
    assert!(
        matches!(&events[2], Event::Lost(reason) if reason.contains("on purpose")),
        "{events:?}"
    );
    assert_eq!(events[3..], [Event::Dropped]);
    assert!(matches!(end.try_take().unwrap().unwrap(), Lost::Aborted(why) if why.is_panicked()));
    assert_eq!(other.try_take().unwrap().unwrap(), 7);
}

#[test]
fn a_loop_that_shuts_down_is_the_reason() {
    let mut loops = futures_executor::LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(loops.spawner());
    let events = super::Events::default();
    let (stream, other) = interloop::net::memory::pair(10);
    let transport = interloop::protocol::attach(&reactor, other, super::Recorder::new(&events));
    loops.run_until_stalled();
    drop(loops);
    let events = events.take();
    assert_eq!(events.len(), 3);
    assert_eq!(events[0], Event::Made);
    assert!(
        matches!(&events[1], Event::Lost(reason) if reason.contains("shut down")),
        "{events:?}"
    );
    assert!(transport.is_closing());
    drop(stream);
}

#[test]
fn a_protocol_whose_task_never_ran_hears_of_nothing() {
    let events = super::Events::default();
    let pool = futures_executor::LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    let (_stream, other) = interloop::net::memory::pair(10);
    let transport = interloop::protocol::attach(&reactor, other, super::Recorder::new(&events));
    drop(pool);
    assert_eq!(events.take(), [Event::Dropped]);
    assert!(transport.is_closing());
}
