//! Deferreds of different types, in both flavours.

/// Writes `join` and its trait into the module that calls it, for the deferreds of a flavour. `$module` is where a user finds
/// them, below the crate; `$bound` is `Send` or a bound that says nothing, and `$Pointer` what shares things.
macro_rules! join {
    (
        module: $module:literal,
        bound: $bound:ident,
        deferreds: [$($deferreds:tt)*],
        pointer: $Pointer:path,
    ) => {
        use $Pointer as Pointer;
        use $($deferreds)*::CancelHandle;

        /// Tuples of two to eight deferreds with the same type of failure, for [`join`].
        pub trait Tuple: sealed::Sealed {
            /// The values.
            type Values: $bound + 'static;
            /// The failure.
            type Error: From<Aborted> + $bound + 'static;

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
        #[doc = concat!("```\nuse interloop::{Aborted, ", $module, "Deferred, ", $module, "join};\n")]
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

        fn arrive<P: Default, V: $bound + 'static, E: From<Aborted> + $bound + 'static>(
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

        fn fail<P, V: $bound + 'static, E: From<Aborted> + $bound + 'static>(
            joining: &Mutex<Joining<P, V, E>>,
            index: usize,
            error: E,
        ) {
            let completer = lock(joining).completer.take();
            if let Some(completer) = completer {
                completer.fail(FirstError::new(index, error));
            }
        }

        $crate::deferred::fan_in::tuple::tuple!($bound, Pointer, 2: A 0, B 1);
        $crate::deferred::fan_in::tuple::tuple!($bound, Pointer, 3: A 0, B 1, C 2);
        $crate::deferred::fan_in::tuple::tuple!($bound, Pointer, 4: A 0, B 1, C 2, D 3);
        $crate::deferred::fan_in::tuple::tuple!($bound, Pointer, 5: A 0, B 1, C 2, D 3, F 4);
        $crate::deferred::fan_in::tuple::tuple!($bound, Pointer, 6: A 0, B 1, C 2, D 3, F 4, G 5);
        $crate::deferred::fan_in::tuple::tuple!($bound, Pointer, 7: A 0, B 1, C 2, D 3, F 4, G 5, H 6);
        $crate::deferred::fan_in::tuple::tuple!($bound, Pointer, 8: A 0, B 1, C 2, D 3, F 4, G 5, H 6, I 7);
    };
}

/// What [`join!`] writes for tuples of one length.
macro_rules! tuple {
    ($bound:ident, $Pointer:ident, $count:literal: $($name:ident $index:tt),+) => {
        impl<$($name,)+ Err> sealed::Sealed for ($(Deferred<$name, Err>,)+)
        where
            $($name: $bound + 'static,)+
            Err: From<Aborted> + $bound + 'static,
        {
        }

        impl<$($name,)+ Err> Tuple for ($(Deferred<$name, Err>,)+)
        where
            $($name: $bound + 'static,)+
            Err: From<Aborted> + $bound + 'static,
        {
            type Values = ($($name,)+);
            type Error = Err;

            #[track_caller]
            fn join(self) -> Deferred<Self::Values, FirstError<Err>> {
                type Places<$($name,)+> = ($(Option<$name>,)+);
                let handles = $Pointer::new(Mutex::new(Vec::<CancelHandle>::with_capacity($count)));
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
                let joining = $Pointer::new(Mutex::new(Joining::<Places<$($name,)+>, _, Err> {
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

pub(super) use {join, tuple};
