//! A tokio that was asked for, and its end.

use std::{sync::mpsc, thread};

use interloop_tokio::context::{Builder, Context, Policy};

use super::{current_thread, is_inside, multi_thread, of};

/// tokio panics where a runtime is dropped in asynchronous code.
#[test]
fn it_ends_in_asynchronous_code_of_any_loop() {
    for runtime in [multi_thread(), current_thread()] {
        runtime.block_on(async {
            drop(Context::own(1).unwrap());
            drop(Context::from_runtime(current_thread()).unwrap());
            tokio::spawn(async { drop(Context::own(1).unwrap()) }).await.unwrap();
        });
    }
    smol::block_on(async { drop(Context::own(1).unwrap()) });
}

#[test]
fn it_ends_in_a_task_of_its_own() {
    let context = Context::own(1).unwrap();
    let handle = context.handle().clone();
    let (sender, ended) = mpsc::channel();
    let task = handle.spawn(async move {
        drop(context);
        sender.send(()).unwrap();
    });
    ended.recv().unwrap();
    // It may have been dropped at its end, by the shutdown; it must not have panicked.
    if let Err(error) = smol::block_on(task) {
        assert!(error.is_cancelled(), "{error}");
    }
}

#[test]
fn its_tasks_are_dropped_at_its_end() {
    struct Tells(mpsc::Sender<()>);

    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }

    let context = Context::own(1).unwrap();
    let (sender, dropped) = mpsc::channel();
    let tells = Tells(sender);
    context.handle().spawn(async move {
        let _tells = tells;
        std::future::pending::<()>().await;
    });
    drop(context);
    dropped.recv().unwrap();
}

#[test]
fn what_is_handed_over_is_run_by_its_threads_until_it_ends() {
    let context = Context::own(1).unwrap();
    let tokio = context.on_runtime();
    // Awaited on another loop, twice by the same thread of this one.
    let ask = || tokio.spawn_infallible(async { (interloop_tokio::current().is_ok(), thread::current().id()) });
    let (one, other) = smol::block_on(async { (ask().await.unwrap(), ask().await.unwrap()) });
    assert!(one.0 && one == other && one.1 != thread::current().id());
    let for_ever = tokio.spawn_infallible(std::future::pending::<()>());
    drop(context);
    assert!(for_ever.wait().unwrap_err().is_shut_down());
    assert!(ask().wait().unwrap_err().is_shut_down());
}

#[test]
fn no_threads_are_no_tokio() {
    for builder in [Builder::new(0), Builder::new(1).max_blocking_threads(0)] {
        let error = builder.start().unwrap_err();
        assert!(error.to_string().contains("ask for one"), "{error}");
    }
}

#[test]
fn a_policy_says_where_it_comes_from() {
    assert!(Policy::Ambient.context().unwrap_err().is_no_runtime());
    let never = Policy::Never.context().unwrap_err();
    assert!(
        never.is_never() && never.to_string().contains("Policy::Never"),
        "{never}"
    );

    let runtime = multi_thread();
    let given = of(&runtime);
    assert_eq!(
        Policy::Given(given.clone()).context().unwrap().handle().id(),
        given.handle().id()
    );
    runtime.block_on(async {
        let ambient = Policy::Ambient.context().unwrap();
        assert_eq!(ambient.handle().id(), given.handle().id());
    });
    let own = Policy::Own(Builder::new(1)).context().unwrap();
    assert_ne!(own.handle().id(), given.handle().id());
    own.call(|| assert!(is_inside(&own)));
    // One that is entered is found by the next one.
    own.call(|| assert_eq!(Policy::Ambient.context().unwrap().handle().id(), own.handle().id()));
}
