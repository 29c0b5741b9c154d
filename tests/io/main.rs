//! Blocking I/O for async code, and asynchronous I/O for code that blocks.

mod block_on;
mod unblock;
mod unblock_ends;
