//! [tower](https://docs.rs/tower)'s time limits on every loop: a layer whose time is that of one
//! [`Reactor`](interloop::Reactor), by value. tower's own `Timeout` takes tokio's, and panics where no tokio runs.
//!
//! ```
//! use std::time::Duration;
//! use interloop::{Aborted, AsAborted, Reactor};
//! use interloop_tower::TimeoutLayer;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! async fn run(reactor: Reactor) {
//!     let inner = reactor.clone();
//!     let service = ServiceBuilder::new()
//!         .layer(TimeoutLayer::new(&reactor, Duration::from_millis(10)))
//!         .service(service_fn(move |pause: Duration| inner.sleep(pause)));
//!
//!     service.clone().oneshot(Duration::ZERO).await.unwrap();
//!     let late = service.oneshot(Duration::from_secs(3600)).await.unwrap_err();
//!     assert!(late.as_aborted().is_some_and(Aborted::is_timed_out));
//! }
//!
//! // On whichever loop there is:
//! interloop_tokio::block_on(run)?;
//! interloop_smol::block_on(run)?;
//! # Ok::<_, interloop::BlockOnError>(())
//! ```
//!
//! # Sleeping between attempts
//!
//! tower's `Retry` asks a policy of yours for a future before each attempt, and knows no time itself. So a pause of the loop's needs nothing
//! from here:
//!
//! ```
//! use std::time::Duration;
//! use interloop::{Aborted, Reactor, time::Sleep};
//! use tower::retry::Policy;
//! # use tower::{ServiceExt, retry::Retry, service_fn};
//!
//! /// Tries again after a pause that doubles, so many times.
//! #[derive(Clone)]
//! struct Again {
//!     reactor: Reactor,
//!     pause: Duration,
//!     attempts: usize,
//! }
//!
//! /// The pause. Its error, that the loop has shut down, is met by the next attempt as well.
//! struct Pause(Sleep);
//!
//! impl Future for Pause {
//!     type Output = ();
//!
//!     fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
//!         std::pin::Pin::new(&mut self.0).poll(cx).map(drop)
//!     }
//! }
//!
//! impl<R: Clone, T, E> Policy<R, T, E> for Again {
//!     type Future = Pause;
//!
//!     fn retry(&mut self, _: &mut R, result: &mut Result<T, E>) -> Option<Pause> {
//!         if result.is_ok() || self.attempts == 0 {
//!             return None;
//!         }
//!         self.attempts -= 1;
//!         let pause = self.reactor.sleep(self.pause);
//!         self.pause *= 2;
//!         Some(Pause(pause))
//!     }
//!
//!     fn clone_request(&mut self, request: &R) -> Option<R> {
//!         Some(request.clone())
//!     }
//! }
//! #
//! # // In virtual time: two pauses, of one second and of two.
//! # interloop::clock::block_on(async |reactor| {
//! #     let attempts = std::cell::Cell::new(0);
//! #     let failing = service_fn(|()| {
//! #         attempts.set(attempts.get() + 1);
//! #         let result = if attempts.get() == 3 { Ok(()) } else { Err("not yet") };
//! #         async move { result }
//! #     });
//! #     let again = Again { reactor: reactor.clone(), pause: Duration::from_secs(1), attempts: 5 };
//! #     let begun = reactor.now();
//! #     Retry::new(again, failing).oneshot(()).await.unwrap();
//! #     assert_eq!(reactor.now() - begun, Duration::from_secs(3));
//! # }).unwrap();
//! ```
//!
//! # What else of tower is tokio's
//!
//! Its `limit::rate`, its `hedge` and the ready-made back-offs of its `retry` sleep by tokio's timers, and `spawn_ready` spawns there: on other loops they run
//! inside of a context, see `interloop_tokio::context`. `Buffer::pair` gives its worker to be spawned by a reactor. All else runs on any loop as it is.

#![forbid(unsafe_code)]

mod timeout;

pub use self::timeout::{ResponseFuture, Timeout, TimeoutLayer};
