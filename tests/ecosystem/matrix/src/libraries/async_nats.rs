//! A broker's client that is made for tokio.

use ::async_nats::Subscriber;
use bytes::Bytes;
use futures_util::StreamExt;
use interloop::Reactor;

use super::{Library, Service, bytes, expect, tokio_context};
use crate::Failure;

const SERVER: Service = Service {
    name: "NATS",
    variable: "MATRIX_NATS",
};

pub(super) const LIBRARY: Library = Library {
    name: "async-nats",
    package: "async-nats",
    by: "`interloop_tokio::context`",
    exchanges: "1000 messages in order, one of 512 KiB, and a request with its reply",
    server: Some(SERVER),
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let context = tokio_context()?;
    context.reactor(&reactor).spawn(exchange()).await
}

async fn exchange() -> Result<(), Failure> {
    let client = ::async_nats::connect(SERVER.place()?).await?;
    // Of nobody else.
    let subject = client.new_inbox();
    let mut messages = client.subscribe(subject.clone()).await?;
    for number in 0..1000 {
        client.publish(subject.clone(), Bytes::from(number.to_string())).await?;
    }
    let large = bytes(512 << 10);
    client.publish(subject, large.clone()).await?;
    client.flush().await?;
    for number in 0..1000 {
        expect(next(&mut messages).await?, number.to_string().into(), "the message")?;
    }
    expect(next(&mut messages).await?, large, "the large message")?;

    let subject = client.new_inbox();
    let mut questions = client.subscribe(subject.clone()).await?;
    let answering = Reactor::current()?.spawn({
        let client = client.clone();
        async move {
            let question = questions.next().await.ok_or("no question has come")?;
            let reply_to = question.reply.ok_or("nobody waits for the answer")?;
            client
                .publish(reply_to, question.payload.to_ascii_uppercase().into())
                .await?;
            Ok::<_, Failure>(())
        }
    });
    let answer = client.request(subject, "hello".into()).await?;
    expect(answer.payload, "HELLO".into(), "the answer")?;
    answering.await?;
    Ok(client.drain().await?)
}

async fn next(messages: &mut Subscriber) -> Result<Bytes, Failure> {
    let message = messages.next().await.ok_or("the subscription has ended")?;
    Ok(message.payload)
}
