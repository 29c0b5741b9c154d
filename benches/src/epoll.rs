//! The least that a server on epoll does: no tasks, no wakers.

use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
};

use rustix::{
    buffer::spare_capacity,
    event::{PollFd, PollFlags, epoll, poll},
    io::Errno,
};

const LISTENER: u64 = u64::MAX;

/// Accepts connections, each with a state of its own, and calls `answer` when one can be read; that says whether the connection goes on. Does
/// not return.
///
/// # Panics
/// If the system refuses what only a lack of resources makes it refuse.
pub fn serve<S>(
    listener: TcpListener,
    state: impl Fn() -> S,
    mut answer: impl FnMut(&mut TcpStream, &mut S) -> bool,
) -> ! {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let watch = |fd: &dyn AsFd, number| {
        let data = epoll::EventData::new_u64(number);
        epoll::add(&epoll, fd.as_fd(), data, epoll::EventFlags::IN).unwrap();
    };
    watch(&listener, LISTENER);
    let mut connections: Vec<Option<(TcpStream, S)>> = Vec::new();
    let mut events = Vec::with_capacity(1024);
    loop {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            // As whoever counts system calls attaches itself.
            Err(Errno::INTR) => continue,
            waited => waited.unwrap(),
        };
        for event in &events {
            let number = event.data.u64();
            if number == LISTENER {
                let (stream, _) = listener.accept().unwrap();
                stream.set_nonblocking(true).unwrap();
                stream.set_nodelay(true).unwrap();
                watch(&stream, connections.len() as u64);
                connections.push(Some((stream, state())));
                continue;
            }
            let connection = &mut connections[number as usize];
            let goes_on = connection.as_mut().is_some_and(|(stream, state)| answer(stream, state));
            if !goes_on {
                *connection = None;
            }
        }
    }
}

/// Writes all of it, and says whether it could. Waits for room where it stands, as no client here keeps its own back for long.
pub fn write_all(stream: &mut TcpStream, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(stream, PollFlags::OUT)], None).unwrap();
            }
            Err(_) => return false,
        }
    }
    true
}
