//! Look-ups on every loop, at a DNS server on plain threads, of no loop.

mod lookups;
mod server;
