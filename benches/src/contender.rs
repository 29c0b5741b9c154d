//! The contenders: what can be completed once and awaited once.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_util::future::{BoxFuture, FutureExt};
use interloop::{Aborted, Completer, Deferred};

/// One implementation of a value that is sent once.
///
/// The value is word-sized, as it is the cost of the passing that is measured.
pub trait Contender: 'static {
    /// How the tables call it.
    const NAME: &'static str;
    /// The half that sends.
    type Sender: Send + 'static;
    /// The half that waits.
    type Receiver: Future<Output = Result<u64, Self::Error>> + Send + Unpin + 'static;
    /// What is received when nothing was sent.
    type Error: Send + 'static;

    /// Both halves.
    fn pair() -> (Self::Sender, Self::Receiver);

    /// Sends the value.
    fn complete(sender: Self::Sender, value: u64);
}

/// One implementation of a value that goes through a chain of functions.
pub trait Chain: Contender {
    /// The end of a chain.
    type Link: Future<Output = Result<u64, Self::Error>> + Send + Unpin + 'static;

    /// The first link.
    fn first(receiver: Self::Receiver) -> Self::Link;

    /// One more link.
    fn next(link: Self::Link) -> Self::Link;
}

/// interloop's [`Deferred`].
#[derive(Debug)]
pub struct Interloop;

/// tokio's oneshot channel.
#[derive(Debug)]
pub struct Tokio;

/// The channel of the `oneshot` crate.
#[derive(Debug)]
pub struct Oneshot;

/// The oneshot channel of `futures`, and boxed futures as its chain.
#[derive(Debug)]
pub struct Futures;

impl Contender for Interloop {
    const NAME: &'static str = "interloop";
    type Sender = Completer<u64, Aborted>;
    type Receiver = Deferred<u64, Aborted>;
    type Error = Aborted;

    #[inline]
    fn pair() -> (Self::Sender, Self::Receiver) {
        Deferred::pair()
    }

    #[inline]
    fn complete(sender: Self::Sender, value: u64) {
        sender.complete(value);
    }
}

impl Chain for Interloop {
    type Link = Deferred<u64, Aborted>;

    #[inline]
    fn first(receiver: Self::Receiver) -> Self::Link {
        Self::next(receiver)
    }

    #[inline]
    fn next(link: Self::Link) -> Self::Link {
        link.map_ok(|n| n.wrapping_add(1))
    }
}

impl Contender for Tokio {
    const NAME: &'static str = "tokio";
    type Sender = tokio::sync::oneshot::Sender<u64>;
    type Receiver = tokio::sync::oneshot::Receiver<u64>;
    type Error = tokio::sync::oneshot::error::RecvError;

    #[inline]
    fn pair() -> (Self::Sender, Self::Receiver) {
        tokio::sync::oneshot::channel()
    }

    #[inline]
    fn complete(sender: Self::Sender, value: u64) {
        // Refused where nobody listens any more, which is no concern of the sender here.
        let _ = sender.send(value);
    }
}

impl Contender for Oneshot {
    const NAME: &'static str = "oneshot";
    type Sender = oneshot::Sender<u64>;
    type Receiver = oneshot::AsyncReceiver<u64>;
    type Error = oneshot::RecvError;

    #[inline]
    fn pair() -> (Self::Sender, Self::Receiver) {
        oneshot::async_channel()
    }

    #[inline]
    fn complete(sender: Self::Sender, value: u64) {
        let _ = sender.send(value);
    }
}

impl Contender for Futures {
    const NAME: &'static str = "futures";
    type Sender = futures_channel::oneshot::Sender<u64>;
    type Receiver = futures_channel::oneshot::Receiver<u64>;
    type Error = futures_channel::oneshot::Canceled;

    #[inline]
    fn pair() -> (Self::Sender, Self::Receiver) {
        futures_channel::oneshot::channel()
    }

    #[inline]
    fn complete(sender: Self::Sender, value: u64) {
        let _ = sender.send(value);
    }
}

/// A type of its own for every step would be cheaper, and would not be the same thing: a deferred can
/// be stored and given one more callback wherever its type is named, so each step is boxed here too.
impl Chain for Futures {
    type Link = BoxFuture<'static, Result<u64, Self::Error>>;

    #[inline]
    fn first(receiver: Self::Receiver) -> Self::Link {
        receiver.map(|result| result.map(|n| n.wrapping_add(1))).boxed()
    }

    #[inline]
    fn next(link: Self::Link) -> Self::Link {
        link.map(|result| result.map(|n| n.wrapping_add(1))).boxed()
    }
}

/// Polls once with a waker that does nothing.
#[inline]
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

/// Polls once.
#[inline]
pub fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// The value of a future that is known to have one.
///
/// # Panics
/// If the future waits or failed.
#[inline]
pub fn value_of<F, E>(future: &mut F) -> u64
where
    F: Future<Output = Result<u64, E>> + Unpin,
{
    match poll_once(future) {
        Poll::Ready(Ok(value)) => value,
        _ => panic!("completed, and without its value"),
    }
}

/// A pair with `length` links attached.
#[inline]
pub fn chain<C: Chain>(receiver: C::Receiver, length: usize) -> C::Link {
    (1..length).fold(C::first(receiver), |link, _| C::next(link))
}
