//! Kafka's client in C, whose runtime is a type: the reactor that is the current one.

use std::{future::Future, pin::Pin, time::Duration};

use ::rdkafka::{
    ClientConfig, Message,
    consumer::{Consumer, DefaultConsumerContext, StreamConsumer},
    producer::{FutureProducer, FutureRecord, Producer},
    util::AsyncRuntime,
};
use futures_util::{FutureExt, future::try_join_all};
use interloop::Reactor;

use super::{Library, expect};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "rdkafka",
    package: "rdkafka",
    by: "its runtime trait over the current reactor, see `matrix/src/libraries/rdkafka.rs`",
    exchanges: "1000 messages to a broker that librdkafka simulates, by a queue of 10, and back",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

/// What is spawned by a reactor has it as the current one, and so have the tasks that it spawns in turn.
struct Current;

impl Current {
    fn reactor() -> Reactor {
        Reactor::current().expect("rdkafka is used in tasks of a reactor")
    }
}

impl AsyncRuntime for Current {
    type Delay = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn spawn<T: Future<Output = ()> + Send + 'static>(task: T) {
        Self::reactor().spawn_infallible(task).detach();
    }

    fn delay_for(duration: Duration) -> Self::Delay {
        // It fails only when the loop has shut down, which drops whoever waits.
        Self::reactor().sleep(duration).map(drop).boxed()
    }
}

async fn run(reactor: Reactor) -> Result<(), Failure> {
    reactor.spawn(exchange()).await
}

async fn exchange() -> Result<(), Failure> {
    let producer: FutureProducer<_, Current> = ClientConfig::new()
        // The broker lives as long as this.
        .set("test.mock.num.brokers", "1")
        // When it is full, those who send wait for a tenth of a second.
        .set("queue.buffering.max.messages", "10")
        .create()?;
    let servers = {
        let cluster = producer.client().mock_cluster().ok_or("there is no broker")?;
        cluster.create_topic("numbers", 1, 1)?;
        cluster.bootstrap_servers()
    };
    let consumer: StreamConsumer<DefaultConsumerContext, Current> = ClientConfig::new()
        .set("bootstrap.servers", &servers)
        .set("group.id", "matrix")
        .set("auto.offset.reset", "earliest")
        .create()?;
    consumer.subscribe(&["numbers"])?;

    for hundred in 0..10 {
        let sending = (0..100).map(|number| {
            let number = (hundred * 100 + number).to_string();
            let producer = &producer;
            async move {
                let record = FutureRecord::<str, _>::to("numbers").payload(&number);
                producer
                    .send(record, Duration::from_secs(30))
                    .await
                    .map_err(|(error, _)| error)
            }
        });
        try_join_all(sending).await?;
    }
    let mut received = Vec::new();
    while received.len() < 1000 {
        let message = consumer.recv().await?;
        let text = std::str::from_utf8(message.payload().unwrap_or_default())?;
        received.push(text.parse::<u32>()?);
    }
    // Those who waited had no order among each other.
    received.sort_unstable();
    expect(received, (0..1000).collect(), "the numbers")
}
