//! Coroutines that await for a long time.

use std::sync::{Arc, Mutex};

use interloop::{Aborted, Completer, Deferred};

use crate::{MILLION, add, in_little_space};

#[test]
fn results_that_are_there_are_awaited_one_after_the_other() {
    in_little_space(|| {
        let whole = Deferred::<u64>::from_coroutine(async {
            let mut sum = 0;
            for _ in 0..MILLION {
                sum += Deferred::<u64>::ready(1).await?;
            }
            Ok(sum)
        });
        assert_eq!(whole.try_take().unwrap().unwrap(), MILLION);
    });
}

#[test]
fn results_that_are_to_come_are_awaited_one_after_the_other() {
    in_little_space(|| {
        let next = Arc::new(Mutex::new(None::<Completer<u64>>));
        let inside = next.clone();
        let whole = Deferred::<u64>::from_coroutine(async move {
            let mut sum = 0;
            for _ in 0..MILLION {
                let (completer, waits) = Deferred::pair();
                *inside.lock().unwrap() = Some(completer);
                sum += waits.await?;
            }
            Ok(sum)
        });
        let take = || next.lock().unwrap().take();
        while let Some(completer) = take() {
            completer.complete(1);
        }
        assert_eq!(whole.try_take().unwrap().unwrap(), MILLION);
    });
}

#[test]
fn a_cancellation_is_caught_a_million_times() {
    in_little_space(|| {
        let whole = Deferred::<u64>::from_coroutine(async move {
            for _ in 0..MILLION {
                let (_completer, waits) = Deferred::<u64>::pair();
                assert!(waits.await.unwrap_err().is_cancelled());
            }
            Err(Aborted::timed_out())
        });
        for _ in 0..MILLION {
            assert!(!whole.is_settled());
            whole.cancel();
        }
        assert!(whole.try_take().unwrap().unwrap_err().is_timed_out());
    });
}

#[test]
fn a_long_chain_is_awaited_as_a_short_one() {
    for cancelled in [false, true] {
        in_little_space(move || {
            let (completer, deferred) = Deferred::<u64>::pair();
            let whole = Deferred::<u64>::from_coroutine(add(deferred, MILLION));
            if cancelled {
                whole.cancel();
                assert!(completer.is_closed());
                assert!(whole.try_take().unwrap().unwrap_err().is_cancelled());
            } else {
                completer.complete(0);
                assert_eq!(whole.try_take().unwrap().unwrap(), MILLION);
            }
        });
    }
}
