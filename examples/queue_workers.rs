//! Workers that share a queue: a web spider, which follows every link that it finds, a few pages at a time (after an
//! example of Tornado's manual).
//!
//! ```text
//! cargo run --example queue_workers -- [--loop LOOP] [--pages NUMBER] [--workers NUMBER]
//! ```
//!
//! The site is served by this program, over real sockets, and each of its answers takes a while. It fails if a page was missed or
//! fetched twice.

mod on_loop;

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use interloop::{
    Completer, Deferred, Reactor,
    net::{TcpListener, TcpStream},
    sync::Queue,
};
use on_loop::{Error, Number, Usage};

const USAGE: Usage<2> = Usage {
    name: "queue_workers",
    numbers: [
        Number {
            flag: "--pages",
            what_for: "how many pages the site has",
            range: 1..=10_000,
            default: 200,
        },
        Number {
            flag: "--workers",
            what_for: "how many fetch pages",
            range: 1..=100,
            default: 10,
        },
    ],
};

/// How long the site takes to answer.
const ANSWER: Duration = Duration::from_millis(10);
/// How long a worker waits for a page.
const LIMIT: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    USAGE.run(async |reactor, [pages, workers]| {
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into())?;
        let site = listener.local_addr()?;
        let server = reactor.spawn(serve(reactor.clone(), listener, pages));

        let begun = reactor.now();
        let (spider, all_done) = Spider::new(site);
        let workers: Vec<_> = (0..workers)
            .map(|_| reactor.spawn(spider.clone().work(reactor.clone())))
            .collect();
        let ended = all_done.await;
        // They wait for a next page, which does not come.
        workers.iter().for_each(Deferred::cancel);
        server.cancel();
        ended?;

        let fetched = spider.fetched.load(Ordering::Relaxed);
        let dead = spider.dead.lock().unwrap();
        println!(
            "{} workers fetched {fetched} pages in {:.2} s",
            workers.len(),
            (reactor.now() - begun).as_secs_f64()
        );
        for (page, error) in &*dead {
            println!("dead link: {page}: {error}");
        }
        // One link of the site is dead.
        if (fetched, dead.len()) == (pages as usize, 1) {
            Ok(())
        } else {
            Err(format!(
                "{fetched} pages and {} dead links: the site has {pages} and 1",
                dead.len()
            )
            .into())
        }
    })
}

struct Spider {
    site: SocketAddr,
    to_do: Queue<Job>,
    /// The pages that have been to do, so that none is twice.
    seen: Mutex<HashSet<String>>,
    fetched: AtomicUsize,
    dead: Mutex<Vec<(String, io::Error)>>,
}

/// A page to fetch.
struct Job {
    page: String,
    all: Arc<AllDone>,
}

/// What all jobs share. It fires when the last of them is done, whatever became of each.
struct AllDone(Option<Completer<(), Error>>);

impl Drop for AllDone {
    fn drop(&mut self) {
        if let Some(completer) = self.0.take() {
            completer.complete(());
        }
    }
}

impl Spider {
    /// A spider with the site's first page to do, and the end of all of its jobs.
    fn new(site: SocketAddr) -> (Arc<Self>, Deferred<(), Error>) {
        let spider = Self {
            site,
            to_do: Queue::new(None, None),
            seen: Mutex::default(),
            fetched: AtomicUsize::new(0),
            dead: Mutex::default(),
        };
        let (completer, all_done) = Deferred::pair();
        spider.add("/1".to_owned(), &Arc::new(AllDone(Some(completer))));
        (Arc::new(spider), all_done)
    }

    fn add(&self, page: String, all: &Arc<AllDone>) {
        if self.seen.lock().unwrap().insert(page.clone()) {
            let all = all.clone();
            self.to_do
                .put(Job { page, all })
                .unwrap_or_else(|_| unreachable!("the queue has no limit"));
        }
    }

    /// Fetches pages for ever.
    async fn work(self: Arc<Self>, reactor: Reactor) -> Result<(), Error> {
        loop {
            let job = self.to_do.get()?.await?;
            match reactor.timeout(LIMIT, fetch(&reactor, self.site, &job.page)).await {
                Ok(text) => {
                    self.fetched.fetch_add(1, Ordering::Relaxed);
                    for link in links(&text) {
                        self.add(link.to_owned(), &job.all);
                    }
                }
                Err(error) => self.dead.lock().unwrap().push((job.page.clone(), error)),
            }
        }
    }
}

/// Gets a page from a site.
async fn fetch(reactor: &Reactor, site: SocketAddr, page: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(reactor, site).await?;
    stream
        .write_all(format!("GET {page} HTTP/1.0\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    match head.split_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        status => Err(io::Error::other(format!("status {}", status.unwrap_or("missing")))),
    }
}

/// Where a page links to.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("href=\"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0))
}

/// A site whose page N links to 2N and 2N + 1, and back to the first. The last one has a dead link.
async fn serve(reactor: Reactor, listener: TcpListener, pages: u32) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        reactor.spawn(answer(reactor.clone(), stream, pages)).detach();
    }
}

async fn answer(reactor: Reactor, mut stream: TcpStream, pages: u32) -> io::Result<()> {
    let mut request = String::new();
    BufReader::new(&mut stream).read_line(&mut request).await?;
    reactor.sleep(ANSWER).await?;
    let page = request.split(['/', ' ']).nth(2).and_then(|page| page.parse().ok());
    let answer = match page {
        Some(page) if (1..=pages).contains(&page) => {
            let existing = [page.saturating_mul(2), page.saturating_mul(2).saturating_add(1), 1];
            let mut text = "HTTP/1.0 200 OK\r\n\r\n".to_owned();
            for link in existing.into_iter().filter(|link| *link <= pages) {
                text += &format!("<a href=\"/{link}\">page {link}</a>\n");
            }
            if page == pages {
                text += "<a href=\"/missing\">and more</a>\n";
            }
            text
        }
        _ => "HTTP/1.0 404 Not Found\r\n\r\n".to_owned(),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.close().await
}
