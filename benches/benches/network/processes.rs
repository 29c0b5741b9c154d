//! The two processes of a measurement, server and client, and what they are told and asked over their standard input and output.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit},
    thread,
    time::Duration,
};

use interloop_benches::counting;
use rustix::{
    net::listen,
    param::page_size,
    time::{ClockId, clock_gettime},
};

use super::{client::Run, tcp, udp};

/// A process, and its standard input and output.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts once more");
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

/// What a process has allocated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Allocated and not freed, in bytes.
    pub(crate) heap: usize,
    /// What it occupies, in bytes.
    pub(crate) resident: usize,
}

pub(crate) struct Server {
    process: Process,
    address: String,
    protocol: &'static str,
}

impl Server {
    /// Starts a contender; over TCP each connection has a buffer of so many bytes.
    pub(crate) fn start(protocol: &'static str, event_loop: &str, contender: &str, buffer: usize) -> Self {
        let mut process = Process::start(&["server", protocol, event_loop, contender, &buffer.to_string()]);
        let address = process.line();
        Self {
            process,
            address,
            protocol,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// The processor's time that it has taken so far.
    pub(crate) fn cpu(&mut self) -> Duration {
        Duration::from_nanos(self.process.ask("cpu").parse().expect("a number"))
    }

    pub(crate) fn memory(&mut self) -> Memory {
        let answer = self.process.ask("memory");
        let (heap, resident) = answer.split_once(' ').expect("two numbers");
        Memory {
            heap: heap.parse().unwrap(),
            resident: resident.parse().unwrap(),
        }
    }
}

pub(crate) struct Client(Process);

impl Client {
    /// Connects, and has each connection used once.
    pub(crate) fn start(server: &Server, connections: usize, size: usize) -> Self {
        let mut process = Process::start(&[
            "client",
            server.protocol,
            &server.address,
            &connections.to_string(),
            &size.to_string(),
        ]);
        process.line();
        Self(process)
    }

    pub(crate) fn run_for(&mut self, seconds: f64) -> Run {
        self.run(&format!("seconds {seconds}"))
    }

    pub(crate) fn run_requests(&mut self, requests: u64) -> Run {
        self.run(&format!("requests {requests}"))
    }

    fn run(&mut self, order: &str) -> Run {
        let line = self.0.ask(order);
        Run::parse(&line).expect("the client is well")
    }
}

/// The server's process.
pub(crate) fn serve(protocol: &str, event_loop: &str, contender: &str, buffer: usize) {
    match protocol {
        "tcp" => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            // Once more, as the standard library lets too few connections wait.
            listen(&listener, 4096).unwrap();
            listener.set_nonblocking(true).unwrap();
            println!("{}", listener.local_addr().unwrap());
            answer_questions();
            find(tcp::CONTENDERS, event_loop, contender)(tcp::Job { listener, buffer });
        }
        "udp" => {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            println!("{}", socket.local_addr().unwrap());
            answer_questions();
            find(udp::CONTENDERS, event_loop, contender)(socket);
        }
        other => panic!("no such protocol: {other}"),
    }
}

fn find<J>(contenders: &[super::Contender<J>], event_loop: &str, contender: &str) -> fn(J) {
    let found = contenders
        .iter()
        .find(|(its_loop, its_name, _)| (*its_loop, *its_name) == (event_loop, contender));
    found.expect("there is such a contender").2
}

/// On a thread of its own, so that the loop sees nothing of it. The process ends with its standard input.
fn answer_questions() {
    thread::spawn(|| {
        for question in io::stdin().lines() {
            match question.unwrap().as_str() {
                "cpu" => {
                    let time = clock_gettime(ClockId::ProcessCPUTime);
                    let time = Duration::new(time.tv_sec as u64, time.tv_nsec as u32);
                    println!("{}", time.as_nanos());
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
