//! A job that goes on after the answer has been sent.
//!
//! ```text
//! cargo run --example background_job -- [--loop LOOP] [--milliseconds NUMBER]
//! ```
//!
//! A server counts the lines of files. It answers over a real socket, at once, that it will, and begins when that is sent. Nobody
//! waits for what a job comes to, so the server itself says so; and before it ends, it waits for all of them.

mod on_loop;

use std::{fs, io, net::SocketAddr, path::Path, process::ExitCode, sync::Arc, time::Duration};

use futures_util::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use interloop::{
    Aborted, Completer, Deferred, Reactor,
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
        let (completer, all_ended) = Deferred::pair();
        let server = Server {
            reactor: reactor.clone(),
            a_job_takes: Duration::from_millis(milliseconds.into()),
            open: Arc::new(Open(Some(completer))),
        };
        let serving = reactor.spawn(server.serve(listener));

        for file in ["README.md", "Cargo.toml", "missing"] {
            println!("client: {file}: {}", ask(&reactor, addr, file).await?);
        }
        println!("client: leaves");

        serving.cancel();
        all_ended.await?;
        println!("server: all jobs have ended");
        Ok(())
    })
}

struct Server {
    reactor: Reactor,
    a_job_takes: Duration,
    open: Arc<Open>,
}

/// What the server shares with its jobs. It fires when the last of them has ended, whatever became of each.
struct Open(Option<Completer<(), Aborted>>);

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(completer) = self.0.take() {
            completer.complete(());
        }
    }
}

impl Server {
    async fn serve(self, listener: TcpListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            let (reactor, takes, open) = (self.reactor.clone(), self.a_job_takes, self.open.clone());
            self.reactor
                .spawn(take_job(stream))
                .and_then(move |file| reactor.spawn(count_lines(reactor.clone(), takes, file)))
                .then(move |result| {
                    match result {
                        Ok((file, lines)) => println!("server: {file} has {lines} lines"),
                        Err(error) => println!("server: a job has failed: {error}"),
                    }
                    drop(open);
                    Ok::<_, Aborted>(())
                })
                .detach();
        }
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

/// The job, which takes as long as it is said to.
async fn count_lines(reactor: Reactor, takes: Duration, file: String) -> io::Result<(String, usize)> {
    reactor.sleep(takes).await?;
    let count = move || {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file));
        let text = text.map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
        Ok((file, text.lines().count()))
    };
    reactor.spawn_blocking(count).await
}

async fn ask(reactor: &Reactor, addr: SocketAddr, file: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(reactor, addr).await?;
    stream.write_all(format!("{file}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
