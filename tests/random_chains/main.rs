//! Random programs, run on the library and on a model of what Twisted's Deferred does, must have the same log: which callbacks
//! ran, in which order and with what, what was given out, and which failures were reported as unhandled.
//!
//! Chains that several threads fire must come to what they say, whoever is faster.
//!
//! `PROPTEST_CASES` sets how many programs there are.

mod library;
mod machine;
mod model;
mod program;
mod threads;

use proptest::prelude::*;

use library::{Local, Sendable};
use machine::run;
use model::Model;

/// As many programs as find most mistakes, unless the environment says how many.
fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => given.cases,
        None => 3_000,
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..given
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_library_does_what_the_model_does(program in program::programs()) {
        let expected = run::<Model>(&program).join("\n");
        for (flavour, log) in [("sendable", run::<Sendable>(&program)), ("local", run::<Local>(&program))] {
            let log = log.join("\n");
            prop_assert!(log == expected, "{flavour}:\n{log}\n\nthe model:\n{expected}\n");
        }
    }

    #[test]
    fn what_a_chain_comes_to_does_not_depend_on_which_thread_is_faster(expr in threads::exprs()) {
        let [expected, got] = threads::compare(&expr);
        prop_assert_eq!(got, expected);
    }
}
