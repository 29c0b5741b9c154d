//! A callback at the latest moment there is: while the process exits.

use std::{env, process::Command};

use interloop::callback::once;
use interloop_manners::{Answers, at_exit};

use crate::Asked;

/// Says to the process that this starts what it is for.
const CHILD: &str = "MANNERS_AT_EXIT";

#[test]
fn a_callback_while_the_process_exits_completes() {
    if env::var_os(CHILD).is_some() {
        let (completer, asked) = Asked::pair();
        asked
            .map_ok(|answer| eprintln!("answered {} at exit", answer.value()))
            .detach();
        // SAFETY: it is called once, with these types.
        assert!(unsafe { at_exit(once::first_2::<Answers, _, _>, completer.into_raw()) });
        return;
    }
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "at_exit::a_callback_while_the_process_exits_completes"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
    assert!(said.contains("answered 0 at exit"), "{said}");
}
