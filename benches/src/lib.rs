//! What the benchmarks of interloop share: the contenders behind one interface, and an allocator that
//! counts.
//!
//! The benchmarks themselves are in `benches/`. `report` runs one of them so that its contenders can
//! be compared, `allocations` prints what each operation allocates.

pub mod contender;
pub mod counting;
pub mod operations;
pub mod python;
pub mod spread;
