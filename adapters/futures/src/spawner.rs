use std::fmt;

use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};
use interloop::{Reactor, local};

/// A reactor as futures' [`Spawn`], for libraries that take one. Cheap to clone.
///
/// ```
/// use futures_util::task::SpawnExt;
///
/// let answer = interloop_futures::block_on(async |reactor| {
///     let (completer, answer) = interloop::Deferred::<u8>::pair();
///     let spawner = interloop_futures::spawner(&reactor);
///     spawner.spawn(async { completer.complete(6 * 7) }).unwrap();
///     answer.await
/// });
/// assert_eq!(answer.unwrap().unwrap(), 42);
/// ```
///
/// A loop that has shut down drops the future, and nobody is told but who waits for what it would have done.
pub fn spawner(reactor: &Reactor) -> Spawner {
    Spawner {
        reactor: reactor.clone(),
    }
}

/// As [`spawner`], for futures that stay on the reactor's thread.
///
/// ```
/// use std::rc::Rc;
/// use futures_util::task::LocalSpawnExt;
///
/// let mut pool = futures_executor::LocalPool::new();
/// let reactor = interloop_futures::local_from_spawner(pool.spawner());
/// let (completer, name) = interloop::local::Deferred::<Rc<str>>::pair();
/// let spawner = interloop_futures::local_spawner(&reactor);
/// spawner.spawn_local(async { completer.complete("not to be sent".into()) }).unwrap();
/// assert_eq!(&*pool.run_until(name).unwrap(), "not to be sent");
/// ```
pub fn local_spawner(reactor: &local::Reactor) -> ReactorLocalSpawner {
    ReactorLocalSpawner {
        reactor: reactor.clone(),
    }
}

/// Spawns on a reactor of any loop. Made by [`spawner`].
#[derive(Clone, Debug)]
pub struct Spawner {
    reactor: Reactor,
}

/// Never fails.
impl Spawn for Spawner {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.reactor.spawn_infallible(future).detach();
        Ok(())
    }
}

/// Spawns on a reactor of this thread. Made by [`local_spawner`].
#[derive(Clone)]
pub struct ReactorLocalSpawner {
    reactor: local::Reactor,
}

/// Never fails.
impl LocalSpawn for ReactorLocalSpawner {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.reactor.spawn_infallible(future).detach();
        Ok(())
    }
}

impl fmt::Debug for ReactorLocalSpawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactorLocalSpawner").finish_non_exhaustive()
    }
}
