//! Long chains with handles and cancellers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use interloop::{CancelHandle, Completer, Deferred};

use crate::{ENDS, End, MILLION, add, in_little_space, nested};

#[test]
fn a_chain_can_have_a_handle_at_every_link() {
    for end in ENDS {
        in_little_space(move || {
            let (completer, mut chain) = Deferred::<u64>::pair();
            let mut handles = Vec::new();
            for _ in 0..MILLION {
                handles.push(chain.cancel_handle());
                chain = chain.map_ok(|n| n + 1);
            }
            let (completer, chain) = end.bring_about(completer, chain);
            handles.iter().for_each(CancelHandle::cancel);
            end.check(chain);
            drop(completer);
        });
    }
}

#[test]
fn waits_for_waits_are_cancelled_through_a_handle_of_the_outermost() {
    in_little_space(|| {
        let (innermost, mut outermost) = nested(Deferred::pair);
        let handle = outermost.cancel_handle();
        let outermost = add(outermost, 1);
        handle.cancel();
        assert!(innermost.is_closed());
        handle.cancel();
        assert!(outermost.try_take().unwrap().unwrap_err().is_cancelled());
    });
}

#[test]
fn waits_for_waits_that_have_a_handle_each_are_cancelled_through_any() {
    for which in [0, MILLION] {
        in_little_space(move || {
            let handles = std::sync::Mutex::new(Vec::new());
            let (innermost, outermost) = nested(|| {
                let (completer, mut deferred) = Deferred::pair();
                handles.lock().unwrap().push(deferred.cancel_handle());
                (completer, deferred)
            });
            handles.lock().unwrap()[which as usize].cancel();
            assert!(innermost.is_closed());
            assert!(outermost.try_take().unwrap().unwrap_err().is_cancelled());
        });
    }
}

/// Pairs whose cancellers count together.
fn counting(calls: &Arc<AtomicU64>) -> impl Fn() -> (Completer<u64>, Deferred<u64>) + 'static {
    let calls = calls.clone();
    move || {
        let calls = calls.clone();
        Deferred::with_canceller(move |_| {
            calls.fetch_add(1, Relaxed);
        })
    }
}

#[test]
fn of_waits_for_waits_with_cancellers_the_innermost_is_asked() {
    for end in [End::Complete, End::Cancel] {
        in_little_space(move || {
            let calls = Arc::new(AtomicU64::new(0));
            let (innermost, outermost) = nested(counting(&calls));
            let (innermost, outermost) = end.bring_about(innermost, outermost);
            assert_eq!(calls.load(Relaxed), u64::from(end == End::Cancel));
            end.check(outermost);
            drop(innermost);
        });
    }
}

#[test]
fn a_chain_that_goes_on_after_every_cancellation_asks_a_million_cancellers() {
    in_little_space(|| {
        let calls = Arc::new(AtomicU64::new(0));
        let make = counting(&calls);
        let (first, mut chain) = make();
        let mut completers = vec![first];
        for _ in 1..MILLION {
            let (completer, deferred) = make();
            completers.push(completer);
            chain = chain.or_else(move |_| deferred);
        }
        for asked in 0..MILLION {
            assert_eq!(calls.load(Relaxed), asked);
            chain.cancel();
        }
        assert!(chain.try_take().unwrap().unwrap_err().is_cancelled());
    });
}

#[test]
fn cancellers_that_were_never_called_are_dropped_with_their_completers() {
    in_little_space(|| {
        let calls = Arc::new(AtomicU64::new(0));
        let make = counting(&calls);
        let (completers, deferreds): (Vec<_>, Vec<_>) = (0..MILLION).map(|_| make()).unzip();
        drop(deferreds);
        drop(completers);
        drop(make);
        assert_eq!((calls.load(Relaxed), Arc::strong_count(&calls)), (0, 1));
    });
}

#[test]
fn a_million_deferreds_are_cancelled_through_the_one_that_waits_for_all() {
    in_little_space(|| {
        let (completers, deferreds): (Vec<Completer<u64>>, Vec<_>) = (0..MILLION).map(|_| Deferred::pair()).unzip();
        let whole = interloop::all(deferreds);
        whole.cancel();
        assert!(completers.iter().all(Completer::is_closed));
        let results = whole.try_take().unwrap().unwrap();
        assert_eq!(results.len() as u64, MILLION);
        assert!(
            results
                .into_iter()
                .all(|result| result.is_err_and(|error| error.is_cancelled()))
        );
    });
}
