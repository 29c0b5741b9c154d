//! Runtimes as the contenders use them.

/// tokio's, on the thread that calls `block_on`.
pub fn current_thread() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_all()
        .build()
        .expect("the system has the descriptors for it")
}
