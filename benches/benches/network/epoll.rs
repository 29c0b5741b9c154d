//! The least that a server on epoll does: no tasks, no wakers.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::fd::AsFd,
};

use rustix::{
    buffer::spare_capacity,
    event::{PollFd, PollFlags, epoll, poll},
    io::Errno,
};

use super::tcp::Job;

const LISTENER: u64 = u64::MAX;

/// Echoes. Waits for room to write where it stands, as no client here keeps its own back for long.
pub(crate) fn serve(job: Job) {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let watch = |fd: &dyn AsFd, number| {
        epoll::add(
            &epoll,
            fd.as_fd(),
            epoll::EventData::new_u64(number),
            epoll::EventFlags::IN,
        )
        .unwrap();
    };
    watch(&job.listener, LISTENER);
    let mut connections: Vec<Option<TcpStream>> = Vec::new();
    let mut events = Vec::with_capacity(1024);
    let mut buffer = vec![0; job.buffer];
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
                let (stream, _) = job.listener.accept().unwrap();
                stream.set_nonblocking(true).unwrap();
                stream.set_nodelay(true).unwrap();
                watch(&stream, connections.len() as u64);
                connections.push(Some(stream));
                continue;
            }
            let connection = &mut connections[number as usize];
            let echoed = connection.as_mut().is_some_and(|stream| echo(stream, &mut buffer));
            if !echoed {
                *connection = None;
            }
        }
    }
}

/// Whether the connection goes on.
fn echo(stream: &mut TcpStream, buffer: &mut [u8]) -> bool {
    let Ok(count @ 1..) = stream.read(buffer) else {
        return false;
    };
    let mut left = &buffer[..count];
    while !left.is_empty() {
        match stream.write(left) {
            Ok(count) => left = &left[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(stream, PollFlags::OUT)], None).unwrap();
            }
            Err(_) => return false,
        }
    }
    true
}
