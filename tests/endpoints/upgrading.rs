//! Connections that go through something before they are served.

use std::{io, time::Duration};

use futures_channel::mpsc;
use futures_executor::block_on;
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use interloop::{
    Clock,
    net::memory::{self, MemoryStream},
    protocol::{Channel, Port, endpoint::Listening},
};

use super::Shout;

struct Setup {
    clock: Clock,
    incoming: mpsc::UnboundedSender<io::Result<(MemoryStream, ())>>,
    port: Port,
}

/// Serves connections that begin with a byte: `y` and it goes on, anything else and it fails.
fn serve() -> Setup {
    let clock = Clock::new();
    let reactor = clock.reactor();
    let (incoming, connections) = mpsc::unbounded();
    let upgrade = |mut channel: Box<dyn Channel>| async move {
        let mut first = [0];
        channel.read_exact(&mut first).await?;
        match first {
            [b'y'] => Ok(channel),
            [b'p'] => panic!("on purpose"),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    };
    let listening = Listening::new(connections, None).upgrade(&reactor, Duration::from_secs(5), upgrade);
    let port = listening.serve(&reactor, || Shout);
    Setup { clock, incoming, port }
}

impl Setup {
    fn connect(&self) -> MemoryStream {
        let (here, there) = memory::pair(100);
        self.incoming.unbounded_send(Ok((there, ()))).unwrap();
        here
    }

    fn say(&self, stream: &mut MemoryStream, bytes: &[u8]) {
        block_on(stream.write_all(bytes)).unwrap();
        self.clock.run_until_stalled();
    }

    fn is_closed(&self, stream: &mut MemoryStream) -> bool {
        matches!(block_on(stream.read(&mut [0])), Ok(0) | Err(_))
    }
}

fn hears(stream: &mut MemoryStream, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    block_on(stream.read_exact(&mut received)).unwrap();
    assert_eq!(received, bytes);
}

#[test]
fn a_slow_one_holds_up_no_other() {
    let setup = serve();
    let (mut slow, mut quick) = (setup.connect(), setup.connect());
    setup.say(&mut quick, b"yes");
    hears(&mut quick, b"ES");
    setup.say(&mut slow, b"yeah");
    hears(&mut slow, b"EAH");
}

#[test]
fn one_that_fails_is_closed_and_others_go_on() {
    let setup = serve();
    for no in [b"no", b"pa"] {
        let mut refused = setup.connect();
        setup.say(&mut refused, no);
        assert!(setup.is_closed(&mut refused));
    }
    let mut next = setup.connect();
    setup.say(&mut next, b"yes");
    hears(&mut next, b"ES");
}

#[test]
fn one_that_takes_too_long_is_closed() {
    let setup = serve();
    let mut silent = setup.connect();
    setup.clock.advance(Duration::from_secs(5));
    assert!(setup.is_closed(&mut silent));
}

#[test]
fn those_that_are_not_through_are_given_up_when_listening_ends() {
    let setup = serve();
    let (mut begun, mut through) = (setup.connect(), setup.connect());
    setup.say(&mut through, b"y");
    setup.port.stop();
    setup.clock.run_until_stalled();
    assert!(setup.is_closed(&mut begun));
    setup.say(&mut through, b"still here");
    hears(&mut through, b"STILL HERE");
}

#[test]
fn those_that_have_begun_go_on_when_no_more_come() {
    let setup = serve();
    let mut last = setup.connect();
    setup.incoming.close_channel();
    setup.clock.run_until_stalled();
    setup.say(&mut last, b"yes");
    hears(&mut last, b"ES");
    setup.clock.run_until_stalled();
    assert!(setup.port.stopped().try_take().unwrap().is_ok());
}
