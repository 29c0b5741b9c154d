//! Deferreds of different types.

use std::sync::{Arc, Mutex};

use super::{FirstError, lock};
use crate::{Aborted, CancelHandle, Cancellation, Completer, Deferred};

/// Tuples of two to eight deferreds with the same type of failure, for [`join`].
pub trait Tuple: sealed::Sealed {
    /// The values.
    type Values: Send + 'static;
    /// The failure.
    type Error: From<Aborted> + Send + 'static;

    #[doc(hidden)]
    #[track_caller]
    fn join(self) -> Deferred<Self::Values, FirstError<Self::Error>>;
}

mod sealed {
    pub trait Sealed {}
}

/// Waits for the values of deferreds of different types; or fails as soon as one fails. The others go on.
///
/// Cancelling it cancels every one of them, in order; what becomes of those makes the result.
///
/// ```
/// use interloop::{Aborted, Deferred, join};
///
/// let name = Deferred::<&str, Aborted>::ready("eve");
/// let (completer, age) = Deferred::<u8, Aborted>::pair();
/// let person = join((name, age));
/// completer.complete(42);
/// assert_eq!(person.try_take().unwrap().unwrap(), ("eve", 42));
/// ```
#[track_caller]
pub fn join<D: Tuple>(deferreds: D) -> Deferred<D::Values, FirstError<D::Error>> {
    deferreds.join()
}

/// The values that have arrived, and who waits for all of them.
struct Joining<P, V: 'static, E: From<Aborted> + 'static> {
    places: P,
    missing: usize,
    /// Empty once the result is known.
    completer: Option<Completer<V, FirstError<E>>>,
}

fn arrive<P: Default, V: Send + 'static, E: From<Aborted> + Send + 'static>(
    joining: &Mutex<Joining<P, V, E>>,
    put: impl FnOnce(&mut P),
    whole: fn(P) -> Option<V>,
) {
    let mut all = lock(joining);
    put(&mut all.places);
    all.missing -= 1;
    if all.missing == 0 {
        let completer = all.completer.take();
        let values = whole(std::mem::take(&mut all.places));
        drop(all);
        if let (Some(completer), Some(values)) = (completer, values) {
            completer.complete(values);
        }
    }
}

fn fail<P, V: Send + 'static, E: From<Aborted> + Send + 'static>(
    joining: &Mutex<Joining<P, V, E>>,
    index: usize,
    error: E,
) {
    let completer = lock(joining).completer.take();
    if let Some(completer) = completer {
        completer.fail(FirstError::new(index, error));
    }
}

macro_rules! tuple {
    ($count:literal: $($name:ident $index:tt),+) => {
        impl<$($name,)+ Err> sealed::Sealed for ($(Deferred<$name, Err>,)+)
        where
            $($name: Send + 'static,)+
            Err: From<Aborted> + Send + 'static,
        {
        }

        impl<$($name,)+ Err> Tuple for ($(Deferred<$name, Err>,)+)
        where
            $($name: Send + 'static,)+
            Err: From<Aborted> + Send + 'static,
        {
            type Values = ($($name,)+);
            type Error = Err;

            #[track_caller]
            fn join(self) -> Deferred<Self::Values, FirstError<Err>> {
                type Places<$($name,)+> = ($(Option<$name>,)+);
                let handles = Arc::new(Mutex::new(Vec::<CancelHandle>::with_capacity($count)));
                let (completer, deferred) = Deferred::with_canceller({
                    let handles = handles.clone();
                    move |cancellation: Cancellation<'_, Self::Values, FirstError<Err>>| {
                        // What becomes of the parts makes the result.
                        cancellation.refuse();
                        let handles = lock(&handles).clone();
                        for handle in handles {
                            handle.cancel();
                        }
                    }
                });
                #[expect(non_snake_case, reason = "a value has the name of its type")]
                let whole: fn(Places<$($name,)+>) -> Option<Self::Values> = |places| match places {
                    ($(Some($name),)+) => Some(($($name,)+)),
                    _ => None,
                };
                let joining = Arc::new(Mutex::new(Joining::<Places<$($name,)+>, _, Err> {
                    places: ($(None::<$name>,)+),
                    missing: $count,
                    completer: Some(completer),
                }));
                $(
                    let mut part = self.$index;
                    lock(&handles).push(part.cancel_handle());
                    let each = joining.clone();
                    part.then(move |result| {
                        match result {
                            Ok(value) => arrive(&each, |places| places.$index = Some(value), whole),
                            Err(error) => fail(&each, $index, error),
                        }
                        Ok::<_, Aborted>(())
                    })
                    .detach();
                )+
                deferred
            }
        }
    };
}

tuple!(2: A 0, B 1);
tuple!(3: A 0, B 1, C 2);
tuple!(4: A 0, B 1, C 2, D 3);
tuple!(5: A 0, B 1, C 2, D 3, F 4);
tuple!(6: A 0, B 1, C 2, D 3, F 4, G 5);
tuple!(7: A 0, B 1, C 2, D 3, F 4, G 5, H 6);
tuple!(8: A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7);
