//! Random operations on a stream, and on a plain model of it.

use std::{collections::VecDeque, task::Poll};

use interloop::callback::stream::Overflow;
use proptest::prelude::*;

use crate::{bounded, poll, tools::CountingWaker};

#[derive(Clone, Copy, Debug)]
enum Operation {
    Push,
    Take,
    Close,
    Fail,
    Stop,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        12 => Just(Operation::Push),
        8 => Just(Operation::Take),
        1 => Just(Operation::Close),
        1 => Just(Operation::Fail),
        1 => Just(Operation::Stop),
    ]
}

fn overflow() -> impl Strategy<Value = Overflow> {
    prop_oneof![
        Just(Overflow::Wait),
        Just(Overflow::DropNewest),
        Just(Overflow::DropOldest),
        Just(Overflow::Fail),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Closed,
    Stopped,
    Overflowed,
}

#[derive(Clone, Debug, PartialEq)]
enum Taken {
    Item(u32),
    /// With the number of items that an overflow has let in.
    Error(Option<u64>),
    End,
    Nothing,
}

/// What the documentation says, in the plainest words.
struct Model {
    capacity: usize,
    overflow: Overflow,
    queue: VecDeque<u32>,
    error: Option<Option<u64>>,
    end: Option<End>,
    taken: u64,
    dropped: u64,
}

impl Model {
    fn end(&mut self, end: End, error: Option<Option<u64>>) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.end = Some(end);
        self.error = error;
        true
    }

    /// Gives what the producer is told.
    fn push(&mut self, item: u32) -> Result<(), End> {
        if let Some(end) = self.end {
            return Err(end);
        }
        if self.queue.len() == self.capacity {
            self.dropped += match self.overflow {
                Overflow::Wait => unreachable!("this is not run where it would wait"),
                Overflow::DropNewest | Overflow::DropOldest => 1,
                Overflow::Fail => {
                    self.end(End::Overflowed, Some(Some(self.taken)));
                    return Err(End::Overflowed);
                }
            };
            if self.overflow == Overflow::DropNewest {
                return Ok(());
            }
            self.queue.pop_front();
        }
        self.queue.push_back(item);
        self.taken += 1;
        Ok(())
    }

    fn take(&mut self) -> Taken {
        if let Some(item) = self.queue.pop_front() {
            Taken::Item(item)
        } else if let Some(taken) = self.error.take() {
            Taken::Error(taken)
        } else if self.end.is_some() {
            Taken::End
        } else {
            Taken::Nothing
        }
    }
}

proptest! {
    #[test]
    fn a_stream_does_what_its_model_does(
        capacity in 1_usize..5,
        overflow in overflow(),
        operations in prop::collection::vec(operation(), 0..60),
    ) {
        let (sender, mut items) = bounded(capacity, overflow);
        let mut model = Model {
            capacity,
            overflow,
            queue: VecDeque::new(),
            error: None,
            end: None,
            taken: 0,
            dropped: 0,
        };
        for (item, operation) in (0..).zip(operations) {
            match operation {
                Operation::Push if overflow == Overflow::Wait && model.queue.len() == capacity => {}
                Operation::Push => {
                    let told = sender.push(item).map_err(|error| {
                        let end = if error.is_closed() {
                            End::Closed
                        } else if error.is_stopped() {
                            End::Stopped
                        } else {
                            assert!(error.is_overflowed());
                            End::Overflowed
                        };
                        assert_eq!(error.into_item(), item);
                        end
                    });
                    prop_assert_eq!(told, model.push(item));
                }
                Operation::Take => {
                    let taken = match poll(&mut items, &CountingWaker::new()) {
                        Poll::Ready(Some(Ok(item))) => Taken::Item(item),
                        Poll::Ready(Some(Err(error))) => Taken::Error(error.taken()),
                        Poll::Ready(None) => Taken::End,
                        Poll::Pending => Taken::Nothing,
                    };
                    prop_assert_eq!(taken, model.take());
                }
                Operation::Close => {
                    sender.close();
                    model.end(End::Closed, None);
                }
                Operation::Fail => {
                    let has_failed = sender.fail(interloop::Aborted::cancelled()).is_ok();
                    prop_assert_eq!(has_failed, model.end(End::Closed, Some(None)));
                }
                Operation::Stop => {
                    items.stop();
                    model.end(End::Stopped, None);
                }
            }
            prop_assert_eq!(items.dropped(), model.dropped);
            prop_assert_eq!(sender.is_closed(), model.end.is_some());
            let count = model.queue.len() + usize::from(model.error.is_some());
            let hint = (count, model.end.is_some().then_some(count));
            prop_assert_eq!(futures_core::Stream::size_hint(&items), hint);
        }
    }
}
