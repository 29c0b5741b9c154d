//! A service that keeps one connection.

use std::{
    io::ErrorKind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use futures_executor::block_on;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Clock, Deferred,
    protocol::{
        Address, Factory, Lost, Protocol, Transport,
        endpoint::{Backoff, ClientService},
    },
};

use super::{Scripted, Shout, pass};

/// Makes protocols, but for the first few connections, and counts its ends.
struct Makes {
    refused: u32,
    ended: Arc<AtomicU32>,
}

impl Factory for Makes {
    type Protocol = Shout;

    fn build_protocol(&mut self, _: Option<&Address>) -> Option<Shout> {
        match self.refused.checked_sub(1) {
            Some(left) => {
                self.refused = left;
                None
            }
            None => Some(Shout),
        }
    }

    fn stopped(&mut self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

struct Setup {
    clock: Clock,
    scripted: Scripted,
    ended: Arc<AtomicU32>,
    service: ClientService,
}

fn start_with(failures: &[ErrorKind], refused: u32, policy: Backoff) -> Setup {
    let clock = Clock::new();
    let scripted = Scripted::new(&clock, failures.iter().copied());
    let ended = Arc::<AtomicU32>::default();
    let makes = Makes {
        refused,
        ended: ended.clone(),
    };
    let policy = policy.factor(2.0).jitter(0.0);
    let service = ClientService::start(&clock.reactor(), scripted.clone(), makes, policy);
    clock.run_until_stalled();
    Setup {
        clock,
        scripted,
        ended,
        service,
    }
}

fn start(failures: &[ErrorKind]) -> Setup {
    start_with(failures, 0, Backoff::new())
}

impl Setup {
    fn pass(&self, seconds: u64) {
        pass(&self.clock, seconds);
    }
}

const REFUSED: ErrorKind = ErrorKind::ConnectionRefused;

#[test]
fn the_connection_is_handed_out_when_it_is_there() {
    let setup = start(&[REFUSED; 2]);
    let before = setup.service.when_connected();
    setup.pass(2);
    assert!(!before.is_settled());
    setup.pass(1);
    let transport = before.try_take().unwrap().unwrap();
    let after = setup.service.when_connected().try_take().unwrap().unwrap();
    transport.write(b"one, ");
    after.write(b"and the same");
    setup.clock.run_until_stalled();
    let mut received = [0; 17];
    block_on(setup.scripted.server().read_exact(&mut received)).unwrap();
    assert_eq!(&received, b"one, and the same");
}

#[test]
fn the_protocol_is_the_factorys() {
    let setup = start(&[]);
    let mut server = setup.scripted.server();
    block_on(server.write_all(b"hello")).unwrap();
    setup.clock.run_until_stalled();
    let mut received = [0; 5];
    block_on(server.read_exact(&mut received)).unwrap();
    assert_eq!(&received, b"HELLO");
}

#[test]
fn a_lost_connection_is_made_again_after_a_delay_that_begins_anew() {
    let setup = start(&[REFUSED; 2]);
    setup.pass(3);
    assert_eq!(setup.scripted.attempts(), [0.0, 1.0, 3.0]);
    drop(setup.scripted.server());
    setup.clock.run_until_stalled();
    let next = setup.service.when_connected();
    assert!(!next.is_settled(), "the one that is lost is not handed out");
    setup.pass(1);
    assert_eq!(setup.scripted.attempts(), [0.0, 1.0, 3.0, 4.0]);
    assert!(next.try_take().unwrap().is_ok());
}

#[test]
fn who_waits_for_so_many_attempts_hears_of_the_last_of_them() {
    let setup = start(&[REFUSED, REFUSED, ErrorKind::TimedOut]);
    let (impatient, patient) = (setup.service.when_connected_within(2), setup.service.when_connected());
    setup.pass(1);
    assert!(!impatient.is_settled());
    setup.pass(2);
    let reason = impatient.try_take().unwrap().unwrap_err();
    assert!(matches!(reason, Lost::Failed(error) if error.kind() == ErrorKind::TimedOut));
    assert!(!patient.is_settled());
    setup.pass(4);
    assert!(patient.try_take().unwrap().is_ok());
}

#[test]
fn stopping_closes_the_connection_and_makes_no_other() {
    let setup = start(&[]);
    let transport = setup.service.when_connected().try_take().unwrap().unwrap();
    transport.write(b"last words");
    let stopped = setup.service.stop();
    assert!(!stopped.is_settled());
    setup.clock.run_until_stalled();
    assert!(stopped.try_take().unwrap().is_ok());
    assert!(transport.closed().try_take().unwrap().unwrap().is_closed());
    let mut received = String::new();
    block_on(setup.scripted.server().read_to_string(&mut received)).unwrap();
    assert_eq!(received, "last words");
    setup.pass(1000);
    assert_eq!(setup.scripted.attempts(), [0.0]);
    assert_eq!(setup.ended.load(Ordering::Relaxed), 1);
    let late = setup.service.when_connected().try_take().unwrap().unwrap_err();
    assert!(matches!(late, Lost::Aborted(why) if why.is_cancelled()));
    assert!(setup.service.stop().try_take().unwrap().is_ok(), "once more");
}

#[test]
fn stopping_ends_what_waits_for_a_connection() {
    let setup = start(&[REFUSED; 9]);
    let waiting = setup.service.when_connected();
    let stopped = setup.service.stop();
    setup.clock.run_until_stalled();
    assert!(stopped.try_take().unwrap().is_ok());
    let reason = waiting.try_take().unwrap().unwrap_err();
    assert!(matches!(reason, Lost::Aborted(why) if why.is_cancelled()));
    assert_eq!(setup.clock.pending_timers(), 0);
    assert_eq!(setup.ended.load(Ordering::Relaxed), 1);
}

#[test]
fn when_all_attempts_have_failed_the_service_has_ended() {
    let setup = start_with(&[REFUSED; 9], 0, Backoff::new().attempts(2));
    let waiting = setup.service.when_connected();
    setup.pass(100);
    assert_eq!(setup.scripted.attempts(), [0.0, 1.0]);
    for waiting in [waiting, setup.service.when_connected()] {
        let reason = waiting.try_take().unwrap().unwrap_err();
        assert!(matches!(reason, Lost::Failed(error) if error.kind() == REFUSED));
    }
    assert!(setup.service.stop().try_take().unwrap().is_ok());
}

#[test]
fn a_connection_that_the_factory_refuses_is_closed_and_another_made() {
    let setup = start_with(&[], 1, Backoff::new());
    let waiting = setup.service.when_connected();
    let mut received = Vec::new();
    block_on(setup.scripted.server().read_to_end(&mut received)).unwrap();
    assert!(!waiting.is_settled());
    setup.pass(1);
    assert!(waiting.try_take().unwrap().is_ok());
}

#[test]
fn a_loop_that_shuts_down_ends_the_service() {
    let mut pool = futures_executor::LocalPool::new();
    let reactor = interloop_futures::from_local_spawner(pool.spawner());
    let scripted = Scripted::new(&Clock::new(), []);
    let connected = ClientService::start(&reactor, scripted.clone(), || Shout, Backoff::new());
    let begun = ClientService::start(&reactor, scripted, || Shout, Backoff::new());
    let waiting = begun.when_connected();
    pool.run_until_stalled();
    assert!(waiting.try_take().unwrap().is_ok());
    let never = ClientService::start(&reactor, Scripted::new(&Clock::new(), []), || Shout, Backoff::new());
    let waiting = never.when_connected();
    drop(pool);
    for waiting in [waiting, connected.when_connected(), begun.when_connected()] {
        let reason = waiting.try_take().unwrap().unwrap_err();
        assert!(matches!(reason, Lost::Aborted(why) if why.is_shut_down()));
    }
    assert!(connected.stop().try_take().unwrap().is_ok());
}

#[test]
fn a_service_that_is_dropped_goes_on() {
    let setup = start(&[]);
    drop(setup.service);
    drop(setup.scripted.server());
    pass(&setup.clock, 1);
    assert_eq!(setup.scripted.attempts(), [0.0, 1.0]);
}

#[test]
fn a_connection_that_is_taken_away_is_replaced() {
    let setup = start(&[]);
    let transport = setup.service.when_connected().try_take().unwrap().unwrap();
    let detached = transport.detach();
    setup.pass(1);
    assert!(detached.try_take().unwrap().is_ok());
    assert_eq!(setup.scripted.attempts(), [0.0, 1.0]);
}

#[test]
fn a_service_that_is_stopped_while_a_protocol_is_made_waits_for_the_end_of_its_connection() {
    struct Notes(Arc<AtomicU32>);

    impl Protocol for Notes {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {}

        fn connection_lost(&mut self, _: &Transport, reason: &Lost) {
            assert!(reason.is_closed());
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The service, and how many connections had ended when it had stopped.
    type Stopped = (ClientService, Option<Deferred<u32>>);

    let clock = Clock::new();
    let ends = Arc::<AtomicU32>::default();
    let stopped = Arc::new(Mutex::new(None::<Stopped>));
    let factory = {
        let (ends, stopped) = (ends.clone(), stopped.clone());
        move || {
            if let Some((service, stopped)) = &mut *stopped.lock().unwrap() {
                let ends = ends.clone();
                *stopped = Some(service.stop().map_ok(move |()| ends.load(Ordering::Relaxed)));
            }
            Notes(ends.clone())
        }
    };
    let scripted = Scripted::new(&clock, []);
    let service = ClientService::start(&clock.reactor(), scripted, factory, Backoff::new());
    *stopped.lock().unwrap() = Some((service.clone(), None));
    let connected = service.when_connected();
    clock.run_until_stalled();
    let (_, stopped) = stopped.lock().unwrap().take().unwrap();
    // Behind the end of the connection, as at any other time.
    assert_eq!(stopped.unwrap().try_take().unwrap().unwrap(), 1);
    assert!(connected.try_take().unwrap().is_err());
}
