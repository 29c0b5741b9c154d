//! libcurl.

mod collect;
mod driver;
mod engine;
mod error;
mod handle;
mod options;
mod raw;
mod sockets;
mod timer;
mod transfer;

pub use curl;

pub use self::{
    collect::Collect,
    error::Error,
    handle::{Control, Curl},
    options::Options,
};
