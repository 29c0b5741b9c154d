//! The client's process: it sends, and waits for what comes back, as long as it is told to.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::net::sockopt::set_socket_linger;

/// What a run came to. The client prints it in one line.
#[derive(Debug, Default)]
pub struct Run {
    /// How many requests were answered.
    pub requests: u64,
    /// How long that took.
    pub took: Duration,
    /// In which time 99 of 100 were answered.
    pub p99: Duration,
}

/// When a run ends.
#[derive(Clone, Copy)]
enum Until {
    Time(Instant),
    Requests(u64),
}

impl Run {
    /// Reads the line; `None` if it is none of a client's.
    pub fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            requests: next()?,
            took: Duration::from_nanos(next()?),
            p99: Duration::from_nanos(next()?),
        })
    }
}

/// Does exchanges as often as the lines of the standard input say: `seconds` or `requests`, and how many. An exchange adds the latencies of
/// its requests to a list, and gives how many were answered.
///
/// # Errors
/// Those of the exchange, and of the standard input.
pub fn run(mut exchange: impl FnMut(&mut Vec<Duration>) -> io::Result<u64>) -> io::Result<()> {
    // Each connection once, so that all are accepted before anything is measured.
    let mut order = Some(Until::Requests(1));
    let mut orders = io::stdin().lines();
    while let Some(until) = order {
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
        order = orders.next().transpose()?.as_deref().and_then(parse);
    }
    Ok(())
}

/// An exchange for [`run`]: a message is written to each of so many connections, then an answer is read from each.
///
/// # Errors
/// If it cannot connect.
pub fn over_tcp(
    server: SocketAddr,
    connections: usize,
    message: Vec<u8>,
    mut read: impl FnMut(&mut TcpStream) -> io::Result<()>,
) -> io::Result<impl FnMut(&mut Vec<Duration>) -> io::Result<u64>> {
    let connect = |_| {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        // At its end it resets the connections, whose ports would be taken for a minute otherwise.
        set_socket_linger(&stream, Some(Duration::ZERO))?;
        Ok((stream, Instant::now()))
    };
    let mut streams = (0..connections).map(connect).collect::<io::Result<Vec<_>>>()?;
    Ok(move |latencies: &mut Vec<Duration>| {
        for (stream, begun) in &mut streams {
            *begun = Instant::now();
            stream.write_all(&message)?;
        }
        for (stream, begun) in &mut streams {
            read(stream)?;
            latencies.push(begun.elapsed());
        }
        Ok(streams.len() as u64)
    })
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
