//! Signals: seen by every stream that waits for them, on whichever loop.
//!
//! They are the process's, and all cases of a test file run in one. So no signal may be taken for one's own: what others raise
//! is seen, too.

use std::{io, pin::pin};

use futures_util::{
    StreamExt,
    future::{join, join_all},
    poll,
};
use interloop::{
    Reactor,
    signal::{ForbiddenSignal, SignalKind, Signals, ctrl_c},
};
use rustix::process::{Signal, getpid, kill_process};

use crate::{
    AnySubject, Subject,
    tools::{MILLISECOND, on_thread, parked, wait},
};

/// Sends a signal to this process.
pub(super) fn raise(kind: SignalKind) {
    let signal = Signal::from_named_raw(kind.as_raw()).unwrap();
    kill_process(getpid(), signal).unwrap();
}

pub(super) fn signals<const N: usize>(reactor: &Reactor, kinds: [SignalKind; N]) -> Signals {
    Signals::new(reactor, kinds).unwrap()
}

const USR1: SignalKind = SignalKind::user_defined1();
const USR2: SignalKind = SignalKind::user_defined2();
const WINCH: SignalKind = SignalKind::window_change();

pub fn a_signal_wakes_its_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut signals = signals(&reactor, [USR1]);
    subject.block_on(async {
        for _ in 0..20 {
            let (waits, receiving) = parked(signals.recv());
            let raising = async {
                // Another case's signal may have come first.
                let _ = waits.await;
                on_thread(|| raise(USR1)).await.unwrap();
            };
            let (received, ()) = join(receiving, raising).await;
            assert_eq!(received.unwrap(), USR1);
        }
    });
}

pub fn a_signal_wakes_a_task(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut signals = signals(&reactor, [USR2]);
    let (waits, receiving) = parked(async move { signals.recv().await });
    let receiving = reactor.spawn(receiving);
    subject.block_on(async {
        let _ = waits.await;
        raise(USR2);
        assert_eq!(receiving.await.unwrap(), USR2);
    });
}

pub fn a_signal_that_nobody_waited_for_yet_is_kept(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut signals = signals(&reactor, [WINCH]);
    raise(WINCH);
    assert_eq!(subject.block_on(signals.recv()).unwrap(), WINCH);
}

pub fn a_thousand_signals_at_once_do_not_block(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut signals = signals(&reactor, [USR1]);
    for _ in 0..1000 {
        raise(USR1);
    }
    subject.block_on(async {
        assert_eq!(signals.recv().await.unwrap(), USR1);
        // Full or not, it works on.
        raise(USR1);
        assert_eq!(signals.recv().await.unwrap(), USR1);
    });
}

pub fn every_stream_is_given_a_signal(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut streams = [(); 5].map(|()| signals(&reactor, [USR2]));
    raise(USR2);
    let received = subject.block_on(join_all(streams.iter_mut().map(Signals::recv)));
    for kind in received {
        assert_eq!(kind.unwrap(), USR2);
    }
}

pub fn a_stream_tells_signals_apart(mut subject: AnySubject) {
    let reactor = subject.reactor();
    // Asked for twice is once.
    let mut signals = signals(&reactor, [USR1, USR2, WINCH, USR1]);
    subject.block_on(async {
        for awaited in [WINCH, USR1, USR2, WINCH] {
            raise(awaited);
            while signals.recv().await.unwrap() != awaited {}
        }
    });
}

pub fn a_frequent_signal_does_not_hide_another(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut signals = signals(&reactor, [USR1, USR2]);
    raise(USR2);
    subject.block_on(async {
        loop {
            raise(USR1);
            if signals.recv().await.unwrap() == USR2 {
                break;
            }
        }
    });
}

pub fn a_receive_that_is_given_up_loses_no_signal(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut signals = signals(&reactor, [WINCH]);
    subject.block_on(async {
        {
            let mut receiving = pin!(signals.recv());
            let _ = poll!(receiving.as_mut());
            raise(WINCH);
        }
        assert_eq!(signals.recv().await.unwrap(), WINCH);
    });
}

pub fn a_dropped_stream_does_not_take_the_others_signals(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut kept = signals(&reactor, [USR1]);
    subject.block_on(async {
        for _ in 0..20 {
            let dropped = signals(&reactor, [USR1, USR2]);
            raise(USR1);
            drop(dropped);
            assert_eq!(kept.recv().await.unwrap(), USR1);
        }
    });
}

pub fn signals_are_a_stream(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut signals = signals(&reactor, [USR2]);
    subject.block_on(async {
        raise(USR2);
        assert_eq!(signals.next().await.unwrap().unwrap(), USR2);
    });
}

pub fn a_stream_of_no_signals_waits(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut signals = signals(&reactor, []);
    subject.block_on(async {
        let mut receiving = pin!(signals.recv());
        assert!(poll!(receiving.as_mut()).is_pending());
        raise(WINCH);
        reactor.sleep(MILLISECOND).await.unwrap();
        assert!(poll!(receiving.as_mut()).is_pending());
    });
}

pub fn an_interrupt_is_waited_for(mut subject: AnySubject) {
    let reactor = subject.reactor();
    subject.block_on(async {
        // It counts from the call on, before it is polled.
        let interrupted = ctrl_c(&reactor);
        raise(SignalKind::interrupt());
        interrupted.await.unwrap();
        let interrupted = reactor.spawn(ctrl_c(&reactor));
        raise(SignalKind::interrupt());
        interrupted.await.unwrap();
    });
}

pub fn signals_that_cannot_be_waited_for_are_refused(subject: AnySubject) {
    let reactor = subject.reactor();
    let fault = SignalKind::from_raw(Signal::SEGV.as_raw());
    let stop = SignalKind::from_raw(Signal::STOP.as_raw());
    for kind in [SignalKind::kill(), stop, fault] {
        let error = Signals::new(&reactor, [USR1, kind]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let forbidden = error
            .get_ref()
            .and_then(|error| error.downcast_ref::<ForbiddenSignal>());
        assert_eq!(forbidden.expect("it says which").kind(), kind);
        assert!(error.to_string().contains(&kind.to_string()), "{error}");
    }
    for number in [-1, 0, 4000] {
        let error = Signals::new(&reactor, [SignalKind::from_raw(number)]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "of {number}");
        assert!(error.to_string().contains(&number.to_string()), "{error}");
    }
}

pub fn a_plain_thread_waits_for_a_signal(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let received = on_thread(move || {
        let mut signals = signals(&reactor, [USR1]);
        raise(USR1);
        wait(signals.recv())
    });
    assert_eq!(subject.block_on(received).unwrap().unwrap(), USR1);
}
