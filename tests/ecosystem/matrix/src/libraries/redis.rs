//! A store of keys, over a stream that is handed over.

use std::process;

use ::redis::{AsyncConnectionConfig, Pipeline, RedisConnectionInfo, Value, aio::MultiplexedConnection, cmd};
use interloop::{Deferred, Reactor, net::TcpStream};
use interloop_tokio::io::AsTokio;

use super::{Library, Service, bytes, expect};
use crate::Failure;

const SERVER: Service = Service {
    name: "Redis",
    variable: "MATRIX_REDIS",
};

pub(super) const LIBRARY: Library = Library {
    name: "redis",
    package: "redis",
    by: "`AsTokio` over `interloop::net`'s streams",
    exchanges: "1 MiB stored and read, and 100 commands at once on one connection",
    server: Some(SERVER),
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let stream = TcpStream::connect(&reactor, SERVER.place()?.parse()?).await?;
    let (info, config) = (RedisConnectionInfo::default(), AsyncConnectionConfig::new());
    let (connection, driver) = MultiplexedConnection::new_with_config(&info, AsTokio::new(stream), config).await?;
    let driver = reactor.spawn_infallible(driver);
    let mut client = connection.clone();

    let key = format!("interloop:{}", process::id());
    let data = bytes(1 << 20);
    let () = cmd("SET").arg(&key).arg(&data[..]).query_async(&mut client).await?;
    let got: Vec<u8> = cmd("GET").arg(&key).query_async(&mut client).await?;
    expect(got, data.to_vec(), "the value")?;
    let () = cmd("SET").arg(&key).arg(0).query_async(&mut client).await?;
    let adding: Vec<Deferred<i64, Failure>> = (0..100)
        .map(|_| {
            let (mut client, key) = (connection.clone(), key.clone());
            reactor.spawn(async move { Ok(cmd("INCR").arg(key).query_async(&mut client).await?) })
        })
        .collect();
    let mut sums = Vec::new();
    for sum in adding {
        sums.push(sum.await?);
    }
    sums.sort_unstable();
    expect(sums, (1..=100).collect(), "the sums")?;
    let mut pipeline = Pipeline::new();
    pipeline.cmd("DEL").arg(&key).cmd("GET").arg(&key);
    let got: Vec<Value> = pipeline.query_async(&mut client).await?;
    expect(got, vec![Value::Int(1), Value::Nil], "the answers of a pipeline")?;
    // The driver ends with its last connection.
    drop((client, connection));
    Ok(driver.await?)
}
