//! HTTP on every loop: with hyper at both ends, and with `curl`, Python and hyper on tokio at the other one.

mod bodies;
mod client;
mod command;
mod ends;
mod limits;
mod native;
mod peers;
mod server;
mod shutdown;
mod timer;
mod tls;
mod tools;
mod upgrades;
