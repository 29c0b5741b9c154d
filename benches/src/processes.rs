//! The two processes of a measurement, server and client, and what they are told and asked over their standard input and output.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit},
    thread,
    time::Duration,
};

use rustix::{
    net::listen,
    param::page_size,
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};

use crate::{counting, load::Run};

/// A process, and its standard input and output. It ends when this is dropped.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A server in a process of its own.
pub struct Server {
    process: Process,
    address: String,
}

/// A client in a process of its own.
pub struct Client(Process);

/// What a process has allocated.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Allocated and not freed, in bytes.
    pub heap: f64,
    /// What it occupies, in bytes.
    pub resident: f64,
}

/// This program once more, with other arguments.
///
/// # Panics
/// If it is not known where it is.
pub fn this_program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().expect("it is known where this program is"));
    command.args(arguments);
    command
}

/// Lets this process, and those that it starts, have as many descriptors as the system allows; shells allow fewer by default than ten thousand
/// connections need.
///
/// # Panics
/// If the system refuses.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("the limit can be raised to its maximum");
}

/// The processor's time that this process has taken so far, in all its threads.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Listens for TCP, in non-blocking mode.
///
/// # Panics
/// If the system refuses.
pub fn listener() -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // Once more, as the standard library lets too few connections wait.
    listen(&listener, 4096).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

/// For the server's process: says where it listens, and answers questions from then on. That is done on a thread of its own, so that the loop
/// sees nothing of it. The process ends with its standard input.
pub fn announce(address: SocketAddr) {
    println!("{address}");
    thread::spawn(|| {
        for question in io::stdin().lines() {
            match question.unwrap().as_str() {
                "cpu" => println!("{}", cpu().as_nanos()),
                "memory" => {
                    let pages = fs::read_to_string("/proc/self/statm").unwrap();
                    let resident: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
                    println!("{} {}", counting::live(), resident * page_size());
                }
                other => panic!("no such question: {other}"),
            }
        }
        exit(0);
    });
}

impl Server {
    /// Starts a program that says where it listens.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(command: &mut Command) -> Self {
        let mut process = Process::start(command);
        let address = process.line();
        Self { process, address }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The process' number.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// The processor's time that it has taken so far.
    ///
    /// # Panics
    /// If it has ended.
    pub fn cpu(&mut self) -> Duration {
        Duration::from_nanos(self.process.ask("cpu").parse().expect("a number"))
    }

    /// What it has allocated.
    ///
    /// # Panics
    /// If it has ended.
    pub fn memory(&mut self) -> Memory {
        let answer = self.process.ask("memory");
        let (heap, resident) = answer.split_once(' ').expect("two numbers");
        Memory {
            heap: heap.parse().expect("a number"),
            resident: resident.parse().expect("a number"),
        }
    }

    /// The processor's time that it takes per request of the client's, in nanoseconds, and what the client saw; after half of the time has been
    /// spent to warm both up.
    ///
    /// # Panics
    /// If one of them has ended.
    pub fn measure(&mut self, client: &mut Client, seconds: f64) -> (f64, Run) {
        client.run_for(seconds / 2.0);
        let begun = self.cpu();
        let run = client.run_for(seconds);
        let took = self.cpu() - begun;
        (took.as_nanos() as f64 / run.requests as f64, run)
    }

    /// What a connection takes that has been used once and waits. `connect` starts a client with so many of them.
    ///
    /// # Panics
    /// If one of the processes has ended.
    pub fn idle(&mut self, connections: usize, connect: impl Fn(&Self, usize) -> Client) -> Memory {
        // One connection, so that what the loop makes once is there.
        let first = connect(self, 1);
        let before = self.memory();
        let clients = (first, connect(self, connections));
        let after = self.memory();
        drop(clients);
        Memory {
            heap: (after.heap - before.heap) / connections as f64,
            resident: (after.resident - before.resident) / connections as f64,
        }
    }
}

impl Client {
    /// Starts a program that does [`load::run`](crate::load::run), and returns when it has used each of its connections once.
    ///
    /// # Panics
    /// If it cannot connect.
    pub fn start(command: &mut Command) -> Self {
        let mut process = Process::start(command);
        process.line();
        Self(process)
    }

    /// For so many seconds.
    ///
    /// # Panics
    /// If it has ended.
    pub fn run_for(&mut self, seconds: f64) -> Run {
        self.run(&format!("seconds {seconds}"))
    }

    /// Until so many requests have been answered, and those that were sent with the last of them.
    ///
    /// # Panics
    /// If it has ended.
    pub fn run_requests(&mut self, requests: u64) -> Run {
        self.run(&format!("requests {requests}"))
    }

    fn run(&mut self, order: &str) -> Run {
        let line = self.0.ask(order);
        Run::parse(&line).expect("the client is well")
    }
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        assert!(!line.is_empty(), "the other process has ended");
        line.trim().to_owned()
    }

    fn ask(&mut self, order: &str) -> String {
        writeln!(self.input, "{order}").expect("it listens");
        self.line()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
