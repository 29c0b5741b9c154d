//! The macros that make tests of the cases. `build.rs` makes the list of these.

/// Makes a module with a test for each case of the list. See [the first page](crate).
///
/// The first argument names the module and the loop, the second makes a [`Subject`](crate::Subject): any
/// expression that can be called without arguments. With `shuts_down` as the third, it makes a
/// [`ShutsDown`](crate::ShutsDown).
#[macro_export]
macro_rules! conformance {
    ($name:ident, $make:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn __make() -> impl $crate::Subject {
                ($make)()
            }

            $crate::__every_loop! { $name }
        }
    };
    ($name:ident, $make:expr, shuts_down) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn __make() -> impl $crate::ShutsDown {
                ($make)()
            }

            $crate::__every_loop! { $name }
            $crate::__loops_that_shut_down! { $name }
        }
    };
}

/// Makes a module with a test for each case about running a function on a loop. See [the first page](crate).
///
/// The first argument names the module and the loop, the second makes a [`BlocksOn`](crate::BlocksOn): any expression
/// that can be called without arguments.
#[macro_export]
macro_rules! conformance_block_on {
    ($name:ident, $make:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn __make() -> impl $crate::BlocksOn + Clone + Send + 'static {
                ($make)()
            }

            $crate::__functions_that_run_a_loop! { $name }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __topic {
    ($name:ident, $subject:path, $topic:ident: $($case:ident)*) => {
        mod $topic {
            $(
                #[test]
                fn $case() {
                    let case = concat!(stringify!($topic), "::", stringify!($case));
                    $crate::__run(stringify!($name), case, super::__make, $subject, $crate::cases::$topic::$case);
                }
            )*
        }
    };
}

include!(concat!(env!("OUT_DIR"), "/list.rs"));
