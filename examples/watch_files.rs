//! Changes of a directory as a stream: what the crate `notify` tells by a callback, on a thread of its own, is taken by a task of any
//! loop.
//!
//! ```text
//! cargo run --example watch_files -- [--loop LOOP] [--files NUMBER]
//! ```
//!
//! It watches the current directory until it is interrupted. Told a number of files, it makes these in a directory of its own instead, and ends
//! when it has seen them all.

mod on_loop;

use std::{
    env, fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{self, ExitCode},
};

use futures_util::{StreamExt, future::try_join};
use interloop::{
    Reactor,
    callback::stream::{self, Overflow, Receiver},
};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use on_loop::{Error, Number, Usage};

const USAGE: Usage<1> = Usage {
    name: "watch_files",
    numbers: [Number {
        flag: "--files",
        what_for: "how many files it makes in a directory of its own; for none, it watches this one until it is interrupted",
        range: 0..=1000,
        default: 0,
    }],
};

fn main() -> ExitCode {
    USAGE.run(async |reactor, [files]| match files {
        0 => watch_for_ever(Path::new(".")).await,
        _ => watch_own_files(&reactor, files).await,
    })
}

/// A stream of what happens in a directory, for as long as the watcher lives.
///
/// Where nobody takes for a while, `notify` has to wait, and the system keeps for it what happens meanwhile. When the stream is dropped, its callback
/// does nothing any more.
fn watch(directory: &Path) -> notify::Result<(RecommendedWatcher, Receiver<Event, Error>)> {
    let capacity = NonZeroUsize::new(64).expect("it is not zero");
    let (sender, events) = stream::bounded(capacity, Overflow::Wait);
    // `notify` takes any `EventHandler`, which closures are.
    let mut watcher = notify::recommended_watcher(sender.into_result_callback())?;
    watcher.watch(directory, RecursiveMode::NonRecursive)?;
    Ok((watcher, events))
}

async fn watch_for_ever(directory: &Path) -> Result<(), Error> {
    let (_watcher, mut events) = watch(directory)?;
    while let Some(event) = events.next().await {
        let event = event?;
        println!("{:?}: {:?}", event.kind, event.paths);
    }
    Ok(())
}

async fn watch_own_files(reactor: &Reactor, files: u32) -> Result<(), Error> {
    let directory = OwnDirectory::new()?;
    let (_watcher, mut events) = watch(&directory.0)?;
    let making = {
        let directory = directory.0.clone();
        reactor.spawn_blocking(move || make_files(&directory, files))
    };
    let watching = async {
        let mut seen = 0;
        while let Some(event) = events.next().await {
            let event = event?;
            if event.kind.is_create() {
                for path in &event.paths {
                    println!("there is {}", path.file_name().unwrap_or_default().to_string_lossy());
                    seen += 1;
                }
                if seen == files {
                    // What is queued still comes, and then the end.
                    events.stop();
                }
            }
        }
        Ok::<_, Error>(seen)
    };
    // If they cannot be made, there is nothing to wait for.
    let ((), seen) = try_join(making.map_err(Error::from), watching).await?;
    println!("made {files} files, and saw {seen}");
    Ok(())
}

fn make_files(directory: &Path, files: u32) -> io::Result<()> {
    (0..files).try_for_each(|n| fs::write(directory.join(format!("file {n}")), "hello"))
}

/// Removed, with what is in it, when it is dropped.
struct OwnDirectory(PathBuf);

impl OwnDirectory {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("interloop-watch-files-{}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        // It is below the system's directory for what may be left behind.
        let _ = fs::remove_dir_all(&self.0);
    }
}
