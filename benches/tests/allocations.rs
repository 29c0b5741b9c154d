//! What interloop promises to allocate, and no more.

use interloop_benches::{contender::Interloop, counting::CountingAllocator, operations};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn a_pair_is_one_small_allocation() {
    let (allocations, bytes) = operations::pair::<Interloop>();
    assert_eq!(allocations, 1);
    assert!(bytes <= 48, "{bytes} bytes");
}

#[test]
fn a_link_is_one_allocation() {
    assert_eq!(operations::link_before::<Interloop>().0, 1);
}

#[test]
fn a_link_after_the_result_allocates_nothing() {
    assert_eq!(operations::link_after::<Interloop>(), (0, 0));
}

#[test]
fn a_link_after_the_result_to_a_larger_type_is_one_allocation() {
    assert_eq!(operations::larger_link_after().0, 1);
}

#[test]
fn a_task_and_its_deferred_are_one_allocation() {
    assert_eq!(operations::task().0, 1);
}

#[test]
fn a_push_into_a_stream_of_callbacks_allocates_nothing() {
    assert_eq!(operations::pushes(), (0, 0));
}
