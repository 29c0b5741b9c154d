//! The ready-made trampolines, as one text for both kinds of user data.

/// Writes a trampoline for each shape into the module that calls it, which has a `fire`.
macro_rules! shapes {
    ($($(#[$documentation:meta])* $name:ident($($before:ident: $Before:ident),*; $($after:ident: $After:ident),*);)+) => {$(
        $(#[$documentation])*
        ///
        /// # Safety
        /// As for [`fire`], with the types of the convention `L`. The arguments are what the library documents.
        #[allow(unused_parens, reason = "one argument is no tuple")]
        pub unsafe extern "C" fn $name<L $(, $Before)* $(, $After)*>(
            $($before: $Before,)*
            user_data: *mut c_void,
            $($after: $After),*
        )
        where
            L: Convention<($($Before),* $($After),*)>,
        {
            // SAFETY: promised by the caller; the arguments are those of this call.
            unsafe { fire(user_data, || L::result(($($before),* $($after),*))) }
        }
    )+};
}

/// The shapes that a survey of C libraries showed.
macro_rules! all_shapes {
    () => {
        $crate::callback::raw::shapes::shapes! {
            /// `void (*)(void *user_data)`
            done(;);
            /// `void (*)(void *user_data, A)`
            first(; a: A);
            /// `void (*)(void *user_data, A, B)`
            first_2(; a: A, b: B);
            /// `void (*)(void *user_data, A, B, C)`
            first_3(; a: A, b: B, c: C);
            /// `void (*)(void *user_data, A, B, C, D)`
            first_4(; a: A, b: B, c: C, d: D);
            /// `void (*)(A, void *user_data)`
            last(a: A;);
            /// `void (*)(A, B, void *user_data)`
            last_2(a: A, b: B;);
            /// `void (*)(A, B, C, void *user_data)`
            last_3(a: A, b: B, c: C;);
        }
    };
}

pub(super) use {all_shapes, shapes};
