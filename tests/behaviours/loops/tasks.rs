//! What loops still have to do.

/// Whether a loop has tasks.
pub(crate) struct Tasks(pub(crate) Box<dyn Fn() -> bool>);

impl Tasks {
    /// Lets the loop run until it has let go of all its tasks. None of them waits for anything else.
    pub(crate) async fn are_gone(&self) {
        for _ in 0..1_000_000 {
            if !(self.0)() {
                return;
            }
            smol::future::yield_now().await;
        }
        panic!("the loop keeps a task");
    }
}
