//! Completers behind integers.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use interloop::{
    Aborted, Deferred,
    callback::{Misfire, StaleToken, Token, Tokens},
    unhandled,
};

type Table = Tokens<u32, Aborted>;

fn insert(table: &Table) -> (Token, Deferred<u32, Aborted>) {
    let (completer, deferred) = Deferred::pair();
    (table.insert(completer), deferred)
}

fn why(fired: Result<(), StaleToken<u32, Aborted>>) -> Misfire {
    fired.unwrap_err().why()
}

#[test]
fn a_token_fires_its_deferred_once() {
    for table in [Table::new(), Table::narrow()] {
        let (token, deferred) = insert(&table);
        assert_eq!(table.len(), 1);
        table.fire(token, Ok(7)).unwrap();
        assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
        assert!(table.is_empty());
        let stale = table.fire(token, Ok(8)).unwrap_err();
        assert_eq!((stale.token(), stale.why()), (token, Misfire::Fired));
        assert_eq!(stale.into_result().unwrap(), 8);
    }
}

#[test]
fn a_stale_token_says_what_had_become_of_it() {
    for table in [Table::new(), Table::narrow()] {
        let (token, deferred) = insert(&table);
        assert!(table.cancel(token));
        assert!(!table.cancel(token));
        assert_eq!(why(table.fire(token, Ok(1))), Misfire::Cancelled);
        assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());

        let (token, deferred) = insert(&table);
        drop(table.take(token).unwrap());
        assert!(table.take(token).is_none());
        assert_eq!(why(table.fire(token, Ok(1))), Misfire::Taken);
        assert!(deferred.try_take().unwrap().unwrap_err().is_dropped());

        let (token, deferred) = insert(&table);
        deferred.cancel();
        assert_eq!(why(table.fire(token, Ok(1))), Misfire::Unwanted);
        assert_eq!(why(table.fire(token, Ok(1))), Misfire::Fired);
        drop(deferred.try_take());

        // Another one has its place now.
        let (next, _waiting) = insert(&table);
        assert_ne!(next, token);
        assert_eq!(why(table.fire(token, Ok(1))), Misfire::Ended);
    }
}

#[test]
fn a_token_that_was_never_given_out_is_unknown() {
    for table in [Table::new(), Table::narrow()] {
        for bits in [0, 1, 1 << 20, 1 << 32, u64::MAX, 1 << 63] {
            assert_eq!(why(table.fire(Token::from(bits), Ok(1))), Misfire::Unknown, "{bits:x}");
        }
    }
    let table = Table::new();
    let (token, _waiting) = insert(&table);
    let other = u64::from(token) + (5 << 32);
    assert_eq!(why(table.fire(other.into(), Ok(1))), Misfire::Unknown);
}

#[test]
fn tokens_go_through_integers_and_pointers() {
    let table = Table::new();
    let (token, deferred) = insert(&table);
    assert_ne!(u64::from(token), 0);
    assert_eq!(Token::from(u64::from(token)), token);
    #[cfg(target_pointer_width = "64")]
    {
        assert_eq!(Token::from(token.to_ptr()), token);
        assert_eq!(Token::from(usize::from(token)), token);
    }
    // The generation of a wide one does not fit.
    assert_eq!(u32::try_from(token).unwrap_err().token(), token);
    table.fire(token, Ok(7)).unwrap();
    drop(deferred.try_take());

    let table = Table::narrow();
    let (token, deferred) = insert(&table);
    let id = u32::try_from(token).unwrap();
    assert_eq!(Token::from(id), token);
    assert_eq!(Token::from(i32::try_from(token).unwrap()), token);
    assert_eq!(why(table.fire(Token::from(-1), Ok(1))), Misfire::Unknown);
    table.fire(id.into(), Ok(7)).unwrap();
    drop(deferred.try_take());
}

#[test]
fn narrow_tokens_come_again_only_after_all_their_generations() {
    let table = Table::narrow();
    let mut seen = HashSet::new();
    // Two places, used in turn.
    let (kept, _waiting) = insert(&table);
    let (other, deferred) = insert(&table);
    table.take(kept);
    table.take(other);
    drop(deferred);
    let rounds = if cfg!(miri) { 200 } else { 2 * 2_046 };
    for round in 0..rounds {
        let (token, _deferred) = insert(&table);
        assert!(seen.insert(u32::try_from(token).unwrap()), "after {round}");
        assert_eq!(
            why(table.fire(other, Ok(1))),
            if round == 0 { Misfire::Taken } else { Misfire::Ended }
        );
        table.take(token);
    }
}

#[test]
fn places_are_used_again() {
    for table in [Table::new(), Table::narrow()] {
        let mut largest = 0;
        for _ in 0..10 {
            let waiting: Vec<_> = (0..20).map(|_| insert(&table)).collect();
            for (token, _deferred) in &waiting {
                largest = largest.max(u64::from(*token) & 0xFFFFF);
                table.fire(*token, Ok(1)).unwrap();
            }
        }
        assert_eq!(largest, 19);
    }
}

#[test]
fn dropping_the_table_aborts_what_waits() {
    let table = Table::new();
    let waiting: Vec<_> = (0..5).map(|_| insert(&table)).collect();
    table.fire(waiting[2].0, Ok(7)).unwrap();
    drop(table);
    for (place, (_, deferred)) in waiting.into_iter().enumerate() {
        match deferred.try_take().unwrap() {
            Ok(7) => assert_eq!(place, 2),
            result => assert!(result.unwrap_err().is_dropped()),
        }
    }
}

#[test]
fn callbacks_and_cancellers_may_use_the_table() {
    static TABLE: Table = Table::new();

    let (token, deferred) = insert(&TABLE);
    let chain = deferred.and_then(move |n| {
        assert_eq!(why(TABLE.fire(token, Ok(1))), Misfire::Fired);
        let (token, deferred) = insert(&TABLE);
        TABLE.fire(token, Ok(n + 1)).unwrap();
        deferred
    });
    TABLE.fire(token, Ok(7)).unwrap();
    assert_eq!(chain.try_take().unwrap().unwrap(), 8);

    static CANCELLED: AtomicUsize = AtomicUsize::new(0);
    let (token, deferred) = TABLE.with_canceller(|token| {
        CANCELLED.fetch_add(1, Relaxed);
        assert_eq!(why(TABLE.fire(token, Ok(1))), Misfire::Cancelled);
        let (token, _deferred) = insert(&TABLE);
        TABLE.cancel(token);
    });
    deferred.cancel();
    assert!(deferred.try_take().unwrap().unwrap_err().is_cancelled());
    assert_eq!(why(TABLE.fire(token, Ok(1))), Misfire::Ended);
    assert_eq!(CANCELLED.load(Relaxed), 1);
    assert!(TABLE.is_empty());
}

#[test]
fn inside_of_c_the_library_s_faults_are_reported_and_late_ones_are_not() {
    let table = Table::new();
    let (token, deferred) = insert(&table);
    let bodies = AtomicUsize::new(0);
    let body = || {
        bodies.fetch_add(1, Relaxed);
        Ok(7)
    };
    let ((), reports) = unhandled::collect(|| {
        table.fire_contained(token, body);
        table.fire_contained(token, body);
        table.fire_contained(Token::from(0_u64), body);
    });
    assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
    let texts: Vec<_> = reports.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[0].contains("was called again") && texts[1].contains("never gave out"),
        "{texts:?}"
    );

    let (token, deferred) = insert(&table);
    table.cancel(token);
    let ((), reports) = unhandled::collect(|| table.fire_contained(token, body));
    assert_eq!(reports.len(), 0);
    assert_eq!(bodies.load(Relaxed), 4);
    drop(deferred.try_take());
}

#[test]
fn threads_that_fire_the_same_tokens_fire_each_once() {
    let count = if cfg!(miri) { 20 } else { 1_000 };
    let table = Tokens::<Arc<u32>, Aborted>::new();
    let (completers, deferreds): (Vec<_>, Vec<_>) = (0..count).map(|_| Deferred::pair()).unzip();
    let tokens: Vec<_> = completers
        .into_iter()
        .map(|completer| table.insert(completer))
        .collect();
    let fired = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..4 {
            let (table, tokens, fired) = (&table, &tokens, &fired);
            scope.spawn(move || {
                for token in tokens {
                    if table.fire(*token, Ok(Arc::new(number))).is_ok() {
                        fired.fetch_add(1, Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(fired.load(Relaxed), count);
    assert!(table.is_empty());
    for deferred in deferreds {
        assert_eq!(Arc::strong_count(&deferred.try_take().unwrap().unwrap()), 1);
    }
}
