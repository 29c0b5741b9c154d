//! Transfers from a real server, on every loop.

mod answers;
mod bodies;
mod cancelling;
mod ends;
mod failures;
mod handlers;
mod loops;
mod names;
mod server;
mod timing;

use std::{future::Future, sync::Arc};

use curl::easy::Easy2;
use interloop_curl::{Collect, Curl};

use crate::{loops::Loop, server::Server};

/// What a test is given.
#[derive(Clone)]
struct World {
    curl: Curl,
    server: Arc<Server>,
}

impl World {
    fn new(event_loop: &dyn Loop) -> Self {
        Self {
            curl: Curl::new(&event_loop.reactor()),
            server: Arc::new(Server::start()),
        }
    }

    /// A handle for a path of the server.
    fn easy(&self, path: &str) -> Easy2<Collect> {
        easy(&self.server.url(path))
    }
}

fn easy(url: &str) -> Easy2<Collect> {
    let mut easy = Easy2::new(Collect::new());
    easy.url(url).unwrap();
    easy
}

/// Runs an asynchronous test.
fn on<F: Future<Output = ()> + 'static>(mut event_loop: Box<dyn Loop>, test: fn(World) -> F) {
    let world = World::new(&*event_loop);
    event_loop.block_on(Box::pin(test(world)));
}
