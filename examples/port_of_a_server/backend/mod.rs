//! The same in all steps: what the server asks, which takes its time, and answers with a deferred.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use interloop::{Aborted, Deferred, Reactor};

/// As long as a look-up takes.
const LOOK_UP: Duration = Duration::from_millis(2);

#[derive(Clone)]
pub(crate) struct Backend {
    reactor: Reactor,
    values: Arc<Mutex<HashMap<String, String>>>,
}

impl Backend {
    pub(crate) fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
            values: Arc::default(),
        }
    }

    pub(crate) fn put(&self, key: &str, value: &str) {
        self.values.lock().unwrap().insert(key.to_owned(), value.to_owned());
    }

    /// Fires with the value, a little later.
    pub(crate) fn get(&self, key: &str) -> Deferred<Option<String>, Aborted> {
        let (completer, deferred) = Deferred::pair();
        let (values, key) = (Arc::clone(&self.values), key.to_owned());
        self.reactor.call_later(LOOK_UP, move || {
            let value = values.lock().unwrap().get(&key).cloned();
            completer.complete(value);
        });
        deferred
    }
}
