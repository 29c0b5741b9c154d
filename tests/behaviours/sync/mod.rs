//! Locks, semaphores and queues.

mod lock;
mod queue;
mod semaphore;
