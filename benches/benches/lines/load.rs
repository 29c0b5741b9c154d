//! The client's process: it sends lines, and waits for them to come back, as long as it is told to.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::net::sockopt::set_socket_linger;

/// A line, with what ends it.
const LINE: &[u8] = b"0123456789 the quick brown fox jumps over the lazy dog, twice.\n";

/// Writes so many lines at once to each of the connections, then reads them from each, again and again. An order is a number of
/// seconds, or `once`; the answer is how many lines came back.
pub(crate) fn run(server: SocketAddr, connections: usize, lines: usize) -> io::Result<()> {
    let message = LINE.repeat(lines);
    let mut echoed = vec![0; message.len()];
    let connect = |_| {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        // At its end it resets the connections, whose ports would be taken for a minute otherwise.
        set_socket_linger(&stream, Some(Duration::ZERO))?;
        Ok(stream)
    };
    let mut streams = (0..connections).map(connect).collect::<io::Result<Vec<_>>>()?;
    let mut orders = io::stdin().lines();
    // Each connection once, so that all are accepted before anything is measured.
    let mut end = Some(Instant::now());
    while let Some(until) = end {
        let mut received = 0;
        loop {
            for stream in &mut streams {
                stream.write_all(&message)?;
            }
            for stream in &mut streams {
                stream.read_exact(&mut echoed)?;
                assert!(echoed == message, "what came back is something else");
            }
            received += lines * connections;
            if Instant::now() >= until {
                break;
            }
        }
        println!("{received}");
        let order = orders.next().transpose()?;
        let seconds = order.and_then(|order| order.parse().ok());
        end = seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
    }
    Ok(())
}
