//! The operations whose allocations are counted.

use futures_util::StreamExt;
use interloop::{Aborted, Deferred, Task, callback::stream};

use crate::{
    contender::{Chain, Contender, chain, poll_once, value_of},
    counting::count,
};

/// Numbers of allocations and of bytes.
pub type Allocated = (usize, usize);

/// A pair that is made, completed and polled.
pub fn pair<C: Contender>() -> Allocated {
    count(|| {
        let (sender, mut receiver) = C::pair();
        C::complete(sender, 7);
        value_of(&mut receiver)
    })
}

/// One more link of a chain that is attached before its result is there; with all that it takes to
/// run it and to free it.
pub fn link_before<C: Chain>() -> Allocated {
    one_more(|length| {
        let (sender, receiver) = C::pair();
        let mut end = chain::<C>(receiver, length);
        C::complete(sender, 7);
        value_of(&mut end)
    })
}

/// One more link of a chain that is attached when its result is there.
pub fn link_after<C: Chain>() -> Allocated {
    one_more(|length| {
        let (sender, receiver) = C::pair();
        C::complete(sender, 7);
        let mut end = chain::<C>(receiver, length);
        value_of(&mut end)
    })
}

/// A link attached to a deferred that has fired, whose value does not fit where the one before was.
pub fn larger_link_after() -> Allocated {
    let deferred = Deferred::<u64, Aborted>::ready(7);
    count(|| deferred.map_ok(|n| [n; 4]).try_take())
}

/// A task that is made and polled to its end, with a future of one word, and its result.
pub fn task() -> Allocated {
    count(|| {
        let n = 7_u64;
        let (mut task, deferred) = Task::new(async move { Ok::<_, Aborted>(n) });
        assert!(poll_once(&mut task).is_ready());
        deferred.try_take()
    })
}

/// A thousand items that a callback pushes and a consumer takes, after as many before.
pub fn pushes() -> Allocated {
    let (sender, mut items) = stream::unbounded::<u64, Aborted>();
    let mut push_and_take = || {
        assert_eq!(sender.push_all(0..1000).unwrap(), 1000);
        (0..1000)
            .map(|_| poll_once(&mut items.next()))
            .all(|item| item.is_ready())
    };
    assert!(push_and_take());
    count(|| assert!(push_and_take()))
}

fn one_more(run: impl Fn(usize) -> u64) -> Allocated {
    let (shorter, longer) = (count(|| run(10)), count(|| run(11)));
    (longer.0 - shorter.0, longer.1 - shorter.1)
}
