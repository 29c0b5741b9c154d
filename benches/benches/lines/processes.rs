//! The two processes of a measurement, server and client, and what they are told and asked over their standard input and output.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit},
    thread,
};

use interloop_benches::counting;
use rustix::{
    net::listen,
    param::page_size,
    time::{ClockId, clock_gettime},
};

use super::servers;

struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
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

pub(crate) struct Server {
    process: Process,
    address: String,
}

impl Server {
    pub(crate) fn start(contender: &str) -> Self {
        let mut command = match contender.strip_prefix("python ") {
            Some(peer) => {
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/lines.py");
                let mut command = Command::new(env::var_os("INTERLOOP_PYTHON").expect("it was there before"));
                command.arg(script).arg(peer);
                command
            }
            None => {
                let mut command = this_program();
                command.args(["server", contender]);
                command
            }
        };
        let mut process = Process::start(&mut command);
        let address = process.line();
        Self { process, address }
    }

    /// The processor's time that it has taken so far, in nanoseconds.
    pub(crate) fn cpu(&mut self) -> f64 {
        self.process.ask("cpu").parse().expect("a number")
    }

    /// Bytes on the heap, none if that is not known, and resident ones.
    pub(crate) fn memory(&mut self) -> (f64, f64) {
        let answer = self.process.ask("memory");
        let (heap, resident) = answer.split_once(' ').expect("two numbers");
        (heap.parse().unwrap(), resident.parse().unwrap())
    }
}

pub(crate) struct Client(Process);

impl Client {
    /// Connects, and has each connection used once.
    pub(crate) fn start(server: &Server, connections: usize, lines: usize) -> Self {
        let arguments = ["client", &server.address, &connections.to_string(), &lines.to_string()];
        let mut process = Process::start(this_program().args(arguments));
        process.line();
        Self(process)
    }

    /// How many lines came back.
    pub(crate) fn run(&mut self, seconds: f64) -> f64 {
        self.0.ask(&seconds.to_string()).parse().expect("the client is well")
    }
}

fn this_program() -> Command {
    Command::new(env::current_exe().unwrap())
}

/// The server's process.
pub(crate) fn serve(contender: &str) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // Once more, as the standard library lets too few connections wait.
    listen(&listener, 4096).unwrap();
    listener.set_nonblocking(true).unwrap();
    println!("{}", listener.local_addr().unwrap());
    answer_questions();
    let found = servers::CONTENDERS.iter().find(|(name, _)| *name == contender);
    found.expect("there is such a contender").1(listener);
}

/// On a thread of its own, so that the loop sees nothing of it. The process ends with its standard input.
fn answer_questions() {
    thread::spawn(|| {
        for question in io::stdin().lines() {
            match question.unwrap().as_str() {
                "cpu" => {
                    let time = clock_gettime(ClockId::ProcessCPUTime);
                    println!("{}", time.tv_sec * 1_000_000_000 + time.tv_nsec);
                }
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
