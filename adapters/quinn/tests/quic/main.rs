//! QUIC on every loop, with quinn at both ends, and with quinn on its own tokio at the other one.

mod ends;
mod peers;
mod streams;
mod tools;
