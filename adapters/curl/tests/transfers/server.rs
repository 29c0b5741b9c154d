//! A small HTTP server on threads: each path is a way to behave.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use socket2::SockRef;

use crate::bodies::bytes;

pub(crate) struct Server {
    addr: SocketAddr,
    seen: Arc<Seen>,
}

/// What clients have done. A test waits for a number to be reached.
#[derive(Default)]
struct Seen {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Connections that were made.
    pub(crate) accepted: usize,
    /// Of these, how many are open.
    pub(crate) open: usize,
    /// Requests that came in whole.
    pub(crate) requests: usize,
    /// How many may pass the gate.
    admitted: usize,
}

impl Seen {
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap());
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&Counts) -> bool) -> Counts {
        let counts = self.counts.lock().unwrap();
        *self.changed.wait_while(counts, |counts| !until(counts)).unwrap()
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        // The backlog of std's is for 128.
        SockRef::from(&listener).listen(1024).unwrap();
        let seen = Arc::new(Seen::default());
        let told = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), seen) = (stream, told.clone()) else {
                    continue;
                };
                seen.change(|counts| {
                    counts.accepted += 1;
                    counts.open += 1;
                });
                thread::spawn(move || {
                    // Clients that go away in the middle are what some tests are about.
                    let _ = serve(&stream, &seen);
                    drop(stream);
                    seen.change(|counts| counts.open -= 1);
                });
            }
        });
        Self { addr, seen }
    }

    pub(crate) fn port(&self) -> u16 {
        self.addr.port()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.seen.counts.lock().unwrap()
    }

    /// Waits until clients have done something.
    pub(crate) fn wait(&self, until: impl Fn(&Counts) -> bool) -> Counts {
        self.seen.wait(until)
    }

    /// As [`wait`](Self::wait), without holding the loop up.
    pub(crate) async fn waited(&self, until: impl Fn(&Counts) -> bool + Send + 'static) -> Counts {
        let seen = self.seen.clone();
        let (completer, waited) = interloop::Deferred::<_>::pair();
        thread::spawn(move || completer.complete(seen.wait(until)));
        waited.await.unwrap()
    }

    /// Lets all that wait at `/gate` pass as soon as there are so many requests.
    pub(crate) fn admit_when(&self, requests: usize) {
        self.seen.change(|counts| counts.admitted = requests);
    }
}

fn serve(stream: &TcpStream, seen: &Seen) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut length, mut expects) = (0, false);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            match header.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("expect", "100-continue")) => expects = true,
                _ if header.is_empty() => break,
                _ => {}
            }
        }
        if expects {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        seen.change(|counts| counts.requests += 1);

        let (kind, argument) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        match kind {
            "bytes" => answer(writer, "200 OK", "", &bytes(argument.parse().unwrap()))?,
            "echo" => answer(writer, "200 OK", "", &body)?,
            "status" => answer(writer, argument, "", b"")?,
            "redirect" if argument == "0" => answer(writer, "200 OK", "", b"there")?,
            "redirect" => {
                let left: usize = argument.parse().unwrap();
                answer(
                    writer,
                    "302 Found",
                    &format!("location: /redirect/{}\r\n", left - 1),
                    b"",
                )?;
            }
            "gate" => {
                seen.wait(|counts| counts.admitted > 0 && counts.requests >= counts.admitted);
                answer(writer, "200 OK", "", argument.as_bytes())?;
            }
            // A body that begins and does not end, until the client goes away.
            "begin" => {
                writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbeginning")?;
                return until_end(&mut reader);
            }
            // A byte at a time, until the client goes away.
            "trickle" => {
                writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")?;
                loop {
                    writer.write_all(b".")?;
                    thread::sleep(Duration::from_millis(5));
                }
            }
            "never" => return until_end(&mut reader),
            "cut" => {
                writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbeginning")?;
                stream.shutdown(Shutdown::Write)?;
                return until_end(&mut reader);
            }
            "empty" => return Ok(()),
            "reset" => return SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            _ => answer(writer, "404 Not Found", "", b"")?,
        }
    }
}

fn answer(mut writer: &TcpStream, status: &str, headers: &str, body: &[u8]) -> io::Result<()> {
    let mut answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    writer.write_all(&answer)
}

fn until_end(reader: &mut impl Read) -> io::Result<()> {
    io::copy(reader, &mut io::sink()).map(drop)
}
