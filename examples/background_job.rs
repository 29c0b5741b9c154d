//! A job that goes on after the answer has been sent.
//!
//! ```text
//! cargo run --example background_job -- [--loop LOOP] [--milliseconds NUMBER]
//! ```
//!
//! A server counts the lines of files. It answers over a real socket, at once, that it will, and begins when that is sent. Nobody
//! waits for what a job comes to, so the server itself says so; and before it ends, it waits for all of them.

mod on_loop;

use std::{
    fs, io, mem,
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use interloop::{
    Aborted, Deferred, Reactor, all,
    net::{TcpListener, TcpStream},
};
use on_loop::{Number, Usage};

const USAGE: Usage<1> = Usage {
    name: "background_job",
    numbers: [Number {
        flag: "--milliseconds",
        what_for: "how long each job takes",
        range: 0..=60_000,
        default: 500,
    }],
};

fn main() -> ExitCode {
    USAGE.run(async |reactor, [milliseconds]| {
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into())?;
        let addr = listener.local_addr()?;
        let server = Arc::new(Server {
            reactor: reactor.clone(),
            a_job_takes: Duration::from_millis(milliseconds.into()),
            jobs: Mutex::default(),
        });
        let serving = reactor.spawn(server.clone().serve(listener));

        for file in ["README.md", "Cargo.toml", "missing"] {
            println!("client: {file}: {}", ask(&reactor, addr, file).await?);
        }
        println!("client: leaves");

        serving.cancel();
        let jobs = mem::take(&mut *server.jobs.lock().unwrap());
        let count = jobs.len();
        all(jobs).await?;
        println!("server: {count} jobs have ended");
        Ok(())
    })
}

struct Server {
    reactor: Reactor,
    a_job_takes: Duration,
    /// Those that have been taken. A server that runs for long would drop those that have ended.
    jobs: Mutex<Vec<Deferred<(), Aborted>>>,
}

impl Server {
    async fn serve(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            let server = self.clone();
            let job = self
                .reactor
                .spawn(take_job(stream))
                .and_then(move |file| server.count_lines(&file))
                .then(|result| {
                    match result {
                        Ok((file, lines)) => println!("server: {file} has {lines} lines"),
                        Err(error) => println!("server: a job has failed: {error}"),
                    }
                    Ok(())
                });
            self.jobs.lock().unwrap().push(job);
        }
    }

    fn count_lines(&self, file: &str) -> Deferred<(String, usize), io::Error> {
        let (reactor, takes, file) = (self.reactor.clone(), self.a_job_takes, file.to_owned());
        self.reactor.spawn(async move {
            reactor.sleep(takes).await?;
            reactor
                .spawn_blocking(move || {
                    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file));
                    let text = text.map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
                    Ok((file, text.lines().count()))
                })
                .await
        })
    }
}

/// Takes a job, and has answered when it gives it.
async fn take_job(mut stream: TcpStream) -> io::Result<String> {
    let mut file = String::new();
    BufReader::new(&mut stream).read_line(&mut file).await?;
    stream.write_all(b"it will be counted").await?;
    stream.close().await?;
    Ok(file.trim_end().to_owned())
}

async fn ask(reactor: &Reactor, addr: SocketAddr, file: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(reactor, addr).await?;
    stream.write_all(format!("{file}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
