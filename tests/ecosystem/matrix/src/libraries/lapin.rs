//! The client of RabbitMQ, by its runtime traits.

use ::lapin::{
    BasicProperties, Connection, ConnectionProperties, ErrorKind,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::FieldTable,
};
use bytes::Bytes;
use futures_util::StreamExt;
use interloop::Reactor;

use super::{Library, Service, bytes, expect};
use crate::Failure;

const SERVER: Service = Service {
    name: "RabbitMQ",
    variable: "MATRIX_AMQP",
};

pub(super) const LIBRARY: Library = Library {
    name: "lapin",
    package: "lapin",
    by: "`interloop-async-rs`",
    exchanges: "1000 messages in order and one of 512 KiB, each confirmed and acknowledged, and an error of the broker",
    server: Some(SERVER),
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let uri = format!("amqp://{}/%2f", SERVER.place()?);
    let runtime = interloop_async_rs::runtime(&reactor);
    let connection = Connection::connect_with_runtime(&uri, ConnectionProperties::default(), runtime).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    // Of nobody else, with a name of the broker's.
    let alone = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel.queue_declare("".into(), alone, FieldTable::default()).await?;
    let mut messages = channel
        .basic_consume(
            queue.name().clone(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;

    let mut sent: Vec<Bytes> = (0..1000).map(|number: u32| number.to_string().into()).collect();
    sent.push(bytes(512 << 10));
    let publishing = reactor.spawn({
        let (channel, name, sent) = (channel.clone(), queue.name().clone(), sent.clone());
        async move {
            let mut confirms = Vec::new();
            for message in &sent {
                let options = BasicPublishOptions::default();
                let properties = BasicProperties::default();
                let published = channel.basic_publish("".into(), name.clone(), options, message, properties);
                confirms.push(published.await?);
            }
            for confirm in confirms {
                expect(confirm.await?.is_ack(), true, "that the broker confirms")?;
            }
            Ok::<_, Failure>(())
        }
    });
    for expected in sent {
        let message = messages.next().await.ok_or("the consumer has ended")??;
        message.ack(BasicAckOptions::default()).await?;
        expect(Bytes::from(message.data), expected, "the message")?;
    }
    publishing.await?;

    let passively = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let refused = channel
        .queue_declare("nobody's".into(), passively, FieldTable::default())
        .await;
    let code = match refused.err().map(|error| error.kind().clone()) {
        Some(ErrorKind::ProtocolError(error)) => error.get_id(),
        _ => 0,
    };
    expect(code, 404, "the broker's error for a queue that there is not")?;
    connection.close(200, "done".into()).await?;
    Ok(())
}
