//! [hickory](https://docs.rs/hickory-resolver) on every loop: a DNS resolver whose tasks, sockets and time limits are those of one
//! [`Reactor`](interloop::Reactor).
//!
//! ```no_run
//! use hickory_resolver::{Resolver, config::ResolverConfig, name_server::GenericConnector};
//! use interloop::Reactor;
//! use interloop_hickory::Provider;
//!
//! # type Failure = Box<dyn std::error::Error + Send + Sync>;
//! async fn run(reactor: Reactor) -> Result<(), Failure> {
//!     let connector = GenericConnector::new(Provider::new(&reactor));
//!     let resolver = Resolver::builder_with_config(ResolverConfig::google(), connector).build();
//!     for addr in resolver.lookup_ip("www.example.com.").await? {
//!         println!("{addr}");
//!     }
//!     Ok(())
//! }
//!
//! // On whichever loop there is:
//! # fn main() -> Result<(), Failure> {
//! interloop_tokio::block_on(run)??;
//! interloop_smol::block_on(run)??;
//! # Ok(())
//! # }
//! ```
//!
//! The sockets and the tasks are those of the provider's reactor. Time in hickory has no value to be asked for, only a type: so its time limits
//! take the [current](interloop::Reactor::current) reactor, which in all that was spawned by one, and in the `block_on` of every adapter, is
//! there. Elsewhere a look-up fails with an error that says so.
//!
//! A look-up on a loop that has shut down fails. There is no thread beside the loop's own.
//!
//! Features of hickory, such as `system-config`, are switched on by naming `hickory-resolver` beside this crate, without its default ones: its feature
//! `tokio`, which TLS and HTTPS there need, brings tokio in.

#![forbid(unsafe_code)]

mod provider;
mod tcp;
mod time;
mod udp;

pub use self::{
    provider::{Handle, Provider},
    tcp::TcpStream,
    time::Time,
    udp::UdpSocket,
};
