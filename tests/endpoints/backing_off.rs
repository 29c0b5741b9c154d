//! Delays between attempts, and a client that makes them.

use std::{io::ErrorKind, time::Duration};

use interloop::{
    Clock,
    protocol::endpoint::{Backoff, ClientEndpoint, Retrying},
};

use super::{Scripted, Shout, pass};

fn policy() -> Backoff {
    Backoff::new().factor(2.0).jitter(0.0)
}

#[test]
fn delays_grow_up_to_the_longest() {
    let policy = policy().initial(Duration::from_millis(300)).max(Duration::from_secs(2));
    let delays = policy.delays().take(5).map(|delay| delay.as_millis());
    assert_eq!(delays.collect::<Vec<_>>(), [300, 600, 1200, 2000, 2000]);
}

#[test]
fn the_first_delay_is_no_longer_than_the_longest() {
    let policy = policy().initial(Duration::MAX).max(Duration::from_secs(2));
    assert_eq!(policy.delays().next(), Some(Duration::from_secs(2)));
}

#[test]
fn jitter_takes_no_more_than_its_share() {
    let policy = policy().factor(1.0).jitter(0.5);
    let delays = policy.delays().take(1000).collect::<Vec<_>>();
    let (shortest, longest) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(*shortest > Duration::from_millis(500) && *longest <= Duration::from_secs(1));
    assert!(
        *longest - *shortest > Duration::from_millis(400),
        "{shortest:?} to {longest:?}"
    );
}

#[test]
fn a_seed_decides_what_is_random() {
    let delays = |policy: Backoff| policy.delays().take(10).collect::<Vec<_>>();
    assert_eq!(delays(Backoff::new().seed(7)), delays(Backoff::new().seed(7)));
    assert_ne!(delays(Backoff::new().seed(7)), delays(Backoff::new().seed(8)));
    assert_ne!(delays(Backoff::new()), delays(Backoff::new()));
}

#[test]
fn a_client_is_tried_until_it_connects() {
    let clock = Clock::new();
    let scripted = Scripted::new(&clock, [ErrorKind::ConnectionRefused; 3]);
    let connecting = Retrying::new(scripted.clone(), policy()).connect(&clock.reactor(), Shout);
    pass(&clock, 6);
    clock.advance(Duration::from_millis(999));
    assert!(!connecting.is_settled());
    clock.advance(Duration::from_millis(1));
    assert!(connecting.try_take().unwrap().is_ok());
    assert_eq!(scripted.attempts(), [0.0, 1.0, 3.0, 7.0]);
}

#[test]
fn the_last_of_all_attempts_says_why() {
    let clock = Clock::new();
    let scripted = Scripted::new(&clock, [ErrorKind::ConnectionRefused, ErrorKind::TimedOut]);
    let retrying = Retrying::new(scripted.clone(), policy().attempts(2));
    let connecting = retrying.connect(&clock.reactor(), Shout);
    pass(&clock, 100);
    let error = connecting.try_take().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(scripted.attempts(), [0.0, 1.0]);
}

#[test]
fn cancelling_ends_the_attempts() {
    let clock = Clock::new();
    let scripted = Scripted::new(&clock, [ErrorKind::ConnectionRefused; 3]);
    let connecting = Retrying::new(scripted.clone(), policy()).connect(&clock.reactor(), Shout);
    pass(&clock, 1);
    connecting.cancel();
    pass(&clock, 100);
    assert_eq!(scripted.attempts(), [0.0, 1.0]);
    assert_eq!(clock.pending_timers(), 0);
    assert!(connecting.try_take().unwrap().is_err());
}
