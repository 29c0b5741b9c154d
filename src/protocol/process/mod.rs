//! Protocols of child processes, as Twisted's `ProcessProtocol`. With the feature `process`.
//!
//! ```
//! # futures_executor::block_on(async {
//! # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
//! use interloop::{
//!     process::{Command, ExitStatus, Stdio},
//!     protocol::{Lost, process::{self, ProcessProtocol, ProcessTransport}},
//! };
//!
//! /// Has lines sorted by a program.
//! #[derive(Default)]
//! struct Sort {
//!     sorted: Vec<u8>,
//! }
//!
//! impl ProcessProtocol for Sort {
//!     fn connection_made(&mut self, child: &ProcessTransport) {
//!         child.write(b"pear\napple\n");
//!         child.close_stdin();
//!     }
//!
//!     fn out_received(&mut self, _: &ProcessTransport, data: &[u8]) {
//!         self.sorted.extend_from_slice(data);
//!     }
//!
//!     fn ended(&mut self, _: &ProcessTransport, end: &Result<ExitStatus, Lost>) {
//!         assert!(end.as_ref().is_ok_and(|status| status.success()));
//!         assert_eq!(self.sorted, b"apple\npear\n");
//!     }
//! }
//!
//! let child = Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn(&reactor)?;
//! let transport = process::attach(&reactor, child, Sort::default());
//! assert!(transport.exited().await?.success());
//! # Ok::<_, std::io::Error>(())
//! # }).unwrap();
//! ```

mod task;
mod transport;

pub use std::process::ExitStatus;

pub use self::{task::attach, transport::ProcessTransport};
use super::Lost;

/// What a program does with a child process: methods that are called as things happen to it. Twisted's `ProcessProtocol`, asyncio's
/// `SubprocessProtocol`.
///
/// The calls never overlap: `connection_made` once, then the others, and `ended` once, at the end. They run on a task whose reactor is the
/// current one. What is not piped is not heard of. A panic closes the pipes, and `ended` says why; nothing else is lost.
pub trait ProcessProtocol {
    /// The child runs.
    fn connection_made(&mut self, child: &ProcessTransport) {
        let _ = child;
    }

    /// The child has written to its standard output. Twisted's `outReceived`.
    fn out_received(&mut self, child: &ProcessTransport, data: &[u8]) {
        let _ = (child, data);
    }

    /// The child has written to its standard error. Twisted's `errReceived`.
    fn err_received(&mut self, child: &ProcessTransport, data: &[u8]) {
        let _ = (child, data);
    }

    /// The child's standard input is closed, from either side. Twisted's `inConnectionLost`.
    fn in_connection_lost(&mut self, child: &ProcessTransport) {
        let _ = child;
    }

    /// The child's standard output is closed, by all that have it. Twisted's `outConnectionLost`.
    fn out_connection_lost(&mut self, child: &ProcessTransport) {
        let _ = child;
    }

    /// The child's standard error is closed, by all that have it. Twisted's `errConnectionLost`.
    fn err_connection_lost(&mut self, child: &ProcessTransport) {
        let _ = child;
    }

    /// The child has ended. What it wrote may be still on its way. Twisted's `processExited`.
    fn exited(&mut self, child: &ProcessTransport, status: ExitStatus) {
        let _ = (child, status);
    }

    /// The child has ended, and its pipes are closed; or it will not be heard of any more, as this has panicked or the loop has shut down.
    /// The last call. Twisted's `processEnded`.
    fn ended(&mut self, child: &ProcessTransport, end: &Result<ExitStatus, Lost>) {
        let _ = (child, end);
    }
}
