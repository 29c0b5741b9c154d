//! Child processes, on every loop. With the feature `process`.
//!
//! ```
//! # futures_executor::block_on(async {
//! # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
//! use futures_util::io::AsyncWriteExt;
//! use interloop::process::{Command, Stdio};
//!
//! let greeting = Command::new("echo").arg("hello").output(&reactor).await?;
//! assert_eq!(greeting.stdout, b"hello\n");
//!
//! let mut sort = Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn(&reactor)?;
//! let mut stdin = sort.stdin.take().expect("it is piped");
//! stdin.write_all(b"pear\napple\n").await?;
//! stdin.close().await?;
//! let sorted = sort.wait_with_output().await?;
//! assert!(sorted.status.success());
//! assert_eq!(sorted.stdout, b"apple\npear\n");
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Who waits for a child
//!
//! A child that has ended stays with the system as a zombie until its parent has asked how: it is *reaped* then. Each child has a
//! task on its reactor that waits for the end and reaps it, whatever becomes of the [`Child`] and of the futures that wait for it:
//! dropping them leaves no zombie. No thread is started for it: on Linux the loop waits for a descriptor of the process (a pidfd), elsewhere,
//! and where the kernel has none (before 5.3), for SIGCHLD, see [`signal`](crate::signal). What follows from that:
//!
//! - The task is run by the loop. While nobody drives that, a child that has ended stays a zombie, unless
//!   [`try_status`](Child::try_status) is asked. An executor that runs until it has no task left runs until the child's end.
//! - When the loop shuts down, [`status`](Child::status) fails with [`Aborted::shut_down`](crate::Aborted::shut_down), while
//!   [`try_status`](Child::try_status), [`kill`](Child::kill) and [`send_signal`](Child::send_signal) go on to work. With the last of
//!   the child's handles it becomes an orphan of the process: it is reaped at the next use of this module after its end, which is
//!   when a child is started or reaped, on any reactor. If there is no further use, it stays a zombie until the process ends.
//! - Only children that were started here are reaped, each by its own number. Others' are left to them. The other way round, a program
//!   that reaps whatever ends (`waitpid(-1)`), or ignores SIGCHLD, takes the status away: waiting then fails with `ECHILD`.
//! - A number is used only while its process has not been reaped, so that no signal hits a later process with the same number.
//!
//! A child outlives its handle, and the program, unless it is [killed with it](Command::kill_on_drop).

mod child;
mod command;
mod orphans;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod pidfd;
mod reaper;
mod stdio;
mod watch;

pub use std::process::{ExitStatus, Output, Stdio};

pub use self::{
    child::Child,
    command::Command,
    stdio::{ChildStderr, ChildStdin, ChildStdout},
};
