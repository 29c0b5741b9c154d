//! A main function on a loop, that of this very program: without a harness, it is the test.
//!
//! It calls the others, and then itself in a child process, where it fails.

use std::{
    env, fmt, io,
    process::{Command, ExitCode},
    time::Duration,
};

use interloop::{Aborted, Reactor, block_on::MainError};

const CHILD: &str = "INTERLOOP_MAIN_FAILS";

macro_rules! on_each_loop {
    ($($event_loop:ident)*) => {
        $(
            /// Takes a value from around it, and gives an exit code.
            #[interloop::main($event_loop)]
            async fn $event_loop(reactor: Reactor) -> Result<(), Aborted> {
                reactor.spawn(reactor.sleep(Duration::from_millis(1))).await
            }
        )*

        fn all() -> Vec<ExitCode> {
            vec![$($event_loop()),*]
        }
    };
}

on_each_loop!(tokio tokio_current_thread smol async_std futures);

fn text(value: impl fmt::Debug) -> String {
    format!("{value:?}")
}

#[interloop::main(tokio)]
async fn main(reactor: Reactor) -> Result<(), MainError> {
    reactor.sleep(Duration::from_millis(1)).await?;
    if env::var_os(CHILD).is_some() {
        return Err(io::Error::from(Aborted::timed_out()).into());
    }
    let checks = reactor.spawn_blocking(|| {
        for code in all() {
            assert_eq!(text(code), text(ExitCode::SUCCESS));
        }
        let child = Command::new(env::current_exe()?).env(CHILD, "1").output()?;
        assert_eq!(child.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&child.stderr), "Error: timed out\n");
        Ok::<_, io::Error>(())
    });
    checks.await?;
    // A loop inside of a loop is refused, and said so.
    assert_eq!(text(smol()), text(ExitCode::FAILURE));
    Ok(())
}
