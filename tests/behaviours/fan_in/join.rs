//! Waiting for deferreds of different types.

use std::cell::RefCell;

use interloop::{Aborted, State};

use super::{CANCELLED, Child, cancellable};
use crate::flavour::{Callback, Deferred, Log, Place, join};

#[test]
fn values_of_different_types_come_together() {
    let (name, named) = Deferred::<&str, String>::pair();
    let (age, aged) = Deferred::<u8, String>::pair();
    let person = join((named, aged));
    age.complete(42);
    assert_eq!(person.state(), State::Pending);
    name.complete("eve");
    assert_eq!(person.try_take().unwrap().unwrap(), ("eve", 42));
}

#[test]
fn two_to_eight_can_be_joined() {
    fn one<T: Callback>(value: T) -> Deferred<T> {
        Deferred::ready(value)
    }
    assert_eq!(join((one(1), one('2'))).try_take().unwrap().unwrap(), (1, '2'));
    let three = join((one(1), one(2), one(3)));
    assert_eq!(three.try_take().unwrap().unwrap(), (1, 2, 3));
    let four = join((one(1), one(2), one(3), one(4)));
    assert_eq!(four.try_take().unwrap().unwrap(), (1, 2, 3, 4));
    let five = join((one(1), one(2), one(3), one(4), one(5)));
    assert_eq!(five.try_take().unwrap().unwrap(), (1, 2, 3, 4, 5));
    let six = join((one(1), one(2), one(3), one(4), one(5), one(6)));
    assert_eq!(six.try_take().unwrap().unwrap(), (1, 2, 3, 4, 5, 6));
    let seven = join((one(1), one(2), one(3), one(4), one(5), one(6), one(7)));
    assert_eq!(seven.try_take().unwrap().unwrap(), (1, 2, 3, 4, 5, 6, 7));
    let eight = join((one(1), one(2), one(3), one(4), one(5), one(6), one(7), one("8")));
    assert_eq!(eight.try_take().unwrap().unwrap(), (1, 2, 3, 4, 5, 6, 7, "8"));
}

#[test]
fn the_first_failure_decides_and_the_others_go_on() {
    let (first, one) = Deferred::<u8, String>::pair();
    let (second, two) = Deferred::<char, String>::pair();
    let both = join((one, two));
    second.fail("no".to_owned());
    let error = both.try_take().unwrap().unwrap_err();
    assert_eq!((error.index(), error.into_error()), (Some(1), "no".to_owned()));
    assert!(!first.is_closed());
    first.fail("too late".to_owned());
}

#[test]
fn one_that_has_failed_already_decides_at_once() {
    let (completer, pending) = Deferred::<u8, String>::pair();
    let both = join((pending, Deferred::<char, String>::failed("no".to_owned())));
    assert_eq!(both.try_take().unwrap().unwrap_err().index(), Some(1));
    assert!(!completer.is_closed());
}

#[test]
fn cancelling_cancels_each_in_order_and_what_becomes_of_them_makes_the_result() {
    let log = Log::default();
    let (_completers, mut deferreds) = cancellable(&log, 2, |_, cancellation| cancellation.complete(5));
    let inside = log.clone();
    let (_completer, text) = Deferred::<&str, String>::with_canceller(move |cancellation| {
        inside.push("cancel text");
        cancellation.complete("given up");
    });
    let (second, first) = (deferreds.pop().unwrap(), deferreds.pop().unwrap());
    let all = join((first, text, second));
    all.cancel();
    assert_eq!(log.events(), ["cancel 0", "cancel text", "cancel 1"]);
    assert_eq!(all.try_take().unwrap().unwrap(), (5, "given up", 5));

    let (_one, first) = Deferred::<u8, String>::pair();
    let (_two, second) = Deferred::<char, String>::pair();
    let both = join((first, second));
    both.cancel();
    let error = both.try_take().unwrap().unwrap_err();
    assert_eq!((error.index(), error.into_error()), (Some(0), CANCELLED.to_owned()));
}

#[test]
fn those_that_refuse_leave_it_waiting() {
    let log = Log::default();
    let (mut completers, mut deferreds) = cancellable(&log, 1, |_, cancellation| cancellation.refuse());
    let both = join((deferreds.remove(0), Child::ready(2)));
    both.cancel();
    both.cancel();
    assert_eq!((log.events().len(), both.state()), (2, State::Pending));
    completers.remove(0).complete(1);
    assert_eq!(both.try_take().unwrap().unwrap(), (1, 2));
}

#[test]
fn cancelling_after_the_decision_leaves_the_rest_alone() {
    let (first, one) = Deferred::<u8, String>::pair();
    let both = join((one, Deferred::<char, String>::failed("no".to_owned())));
    both.cancel();
    assert!(!first.is_closed());
    assert!(both.try_take().unwrap().is_err());
}

#[test]
fn values_that_are_not_needed_any_more_are_dropped() {
    let token = Place::<u32>::default();
    let (first, one) = Deferred::<Place<u32>>::pair();
    let (second, two) = Deferred::<u8>::pair();
    let (third, three) = Deferred::<RefCell<Place<u32>>>::pair();
    let whole = join((one, two, three));
    first.complete(token.clone());
    second.fail(Aborted::timed_out());
    third.complete(RefCell::new(token.clone()));
    assert!(whole.try_take().unwrap().unwrap_err().error().is_timed_out());
    assert_eq!(token.count(), 1);
}

#[test]
fn a_callback_of_the_whole_that_panics_does_not_reach_who_fires() {
    let (completer, one) = Deferred::<u8>::pair();
    let both = join((one, Deferred::ready(2))).map_ok(|(a, b)| -> u8 { panic!("{}", a + b) });
    completer.complete(1);
    let error = both.try_take().unwrap().unwrap_err();
    assert_eq!(error.error().panic_message(), Some("3"));
}
