//! The two flavours of deferreds, each with the kind of cell in which its callbacks share things.
//!
//! The other files of this folder are written once, against `crate::flavour`: a test binary says which one that is.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

macro_rules! flavour {
    (
        $name:ident: $($module:ident)::+, [$($send:tt)*],
        $Pointer:ident, $Lock:ident, $open:ident $(, $unwrap:ident)?
    ) => {
        pub(crate) mod $name {
            use std::{
                cell::RefCell,
                rc::Rc,
                sync::{Arc, Mutex},
            };

            pub(crate) use $($module)::+::{sync, Shared,
                CancelHandle, CancelOnDrop, Cancellation, Completer, Deferred, Outcome, Pause, all, fan_in, gather, join, race,
            };

            /// What a callback has to be: `Send` for deferreds that go from thread to thread.
            pub(crate) trait Callback: $($send)* 'static {}

            impl<T: $($send)* 'static> Callback for T {}

            /// A cell that callbacks and their test look into.
            #[derive(Debug, Default)]
            pub(crate) struct Place<T>($Pointer<$Lock<T>>);

            impl<T> Place<T> {
                pub(crate) fn new(content: T) -> Self {
                    Self($Pointer::new($Lock::new(content)))
                }

                pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
                    f(&mut self.0.$open()$(.$unwrap())?)
                }

                /// How many clones there are: tells whether a closure that captured one is gone.
                pub(crate) fn count(&self) -> usize {
                    $Pointer::strong_count(&self.0)
                }
            }

            impl<T> Clone for Place<T> {
                fn clone(&self) -> Self {
                    Self(self.0.clone())
                }
            }

            impl<T> Place<Option<T>> {
                pub(crate) fn put(&self, content: T) {
                    self.with(|place| assert!(place.replace(content).is_none(), "the place is taken"));
                }

                pub(crate) fn take(&self) -> T {
                    self.with(Option::take).expect("nothing was put there")
                }
            }

            impl Place<u32> {
                pub(crate) fn add_one(&self) {
                    self.with(|count| *count += 1);
                }

                pub(crate) fn get(&self) -> u32 {
                    self.with(|count| *count)
                }
            }

            /// What happened, in order.
            pub(crate) type Log = Place<Vec<String>>;

            impl Place<Vec<String>> {
                pub(crate) fn push(&self, event: impl ToString) {
                    self.with(|events| events.push(event.to_string()));
                }

                /// Forgets what happened so far, and gives it.
                pub(crate) fn events(&self) -> Vec<String> {
                    self.with(std::mem::take)
                }
            }
        }
    };
}

flavour!(sendable: interloop, [Send +], Arc, Mutex, lock, unwrap);
flavour!(local: interloop::local, [], Rc, RefCell, borrow_mut);
