//! A tokio that was asked for: its threads, and its end.

use std::{sync::mpsc, thread, time::Duration};

use interloop_tokio::context::{Builder, Context, Policy};

use super::{current_thread, is_inside, multi_thread, of};

/// How many threads of this process have a name.
#[cfg(target_os = "linux")]
fn threads(name: &str) -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter(|task| {
            let comm = task.as_ref().unwrap().path().join("comm");
            // One that has ended meanwhile has none.
            std::fs::read_to_string(comm).is_ok_and(|comm| comm.trim_end() == name)
        })
        .count()
}

/// Returns when a name has no thread any more, and hangs if that never is.
#[cfg(target_os = "linux")]
fn wait_for_the_end_of(name: &str) {
    while threads(name) > 0 {
        thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn it_has_the_threads_that_were_stated_and_they_end_with_it() {
    let context = Builder::new(2).thread_name("ctx-stated").start().unwrap();
    smol::block_on(context.run(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::spawn(async {}).await.unwrap();
    }))
    .unwrap();
    assert_eq!(threads("ctx-stated"), 2);
    let wrapped = context.wrap(async {});
    drop(context);
    assert_eq!(threads("ctx-stated"), 2, "something is wrapped still");
    drop(wrapped);
    wait_for_the_end_of("ctx-stated");
}

#[cfg(target_os = "linux")]
#[test]
fn a_context_of_somebody_elses_starts_no_thread() {
    let runtime = current_thread();
    let before = threads("interloop-tokio");
    let context = of(&runtime);
    context
        .reactor(&interloop_smol::global())
        .spawn_infallible(async {})
        .wait()
        .unwrap();
    drop(context.run(async {}));
    // Other tests own some meanwhile, so that there may be fewer or more; none is this one's.
    let _ = before;
    assert_eq!(runtime.metrics().num_workers(), 1);
}

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
