use std::{fmt, ops::ControlFlow, sync::Arc};

use super::{
    PushError,
    shared::{Failure, Shared},
};
use crate::Aborted;

/// The producer's half, which a callback pushes into. See the [module](super).
///
/// Clones are senders of the same stream, which ends when the last is dropped. Everything takes `&self`, so a listener that is shared
/// between threads can own one. One word in size.
#[must_use = "the stream ends when the last sender is dropped"]
pub struct Sender<T, E = Aborted> {
    pub(super) shared: Arc<Shared<T, E>>,
}

impl<T, E> Sender<T, E> {
    /// `shared` counts it already.
    pub(super) fn new(shared: Arc<Shared<T, E>>) -> Self {
        Self { shared }
    }

    /// Pushes an item. Where the stream is full, its [policy](super::Overflow) decides.
    ///
    /// `Ok` means that the producer may go on. The consumer's waker runs inside of this.
    ///
    /// # Errors
    /// If the item was not taken; see [`PushError`].
    pub fn push(&self, item: T) -> Result<(), PushError<T>> {
        self.shared.push(Ok(item)).map_err(|error| {
            error.map(|item| match item {
                Ok(item) => item,
                Err(_) => unreachable!("it is what was pushed"),
            })
        })
    }

    /// Pushes an item, or an error after which the stream goes on.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub fn push_result<X: Into<E>>(&self, result: Result<T, X>) -> Result<(), PushError<Result<T, E>>> {
        self.shared.push(result.map_err(X::into))
    }

    /// Pushes an item, for callbacks that are told whether to go on, and can do nothing with an item that was not taken.
    ///
    /// It says `Break` when the stream has ended, whoever ended it. An item that cannot be waited with on this thread ends it,
    /// with [`Aborted::deadlock`], so that the consumer knows.
    pub fn feed(&self, item: T) -> ControlFlow<()> {
        self.feed_result::<E>(Ok(item))
    }

    /// Like [`feed`](Self::feed), for an item or an error after which the stream goes on.
    pub fn feed_result<X: Into<E>>(&self, result: Result<T, X>) -> ControlFlow<()> {
        match self.push_result(result) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                if error.is_deadlock() {
                    self.abort(Aborted::deadlock());
                }
                ControlFlow::Break(())
            }
        }
    }

    /// Pushes all that an iterator gives, until the stream ends, and gives the number of items that were pushed.
    ///
    /// An iterator that blocks is for a thread of its own, and so is [`Overflow::Wait`](super::Overflow::Wait): this makes a stream of
    /// what comes out of a channel of the standard library.
    ///
    /// ```
    /// use std::{sync::mpsc, thread};
    /// use futures_util::StreamExt;
    /// use interloop::{Aborted, callback::stream};
    ///
    /// let (library, events) = mpsc::channel();
    /// let (sender, items) = stream::unbounded::<&str, Aborted>();
    /// thread::spawn(move || sender.push_all(events));
    ///
    /// library.send("first").unwrap();
    /// library.send("second").unwrap();
    /// drop(library);
    /// let items = futures_executor::block_on(items.map(Result::unwrap).collect::<Vec<_>>());
    /// assert_eq!(items, ["first", "second"]);
    /// ```
    ///
    /// # Errors
    /// If an item was not taken. What the iterator has left is not looked at.
    pub fn push_all(&self, items: impl IntoIterator<Item = T>) -> Result<u64, PushError<T>> {
        let mut count = 0;
        for item in items {
            self.push(item)?;
            count += 1;
        }
        Ok(count)
    }

    /// Ends the stream after what is queued, though there may be more senders. After another end it does nothing.
    pub fn close(&self) {
        // Without a failure there is nothing to give back.
        let _ = self.shared.close(None);
    }

    /// Ends the stream with an error, after what is queued. It needs no room.
    ///
    /// # Errors
    /// If the stream has ended already.
    pub fn fail(&self, error: E) -> Result<(), PushError<E>> {
        match self.shared.close(Some(Failure::Own(error))) {
            Err((refusal, Some(Failure::Own(error)))) => Err(PushError::new(refusal, error)),
            _ => Ok(()),
        }
    }

    /// Ends the stream, unless it has ended, with what becomes its error.
    pub(super) fn abort(&self, aborted: Aborted) {
        // An end that was there already says enough.
        let _ = self.shared.close(Some(Failure::Aborted(aborted)));
    }

    /// Whether the stream has ended, so that a push would be in vain.
    pub fn is_closed(&self) -> bool {
        !self.shared.is_open()
    }

    /// How many items were dropped so far. See [`Receiver::dropped`](super::Receiver::dropped).
    pub fn dropped(&self) -> u64 {
        self.shared.dropped()
    }
}

/// Callbacks made of it.
impl<T: Send + 'static, E: Send + 'static> Sender<T, E> {
    /// A callback for APIs that take a closure, of whatever kind: each call is a [`feed`](Self::feed). When the last of its clones is dropped, the
    /// stream ends.
    ///
    /// What it returns is up to the API: nothing, or whether to go on, see [`Verdict`].
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use interloop::{Aborted, callback::stream};
    ///
    /// /// Somebody's API that takes a callback.
    /// fn for_each_word(text: &'static str, mut callback: impl FnMut(&'static str)) {
    ///     text.split(' ').for_each(|word| callback(word));
    /// }
    ///
    /// let (sender, words) = stream::unbounded::<&str, Aborted>();
    /// for_each_word("out of paper", sender.into_callback());
    /// let words = futures_executor::block_on(words.map(Result::unwrap).collect::<Vec<_>>());
    /// assert_eq!(words, ["out", "of", "paper"]);
    /// ```
    pub fn into_callback<R: Verdict>(self) -> impl Fn(T) -> R + Clone + Send + Sync + 'static {
        move |item| R::from_flow(self.feed(item))
    }

    /// Like [`into_callback`](Self::into_callback), for callbacks that are given a `Result`. After an error the stream goes on.
    pub fn into_result_callback<X: Into<E>, R: Verdict>(
        self,
    ) -> impl Fn(Result<T, X>) -> R + Clone + Send + Sync + 'static {
        move |result| R::from_flow(self.feed_result(result))
    }
}

/// What a callback returns: nothing, or whether it wants more.
///
/// Libraries have types of their own for that, which a closure makes of the `ControlFlow` that [`Sender::feed`] returns:
///
/// ```
/// use interloop::{Aborted, callback::stream};
///
/// /// True for more.
/// fn walk(mut callback: impl FnMut(u32) -> bool) {
///     (1..).take_while(|n| callback(*n)).last();
/// }
///
/// let (sender, numbers) = stream::unbounded::<u32, Aborted>();
/// numbers.stop();
/// walk(move |n| sender.feed(n).is_continue());
/// ```
pub trait Verdict {
    /// Makes the return value.
    fn from_flow(flow: ControlFlow<()>) -> Self;
}

impl Verdict for () {
    fn from_flow(_: ControlFlow<()>) -> Self {}
}

impl Verdict for ControlFlow<()> {
    fn from_flow(flow: ControlFlow<()>) -> Self {
        flow
    }
}

impl<T, E> Clone for Sender<T, E> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Self::new(self.shared.clone())
    }
}

impl<T, E> Drop for Sender<T, E> {
    fn drop(&mut self) {
        self.shared.remove_sender();
    }
}

impl<T, E> fmt::Debug for Sender<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
