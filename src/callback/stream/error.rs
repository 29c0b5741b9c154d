use std::{error::Error, fmt, io};

/// Why an item was not taken. It gives the item back.
#[derive(Clone, PartialEq, Eq)]
pub struct PushError<T> {
    kind: Refusal,
    item: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// By a producer.
    Closed,
    /// By the consumer.
    Stopped,
    Overflowed,
    Deadlock,
}

impl<T> PushError<T> {
    pub(super) fn new(kind: Refusal, item: T) -> Self {
        Self { kind, item }
    }

    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> PushError<U> {
        PushError::new(self.kind, f(self.item))
    }

    /// The item.
    pub fn into_item(self) -> T {
        self.item
    }

    /// Whether a producer has ended the stream, with `close` or `fail`.
    pub fn is_closed(&self) -> bool {
        self.kind == Refusal::Closed
    }

    /// Whether the consumer has ended the stream, with `stop` or by dropping it.
    pub fn is_stopped(&self) -> bool {
        self.kind == Refusal::Stopped
    }

    /// Whether the stream was full, now or at another push, and its policy is [`Overflow::Fail`](super::Overflow::Fail).
    pub fn is_overflowed(&self) -> bool {
        self.kind == Refusal::Overflowed
    }

    /// Whether the stream is full, and waiting on this thread, which runs a loop, could be a deadlock. The only reason that leaves the
    /// stream as it was.
    pub fn is_deadlock(&self) -> bool {
        self.kind == Refusal::Deadlock
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PushError").field(&self.kind).finish()
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Refusal::Closed => "the stream was closed or has failed: nothing can be pushed any more",
            Refusal::Stopped => "the consumer has stopped the stream: end what calls back",
            Refusal::Overflowed => "the stream has overflowed: make its capacity larger, or have it wait or drop items",
            Refusal::Deadlock => {
                "would deadlock: the stream is full, and this thread runs a loop; push from a thread of your own, \
                 e.g. in `spawn_blocking`, or choose another policy than `Overflow::Wait`"
            }
        })
    }
}

impl<T> Error for PushError<T> {}

impl<T> From<PushError<T>> for io::Error {
    /// Without the item.
    fn from(error: PushError<T>) -> Self {
        let kind = match error.kind {
            Refusal::Closed | Refusal::Stopped => io::ErrorKind::BrokenPipe,
            Refusal::Overflowed | Refusal::Deadlock => io::ErrorKind::Other,
        };
        io::Error::new(kind, error.map(drop))
    }
}
