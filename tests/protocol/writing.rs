//! What a transport sends, and when it asks to pause.

use interloop::protocol::{AfterEof, Lost};

use super::{Event, attach, closed};

#[test]
fn what_is_written_arrives_in_order() {
    let mut setup = attach(100, |recorder| {
        recorder.on_data(|transport, _| {
            transport.write(b"one ");
            transport.write_vectored(&[std::io::IoSlice::new(b"two "), std::io::IoSlice::new(b"three")]);
        })
    });
    setup.send(b"x");
    assert_eq!(setup.received(100), b"one two three");
}

#[test]
fn what_is_written_from_outside_is_sent() {
    let mut setup = attach(100, |recorder| recorder);
    setup.events();
    setup.transport.write(b"from another task");
    assert_eq!(setup.received(100), b"from another task");
}

#[test]
fn what_does_not_fit_waits_and_is_sent() {
    let mut setup = attach(10, |recorder| recorder);
    let bytes: Vec<u8> = (0..200).collect();
    setup.transport.write(&bytes[..100]);
    setup.clock.run_until_stalled();
    assert_eq!(setup.transport.buffered(), 90);
    setup.transport.write(&bytes[100..]);
    assert_eq!(setup.transport.buffered(), 190);
    setup.transport.lose_connection();
    assert_eq!(setup.received_to_the_end(), bytes);
    assert_eq!(setup.transport.buffered(), 0);
}

#[test]
fn the_protocol_pauses_above_the_high_mark_and_resumes_at_the_low_one() {
    let mut setup = attach(10, |recorder| recorder);
    setup.transport.set_write_marks(5, 20).unwrap();
    assert_eq!(setup.transport.write_marks(), 5..20);
    setup.transport.write(&[1; 30]);
    assert_eq!(setup.events(), [Event::Made], "10 are on their way, and 20 wait");
    setup.transport.write(&[2]);
    assert_eq!(setup.events(), [Event::Pause]);
    setup.transport.write(&[3; 100]);
    assert_eq!(setup.events(), [], "once is enough");
    while setup.transport.buffered() > 15 {
        setup.received(10);
        if setup.transport.buffered() > 5 {
            assert_eq!(setup.events(), []);
        }
    }
    setup.received(10);
    assert_eq!(setup.events(), [Event::Resume]);
}

#[test]
fn marks_that_cross_are_an_error() {
    let setup = attach(10, |recorder| recorder);
    let error = setup.transport.set_write_marks(3, 2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the low-water mark, 3, is above the high one, 2: swap them"
    );
}

#[test]
fn draining_waits_for_the_low_mark() {
    let mut setup = attach(10, |recorder| recorder);
    setup.transport.set_write_marks(0, 20).unwrap();
    assert!(setup.transport.drain().is_settled(), "nothing is written");
    setup.transport.write(&[1; 40]);
    let drained = setup.transport.drain();
    setup.clock.run_until_stalled();
    setup.received(10);
    setup.received(10);
    assert!(!drained.is_settled());
    setup.received(10);
    assert!(drained.try_take().unwrap().is_ok());
}

#[test]
fn those_who_wait_for_the_low_mark_wait_for_what_was_written_before_them() {
    let mut setup = attach(10, |recorder| recorder);
    setup.transport.set_write_marks(0, 20).unwrap();
    setup.transport.write(&[1; 40]);
    let (first, second) = (setup.transport.drain(), setup.transport.drain());
    setup.events();
    setup.received(10);
    setup.transport.write(&[2; 30]);
    let third = setup.transport.drain();
    while setup.transport.buffered() > 0 {
        assert!(!first.is_settled() && !second.is_settled() && !third.is_settled());
        setup.received(10);
    }
    for drained in [first, second, third] {
        assert!(drained.try_take().unwrap().is_ok());
    }
    setup.transport.write(&[3; 40]);
    let (detached, drained) = (setup.transport.detach(), setup.transport.drain());
    for _ in 0..5 {
        setup.received(10);
    }
    assert!(detached.try_take().unwrap().is_ok());
    assert!(drained.try_take().unwrap().is_ok(), "all is sent");
}

#[test]
fn draining_fails_when_the_connection_is_lost() {
    let setup = attach(10, |recorder| recorder);
    setup.transport.write(&[1; 1_000_000]);
    let drained = setup.transport.drain();
    setup.clock.run_until_stalled();
    setup.transport.abort();
    setup.clock.run_until_stalled();
    assert!(matches!(drained.try_take(), Ok(Err(Lost::Aborted(_)))));
    assert!(matches!(setup.transport.drain().try_take(), Ok(Err(Lost::Aborted(_)))));
}

#[test]
fn ending_the_writing_direction_leaves_the_other_open() {
    let mut setup = attach(100, |recorder| recorder.staying_open());
    setup.transport.write(b"all");
    setup.transport.write_eof();
    setup.transport.write(b"too late");
    assert_eq!(setup.received_to_the_end(), b"all");
    setup.send(b"still heard");
    setup.close();
    assert_eq!(
        setup.events(),
        [
            Event::Made,
            super::data(b"still heard"),
            Event::Eof,
            closed(),
            Event::Dropped
        ],
        "both directions have ended"
    );
}

#[test]
fn a_connection_that_stays_open_after_the_end_can_be_written_to() {
    let mut setup = attach(100, |recorder| recorder.staying_open());
    setup.close();
    assert_eq!(setup.events(), [Event::Made, Event::Eof]);
    setup.transport.write(b"after the end");
    assert_eq!(setup.received(100), b"after the end");
    setup.transport.lose_connection();
    assert_eq!(setup.events(), [closed(), Event::Dropped]);
    assert_eq!(AfterEof::default(), AfterEof::Close);
}

#[test]
fn what_is_written_in_answer_to_the_end_is_sent() {
    let mut setup = attach(100, |recorder| {
        recorder.on_data(|transport, data| transport.write(data))
    });
    setup.send(b"ping");
    setup.close();
    assert_eq!(setup.received_to_the_end(), b"ping");
}

#[test]
fn what_was_sent_does_not_count_as_waiting_inside_of_a_method() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut setup = attach(100, |recorder| {
        recorder.on_data(move |transport, _| {
            sender.send(transport.buffered()).unwrap();
            transport.write(b"12345");
        })
    });
    setup.clock.run_until_stalled();
    setup.send(b"a");
    setup.events();
    setup.send(b"b");
    setup.events();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 0]);
}
