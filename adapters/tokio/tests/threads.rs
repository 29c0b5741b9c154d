//! How many threads a context takes. In a process of its own, as they are counted.
#![cfg(target_os = "linux")]

use std::{fs, thread, time::Duration};

use interloop_tokio::context::{Builder, Context, Policy};
use tokio::runtime;

/// The names of the process's threads.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| {
            // One that has ended meanwhile has none.
            let name = fs::read_to_string(task.unwrap().path().join("comm")).ok()?;
            Some(name.trim_end().to_owned())
        })
        .collect()
}

#[test]
fn there_are_no_more_threads_than_stated() {
    let before = threads().len();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let context = Context::new(runtime.handle()).unwrap();
    runtime.block_on(async {
        let ambient = Policy::Ambient.context().unwrap();
        ambient.run(tokio::time::sleep(Duration::from_millis(1))).await.unwrap();
        context.wrap(tokio::task::yield_now()).await;
    });
    Policy::Never.context().unwrap_err();
    assert_eq!(threads().len(), before, "a runtime of somebody else's");

    let context = Builder::new(2).thread_name("two-workers").start().unwrap();
    context
        .block_on(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            tokio::spawn(async {}).await.unwrap();
        })
        .unwrap();
    assert_eq!(threads().len(), before + 2);
    assert_eq!(threads().iter().filter(|name| *name == "two-workers").count(), 2);

    let wrapped = context.wrap(async {});
    drop(context);
    assert_eq!(threads().len(), before + 2, "something is wrapped still");
    drop(wrapped);
    // They end by themselves, and nobody waits for them. This hangs if they do not.
    while threads().len() > before {
        thread::yield_now();
    }
}
