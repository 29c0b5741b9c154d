//! What is polled, called and dropped inside.

use std::{
    io,
    net::{TcpListener as StdListener, TcpStream as StdStream},
    time::Duration,
};

use futures_util::{AsyncReadExt, AsyncWriteExt, SinkExt, StreamExt, sink, stream};
use interloop_tokio::{
    context::Context,
    io::{AsFutures, AsTokio},
};
use tokio::io::AsyncBufReadExt;

use super::{Tells, current_thread, is_inside, multi_thread, of};

#[test]
fn a_future_is_polled_and_dropped_inside_on_every_executor() {
    let runtime = multi_thread();
    let context = of(&runtime);
    let executors: [fn(interloop_tokio::context::Wrapped<Tells>); 2] = [smol::block_on, futures_executor_block_on];
    for block_on in executors {
        let (tells, told) = Tells::new(&context);
        block_on(context.wrap(tells));
        assert_eq!(told.iter().collect::<Vec<_>>(), [("polled", true), ("dropped", true)]);
        assert!(!is_inside(&context), "it is left again");
    }
}

fn futures_executor_block_on<F: Future>(future: F) -> F::Output {
    futures_util::future::FutureExt::now_or_never(future).expect("it does not wait")
}

#[test]
fn a_future_that_never_ran_is_dropped_inside() {
    let context = Context::own(1).unwrap();
    let (tells, told) = Tells::new(&context);
    drop(context.wrap(tells));
    assert_eq!(told.iter().collect::<Vec<_>>(), [("dropped", true)]);
}

#[test]
fn what_was_taken_out_is_dropped_where_it_is() {
    let context = Context::own(1).unwrap();
    let (tells, told) = Tells::new(&context);
    drop(context.wrap(tells).into_inner());
    assert_eq!(told.iter().collect::<Vec<_>>(), [("dropped", false)]);
}

#[test]
fn tokios_timers_and_sockets_work_on_another_executor() {
    let context = Context::own(1).unwrap();
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (mut near, far) = smol::block_on(context.run(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::net::TcpStream::connect(addr).await
    }))
    .map(|far| (listener.accept().unwrap().0, far.unwrap()))
    .unwrap();
    io::Write::write_all(&mut near, b"ping").unwrap();

    // The stream is used on the outside, in the dialect of futures-io, and each poll of it is inside.
    let mut far = AsFutures::new(context.wrap(far));
    smol::block_on(async {
        let mut bytes = [0; 4];
        far.read_exact(&mut bytes).await?;
        far.write_all(&bytes).await?;
        far.close().await
    })
    .unwrap();
    let mut answer = String::new();
    io::Read::read_to_string(&mut near, &mut answer).unwrap();
    assert_eq!(answer, "ping");
}

#[test]
fn a_reader_of_lines_keeps_its_buffer() {
    let context = Context::own(1).unwrap();
    let reader = tokio::io::BufReader::new(AsTokio::new(futures_util::io::Cursor::new(b"one\ntwo\n".to_vec())));
    let mut lines = context.wrap(reader).lines();
    smol::block_on(async {
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("one"));
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("two"));
        assert_eq!(lines.next_line().await.unwrap(), None);
    });
}

/// tokio has its blocking pool read files, also to find that there is nothing more.
#[test]
fn a_file_is_read_to_its_end() {
    let context = Context::own(1).unwrap();
    let text = smol::block_on(async {
        let file = context.wrap(tokio::fs::File::open("Cargo.toml")).await?;
        let mut lines = context.wrap(tokio::io::BufReader::new(file));
        let mut text = String::new();
        while lines.read_line(&mut text).await? > 0 {}
        Ok::<_, io::Error>(text)
    });
    assert_eq!(text.unwrap(), std::fs::read_to_string("Cargo.toml").unwrap());
}

#[test]
fn a_stream_and_a_sink_are_polled_inside() {
    let context = Context::own(1).unwrap();
    let asked = context.clone();
    let seen = context.wrap(stream::repeat(()).map(move |()| is_inside(&asked)).take(3));
    assert_eq!(smol::block_on(seen.collect::<Vec<_>>()), [true; 3]);

    let mut received = Vec::new();
    let asked = context.clone();
    let mut sink = context.wrap(Box::pin(sink::unfold(&mut received, |received, n| {
        received.push((n, is_inside(&asked)));
        async { Ok::<_, io::Error>(received) }
    })));
    smol::block_on(async {
        sink.send(1).await.unwrap();
        sink.send(2).await.unwrap();
        sink.close().await.unwrap();
    });
    drop(sink);
    assert_eq!(received, [(1, true), (2, true)]);
}

#[test]
fn a_callback_is_called_inside_or_dropped_inside() {
    let context = Context::own(1).unwrap();
    let (tells, told) = Tells::new(&context);
    let asked = context.clone();
    let callback = context.callback(move |n: u32| {
        drop(tells);
        (n, is_inside(&asked))
    });
    assert_eq!(callback(7), (7, true));
    assert_eq!(told.iter().collect::<Vec<_>>(), [("dropped", true)]);

    let (tells, told) = Tells::new(&context);
    drop(context.callback(move |()| drop(tells)));
    assert_eq!(told.iter().collect::<Vec<_>>(), [("dropped", true)]);
}

/// A client as libraries have them: it starts a task of its own where it is made, and timers where it is used.
#[derive(Clone)]
struct Client(tokio::sync::mpsc::UnboundedSender<tokio::sync::oneshot::Sender<u32>>);

impl Client {
    fn new() -> Self {
        let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel::<tokio::sync::oneshot::Sender<u32>>();
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                let _ = request.send(42);
            }
        });
        Self(sender)
    }

    async fn ask(&self) -> u32 {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.0.send(answer).unwrap();
        tokio::time::timeout(Duration::from_secs(60), answered)
            .await
            .unwrap()
            .unwrap()
    }
}

#[test]
fn a_client_that_was_made_inside_works_outside() {
    let context = Context::own(1).unwrap();
    let client = context.wrap(context.call(Client::new));
    let clones = [client.clone(), client];
    for client in clones {
        assert_eq!(smol::block_on(client.wrap(Client::ask)), 42);
    }
}

#[test]
fn contexts_nest_and_each_is_left_again() {
    let (outer, inner) = (multi_thread(), current_thread());
    let (outer, inner) = (of(&outer), of(&inner));
    outer.call(|| {
        assert!(is_inside(&outer));
        inner.call(|| {
            assert!(is_inside(&inner));
            outer.call(|| assert!(is_inside(&outer)));
            assert!(is_inside(&inner));
        });
        assert!(is_inside(&outer));
    });
    assert!(!is_inside(&outer) && !is_inside(&inner));
}

#[test]
fn a_panic_leaves_the_context() {
    let context = Context::own(1).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        smol::block_on(context.wrap(async { panic!("as it would outside") }));
    }));
    assert!(panicked.is_err() && !is_inside(&context));
}

#[test]
fn a_blocking_socket_handed_over_is_tokios() {
    let context = Context::own(1).unwrap();
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let near = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    near.set_nonblocking(true).unwrap();
    let stream = context.call(|| tokio::net::TcpStream::from_std(near)).unwrap();
    drop(context.wrap(stream));
}
