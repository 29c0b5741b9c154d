use std::{
    ffi::OsStr,
    future::Future,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{ExitStatus, Output, Stdio},
};

use super::{
    child::Child,
    orphans,
    reaper::Process,
    stdio::{ChildStderr, ChildStdin, ChildStdout},
    watch::Prepared,
};
use crate::Reactor;

/// A program to start, with what it is given. As [`std::process::Command`], where what starts it takes a reactor.
///
/// ```
/// # futures_executor::block_on(async {
/// # let reactor = interloop_async_io::reactor("threads", |task| drop(std::thread::spawn(|| futures_executor::block_on(task))));
/// use std::time::Duration;
/// use interloop::process::Command;
///
/// // Given up after a while, and killed then.
/// let output = Command::new("uname").arg("-s").kill_on_drop(true).output(&reactor);
/// let system = reactor.timeout(Duration::from_secs(20), output).await?;
/// assert!(!system.stdout.is_empty());
/// # Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Command {
    std: std::process::Command,
    kill_on_drop: bool,
    /// Whether stdin, stdout and stderr were said, as the default depends on what starts the program.
    said: [bool; 3],
}

impl Command {
    /// A program by its path, or by its name in `PATH`; without arguments, in this process's environment and directory, with its
    /// standard streams inherited.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        std::process::Command::new(program).into()
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.std.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        self.std.args(args);
        self
    }

    /// Sets the name by which the program is called, its argument 0. Otherwise it is what [`new`](Self::new) was given.
    pub fn arg0(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.std.arg0(name);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.std.env(name, value);
        self
    }

    /// Sets variables of the environment.
    pub fn envs(&mut self, variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>) -> &mut Self {
        self.std.envs(variables);
        self
    }

    /// Keeps a variable of the environment from the child.
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.std.env_remove(name);
        self
    }

    /// Keeps the whole environment from the child, except for what is set afterwards.
    pub fn env_clear(&mut self) -> &mut Self {
        self.std.env_clear();
        self
    }

    /// Sets the directory in which the child starts.
    pub fn current_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.std.current_dir(dir);
        self
    }

    /// Sets the standard input. Otherwise it is inherited, and empty for [`output`](Self::output).
    pub fn stdin(&mut self, stdin: impl Into<Stdio>) -> &mut Self {
        self.std.stdin(stdin);
        self.said[0] = true;
        self
    }

    /// Sets the standard output. Otherwise it is inherited, and piped for [`output`](Self::output).
    pub fn stdout(&mut self, stdout: impl Into<Stdio>) -> &mut Self {
        self.std.stdout(stdout);
        self.said[1] = true;
        self
    }

    /// Sets the standard error. Otherwise it is inherited, and piped for [`output`](Self::output).
    pub fn stderr(&mut self, stderr: impl Into<Stdio>) -> &mut Self {
        self.std.stderr(stderr);
        self.said[2] = true;
        self
    }

    /// Sets the user as whom the child runs.
    pub fn uid(&mut self, id: u32) -> &mut Self {
        self.std.uid(id);
        self
    }

    /// Sets the group as which the child runs.
    pub fn gid(&mut self, id: u32) -> &mut Self {
        self.std.gid(id);
        self
    }

    /// Sets the process group of the child; 0 makes one of its own, which keeps the terminal's Ctrl-C from it.
    pub fn process_group(&mut self, group: i32) -> &mut Self {
        self.std.process_group(group);
        self
    }

    /// Sets whether the child is killed when its [`Child`] is dropped, or the future of [`output`](Self::output),
    /// [`status`](Self::status) or [`Child::wait_with_output`] is dropped before its end. Not unless it is set.
    ///
    /// A task that a loop drops when it shuts down drops them, too. Children of the child are not killed.
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Self {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// Starts the program.
    ///
    /// This blocks until the system has loaded it, as starting a process does everywhere.
    ///
    /// # Errors
    /// Those of [`std::process::Command::spawn`], among them [`io::ErrorKind::NotFound`]; those of waiting for descriptors: the loop has
    /// shut down, which is found out before anything is started, or descriptors are short. If that shows only afterwards, the child is
    /// killed.
    pub fn spawn(&mut self, reactor: &Reactor) -> io::Result<Child> {
        orphans::reap();
        let prepared = Prepared::new(reactor)?;
        let mut started = self.std.spawn()?;
        let (stdin, stdout, stderr) = (started.stdin.take(), started.stdout.take(), started.stderr.take());
        let process = Process::new(reactor, started, prepared)?;
        // Dropped on the way out by an error, it kills; otherwise as was said.
        let mut unfinished = Child::new(process, true);
        unfinished.stdin = stdin
            .map(|pipe| ChildStdin::registered(reactor, pipe.into()))
            .transpose()?;
        unfinished.stdout = stdout
            .map(|pipe| ChildStdout::registered(reactor, pipe.into()))
            .transpose()?;
        unfinished.stderr = stderr
            .map(|pipe| ChildStderr::registered(reactor, pipe.into()))
            .transpose()?;
        Ok(unfinished.killed_on_drop(self.kill_on_drop))
    }

    /// Starts the program at once, and waits for its end.
    ///
    /// Standard streams that are piped are closed.
    ///
    /// Cancel safety: dropped, it drops the [`Child`].
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and [`Child::status`].
    pub fn status(&mut self, reactor: &Reactor) -> impl Future<Output = io::Result<ExitStatus>> + Send + use<> {
        let child = self.spawn(reactor);
        async move {
            let mut child = child?;
            drop((child.stdin.take(), child.stdout.take(), child.stderr.take()));
            child.status().await
        }
    }

    /// Starts the program at once, waits for its end, and gives what it has written.
    ///
    /// Unless it was said otherwise, its standard input is empty, and both outputs are piped, so that they are read.
    ///
    /// Cancel safety: dropped, it drops the [`Child`].
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and [`Child::wait_with_output`].
    pub fn output(&mut self, reactor: &Reactor) -> impl Future<Output = io::Result<Output>> + Send + use<> {
        self.default_streams(Stdio::null, Stdio::piped);
        let child = self.spawn(reactor);
        self.default_streams(Stdio::inherit, Stdio::inherit);
        async move { child?.wait_with_output().await }
    }

    fn default_streams(&mut self, input: fn() -> Stdio, output: fn() -> Stdio) {
        let [stdin, stdout, stderr] = self.said;
        if !stdin {
            self.std.stdin(input());
        }
        if !stdout {
            self.std.stdout(output());
        }
        if !stderr {
            self.std.stderr(output());
        }
    }

    /// The standard library's command behind it.
    pub fn as_std(&self) -> &std::process::Command {
        &self.std
    }

    /// The standard library's command behind it, for what only that can do. Standard streams that are set there are not known to
    /// [`output`](Self::output), which then sets its own.
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        &mut self.std
    }
}

/// Standard streams that were set before are not known to [`output`](Command::output), which then sets its own.
impl From<std::process::Command> for Command {
    fn from(std: std::process::Command) -> Self {
        Self {
            std,
            kill_on_drop: false,
            said: [false; 3],
        }
    }
}
