//! Buffers that the connections of a thread share, so that one that is idle has none.

use std::{cell::Cell, mem};

/// As much is read at once.
const READ: usize = 64 * 1024;

/// A buffer that has grown beyond this is not kept.
const KEPT: usize = 64 * 1024;

thread_local! {
    static READING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static WRITING: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// A second one, for the messages that follow the first of a connection.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The thread's buffer to read into. While it is away, as a protocol's method polls another connection, there is a new one.
pub(super) fn take_reading() -> Vec<u8> {
    let mut buffer = READING.try_with(Cell::take).unwrap_or_default();
    buffer.resize(READ, 0);
    buffer
}

pub(super) fn give_reading(buffer: Vec<u8>) {
    // Where the thread is ending, it is freed.
    let _ = READING.try_with(|reading| reading.set(buffer));
}

/// An empty buffer to write into, the thread's if it is there.
pub(super) fn take_writing() -> Vec<u8> {
    let buffer = WRITING.try_with(Cell::take).unwrap_or_default();
    match buffer.capacity() {
        0 => SPARE.try_with(Cell::take).unwrap_or_default(),
        _ => buffer,
    }
}

/// Leaves the buffer without memory.
pub(super) fn give_writing(buffer: &mut Vec<u8>) {
    let mut buffer = mem::take(buffer);
    if buffer.capacity() > 0 && buffer.capacity() <= KEPT {
        buffer.clear();
        let former = WRITING.try_with(|writing| writing.replace(buffer)).unwrap_or_default();
        if former.capacity() > 0 {
            let _ = SPARE.try_with(|spare| spare.set(former));
        }
    }
}
