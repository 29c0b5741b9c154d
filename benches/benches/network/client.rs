//! The client's process: it sends, and waits for the echo, as long as it is told to.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use rustix::net::sockopt::set_socket_linger;

/// How many datagrams are on their way. More would not fit into the socket's buffer, and get lost.
const UDP_WINDOW: usize = 32;
/// When datagrams that have not come back count as lost.
const UDP_PATIENCE: Duration = Duration::from_millis(200);

/// When a run ends.
#[derive(Clone, Copy)]
enum Until {
    Time(Instant),
    Requests(u64),
}

/// What a run came to. The client prints it in one line.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) requests: u64,
    pub(crate) took: Duration,
    pub(crate) p99: Duration,
}

impl Run {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            requests: next()?,
            took: Duration::from_nanos(next()?),
            p99: Duration::from_nanos(next()?),
        })
    }
}

/// Talks to a server on all connections: all are written to, then all are read from, again and again. An order is a line: `seconds` or
/// `requests`, and how many.
pub(crate) fn run(protocol: &str, server: SocketAddr, connections: usize, size: usize) -> io::Result<()> {
    let mut exchange = exchange(protocol, server, connections, size)?;
    // Each connection once, so that all are accepted before anything is measured.
    let mut answer = Some(Until::Requests(1));
    let mut orders = io::stdin().lines();
    while let Some(until) = answer {
        let (begun, mut latencies) = (Instant::now(), Vec::new());
        let mut requests = 0;
        loop {
            requests += exchange(&mut latencies)?;
            let goes_on = match until {
                Until::Time(end) => Instant::now() < end,
                Until::Requests(wanted) => requests < wanted,
            };
            if !goes_on {
                break;
            }
        }
        let took = begun.elapsed();
        latencies.sort_unstable();
        let p99 = latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default();
        println!("{requests} {} {}", took.as_nanos(), p99.as_nanos());
        answer = orders.next().transpose()?.as_deref().and_then(parse);
    }
    Ok(())
}

fn parse(order: &str) -> Option<Until> {
    match order.split_once(' ')? {
        ("seconds", number) => Some(Until::Time(
            Instant::now() + Duration::from_secs_f64(number.parse().ok()?),
        )),
        ("requests", number) => Some(Until::Requests(number.parse().ok()?)),
        _ => None,
    }
}

/// One request on each connection, whose latencies are added to a list. Says how many were answered.
type Exchange = Box<dyn FnMut(&mut Vec<Duration>) -> io::Result<u64>>;

fn exchange(protocol: &str, server: SocketAddr, connections: usize, size: usize) -> io::Result<Exchange> {
    let message = vec![7; size];
    let mut echoed = vec![0; size];
    if protocol == "udp" {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(UDP_PATIENCE))?;
        return Ok(Box::new(move |latencies| {
            let begun = Instant::now();
            for _ in 0..UDP_WINDOW {
                socket.send(&message)?;
            }
            let mut answered = 0;
            while answered < UDP_WINDOW && socket.recv(&mut echoed).is_ok() {
                latencies.push(begun.elapsed());
                answered += 1;
            }
            Ok(answered as u64)
        }));
    }
    let connect = |_| {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        // At its end it resets the connections, whose ports would be taken for a minute otherwise.
        set_socket_linger(&stream, Some(Duration::ZERO))?;
        Ok((stream, Instant::now()))
    };
    let mut streams = (0..connections).map(connect).collect::<io::Result<Vec<_>>>()?;
    Ok(Box::new(move |latencies| {
        for (stream, begun) in &mut streams {
            *begun = Instant::now();
            stream.write_all(&message)?;
        }
        for (stream, begun) in &mut streams {
            stream.read_exact(&mut echoed)?;
            latencies.push(begun.elapsed());
        }
        Ok(streams.len() as u64)
    }))
}
