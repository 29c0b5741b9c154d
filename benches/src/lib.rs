//! What the benchmarks of interloop share: the contenders behind one interface, an allocator that counts, and the processes of a
//! server and its client.
//!
//! The benchmarks themselves are in `benches/`. `report` runs one of them so that its contenders can
//! be compared, `allocations` prints what each operation allocates.

pub mod contender;
pub mod counting;
pub mod epoll;
pub mod load;
pub mod operations;
pub mod processes;
pub mod python;
pub mod rounds;
pub mod runtime;
pub mod tables;
