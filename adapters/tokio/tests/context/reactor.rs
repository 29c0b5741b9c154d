//! Tasks, callbacks and jobs of a reactor inside of a context, and what drops them.

use std::{sync::mpsc, time::Duration};

use interloop::{Aborted, Clock, Reactor, testing::Watch};
use interloop_tokio::context::Context;

use super::{Tells, is_inside};

fn on_smol() -> (Context, Reactor) {
    let context = Context::own(1).unwrap();
    let reactor = context.reactor(&interloop_smol::global());
    (context, reactor)
}

#[test]
fn tasks_and_the_tasks_that_they_spawn_are_inside() {
    let (context, reactor) = on_smol();
    let asked = context.clone();
    let spawned = reactor.spawn(async move {
        let here = is_inside(&asked);
        let reactor = Reactor::current()?;
        let there = reactor.spawn(async move {
            let reactor = Reactor::current()?;
            reactor.sleep(Duration::from_millis(1)).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, Aborted>(is_inside(&asked))
        });
        Ok::<_, Aborted>((here, there.await?))
    });
    assert_eq!(smol::block_on(spawned).unwrap(), (true, true));
}

#[test]
fn calls_and_jobs_are_inside() {
    let (context, reactor) = on_smol();
    let (sender, told) = mpsc::channel();
    let tell = |what: &'static str| {
        let (context, sender) = (context.clone(), sender.clone());
        move || sender.send((what, is_inside(&context))).unwrap()
    };
    reactor.call_soon(tell("soon"));
    assert_eq!(told.recv().unwrap(), ("soon", true));
    let _later = reactor.call_later(Duration::from_millis(1), tell("later"));
    assert_eq!(told.recv().unwrap(), ("later", true));
    let job = tell("job");
    let ran = reactor.spawn_blocking(move || {
        job();
        Ok::<_, Aborted>(())
    });
    ran.wait().unwrap();
    assert_eq!(told.recv().unwrap(), ("job", true));
}

#[test]
fn a_call_that_is_called_off_is_dropped_by_whoever_does_it() {
    let (context, reactor) = on_smol();
    let (tells, told) = Tells::new(&context);
    let call = reactor.call_later(Duration::from_secs(3600), move || drop(tells));
    context.call(|| call.cancel()).unwrap();
    assert_eq!(told.iter().collect::<Vec<_>>(), [("dropped", true)]);
}

#[test]
fn a_cancelled_task_is_dropped_inside_on_any_thread() {
    let (context, reactor) = on_smol();
    for reactor in [reactor.clone(), Watch::new().on(&reactor)] {
        let (tells, told) = Tells::pending(&context);
        let task = reactor.spawn_infallible(tells);
        assert_eq!(told.recv().unwrap(), ("polled", true));
        task.cancel();
        assert_eq!(told.recv().unwrap(), ("dropped", true));
        assert!(smol::block_on(task).unwrap_err().is_cancelled());
    }
}

#[test]
fn a_job_that_is_cancelled_before_it_runs_is_dropped_inside() {
    let context = Context::own(1).unwrap();
    // A clock runs nothing until it is told to.
    let clock = Clock::new();
    let reactor = context.reactor(&clock.reactor());
    let (tells, told) = Tells::new(&context);
    let job = reactor.spawn_blocking(move || {
        drop(tells);
        Ok::<_, Aborted>(())
    });
    job.cancel();
    assert_eq!(told.iter().collect::<Vec<_>>(), [("dropped", true)]);
}

#[test]
fn what_a_loop_drops_at_its_end_is_dropped_inside() {
    let context = Context::own(1).unwrap();
    let clock = Clock::new();
    let reactor = context.reactor(&clock.reactor());
    let (task, task_told) = Tells::pending(&context);
    let (call, call_told) = Tells::new(&context);
    let deferred = reactor.spawn_infallible(task);
    let _later = reactor.call_later(Duration::from_secs(1), move || drop(call));
    clock.run_until_stalled();
    drop(clock);
    assert!(deferred.try_take().unwrap().unwrap_err().is_shut_down());
    assert_eq!(
        task_told.try_iter().collect::<Vec<_>>(),
        [("polled", true), ("dropped", true)]
    );
    assert_eq!(call_told.try_iter().collect::<Vec<_>>(), [("dropped", true)]);
}

#[test]
fn a_watch_on_the_loop_sees_the_tasks_inside() {
    let context = Context::own(1).unwrap();
    let clock = Clock::new();
    let watch = Watch::new();
    let reactor = context.reactor(&watch.on(&clock.reactor()));
    let (tells, _told) = Tells::pending(&context);
    let task = reactor.spawn_infallible(tells);
    clock.run_until_stalled();
    assert_eq!(watch.tasks(), 1);
    task.cancel();
    clock.run_until_stalled();
    assert_eq!(watch.tasks(), 0);
}

#[test]
fn tasks_that_stay_on_their_thread_are_inside() {
    use std::{cell::Cell, rc::Rc};

    #[derive(Debug)]
    struct OnExecutor(Rc<smol::LocalExecutor<'static>>);

    impl interloop::local::EventLoop for OnExecutor {
        fn spawn(&self, task: interloop::local::Task) {
            self.0.spawn(task).detach();
        }
    }

    let context = Context::own(1).unwrap();
    let executor = Rc::new(smol::LocalExecutor::new());
    let plain = interloop::local::Reactor::new(OnExecutor(executor.clone()), interloop_smol::global());
    let reactor = context.local_reactor(&plain);
    let seen = Rc::new(Cell::new(false));
    let (asked, slot) = (context.clone(), seen.clone());
    let task = reactor.spawn_infallible(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        slot.set(is_inside(&asked));
    });
    smol::block_on(executor.run(task)).unwrap();
    assert!(seen.get());

    let (tells, told) = Tells::pending(&context);
    let task = reactor.spawn_infallible(tells);
    while executor.try_tick() {}
    task.cancel();
    assert_eq!(
        told.try_iter().collect::<Vec<_>>(),
        [("polled", true), ("dropped", true)]
    );
}
