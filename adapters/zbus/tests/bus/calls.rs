//! Methods and signals.

use std::{
    io::{self, Read},
    os::fd::OwnedFd,
    time::Duration,
};

use futures_util::{StreamExt, future::join_all};
use interloop::{Reactor, defer_to_thread};
use interloop_conformance::on_every_loop;
use zbus::Error;

use crate::tools::{Bus, Failure, Words, WordsProxy};

on_every_loop!(
    a_method_is_called_by_a_name_that_is_owned,
    many_calls_are_answered_at_once,
    signals_come_in_order,
    a_descriptor_is_passed,
    a_call_is_given_up,
    a_call_is_cancelled,
    a_connection_is_used_on_a_plain_thread,
);

async fn a_method_is_called_by_a_name_that_is_owned(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let service = bus.serve(&reactor, Words::default()).await?;
    let client = bus.on(&reactor).build().await?;
    assert_eq!(WordsProxy::new(&client).await?.shout("hello").await?, "HELLO");
    // One name has one owner.
    let refused = client.request_name("test.Words").await;
    assert!(matches!(refused, Err(Error::NameTaken)), "{refused:?}");
    client.close().await?;
    service.close().await?;
    Ok(())
}

async fn many_calls_are_answered_at_once(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let service = bus.serve(&reactor, Words::default()).await?;
    let client = bus.on(&reactor).build().await?;
    let proxy = WordsProxy::new(&client).await?;
    // Longer together than what a socket holds.
    let words: Vec<String> = (0..50).map(|number| format!("word {number} ").repeat(2_000)).collect();
    let answers = join_all(words.iter().map(|word| proxy.shout(word))).await;
    for (word, answer) in words.iter().zip(answers) {
        assert_eq!(answer?, word.to_uppercase());
    }
    client.close().await?;
    service.close().await?;
    Ok(())
}

async fn signals_come_in_order(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let service = bus.serve(&reactor, Words::default()).await?;
    let client = bus.on(&reactor).build().await?;
    let proxy = WordsProxy::new(&client).await?;
    let mut said = proxy.receive_said().await?;
    for word in ["one", "two", "three"] {
        proxy.say(word).await?;
    }
    for word in ["one", "two", "three"] {
        let signal = said.next().await.ok_or("the stream has ended")?;
        assert_eq!(signal.args()?.word, word);
    }
    drop(said);
    drop(proxy);
    client.graceful_shutdown().await;
    service.close().await?;
    Ok(())
}

async fn a_descriptor_is_passed(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let service = bus.serve(&reactor, Words::default()).await?;
    let client = bus.on(&reactor).build().await?;
    let (mut read, write) = io::pipe()?;
    WordsProxy::new(&client)
        .await?
        .write("hello", OwnedFd::from(write).into())
        .await?;
    let text = defer_to_thread(move || {
        let mut text = String::new();
        // To its end: nobody has kept a copy.
        read.read_to_string(&mut text)?;
        Ok::<_, Failure>(text)
    });
    assert_eq!(text.await?, "hello");
    client.close().await?;
    service.close().await?;
    Ok(())
}

async fn a_call_is_given_up(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let (words, asked, end) = Words::pondering();
    let service = bus.serve(&reactor, words).await?;
    let client = bus
        .on(&reactor)
        .method_timeout(Duration::from_millis(20))
        .build()
        .await?;
    match WordsProxy::new(&client).await?.ponder().await {
        Err(Error::InputOutput(error)) => assert_eq!(error.kind(), io::ErrorKind::TimedOut),
        other => panic!("{other:?}"),
    }
    asked.await?;
    end.complete(());
    client.close().await?;
    service.close().await?;
    Ok(())
}

async fn a_call_is_cancelled(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let (words, asked, end) = Words::pondering();
    let service = bus.serve(&reactor, words).await?;
    let client = bus.on(&reactor).build().await?;
    let proxy = WordsProxy::new(&client).await?;
    let call = {
        let proxy = proxy.clone();
        reactor.spawn(async move { Ok::<_, Failure>(proxy.ponder().await?) })
    };
    asked.await?;
    call.cancel();
    assert!(call.await.is_err());
    end.complete(());
    // The connection has not suffered.
    assert_eq!(proxy.shout("hello").await?, "HELLO");
    client.close().await?;
    service.close().await?;
    Ok(())
}

async fn a_connection_is_used_on_a_plain_thread(reactor: Reactor) -> Result<(), Failure> {
    let Some(bus) = Bus::start()? else { return Ok(()) };
    let service = bus.serve(&reactor, Words::default()).await?;
    let client = bus.on(&reactor).build().await?;
    let there = client.clone();
    let answer = defer_to_thread(move || {
        let call = async { WordsProxy::new(&there).await?.shout("hello").await };
        futures_executor::block_on(call).map_err(Failure::from)
    });
    assert_eq!(answer.await?, "HELLO");
    client.close().await?;
    service.close().await?;
    Ok(())
}
