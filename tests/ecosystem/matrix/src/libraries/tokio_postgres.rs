//! A database, over a stream that is handed over.

use ::tokio_postgres::{Config, NoTls, error::SqlState};
use interloop::{Reactor, net::TcpStream};
use interloop_tokio::io::AsTokio;

use super::{Library, Service, bytes, expect};
use crate::Failure;

const SERVER: Service = Service {
    name: "PostgreSQL",
    variable: "MATRIX_POSTGRES",
};

pub(super) const LIBRARY: Library = Library {
    name: "tokio-postgres",
    package: "tokio-postgres",
    by: "`AsTokio` over `interloop::net`'s streams",
    exchanges: "a table in a transaction, rows with numbers, texts and 1 MiB of bytes, and an error of the server",
    server: Some(SERVER),
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    // The address, and the name of a user without a password.
    let place = SERVER.place()?;
    let (addr, user) = place.split_once('/').ok_or("it is to be ADDRESS/USER")?;
    let stream = TcpStream::connect(&reactor, addr.parse()?).await?;
    let mut config = Config::new();
    config.user(user).dbname("postgres");
    let (mut client, connection) = config.connect_raw(AsTokio::new(stream), NoTls).await?;
    let connection = reactor.spawn(async { Ok::<_, Failure>(connection.await?) });

    let transaction = client.transaction().await?;
    transaction
        .batch_execute("CREATE TEMPORARY TABLE things (number bigint, name text, data bytea) ON COMMIT DROP")
        .await?;
    let data = bytes(1 << 20);
    let insert = transaction.prepare("INSERT INTO things VALUES ($1, $2, $3)").await?;
    for (number, name) in [(1_i64, "one"), (2, "zwei"), (3, "три")] {
        let inserted = transaction.execute(&insert, &[&number, &name, &&*data]).await?;
        expect(inserted, 1, "the rows that were inserted")?;
    }
    let rows = transaction
        .query(
            "SELECT number, name, data FROM things WHERE number > $1 ORDER BY number",
            &[&1_i64],
        )
        .await?;
    let got: Vec<(i64, &str, bool)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get::<_, &[u8]>(2) == data))
        .collect();
    expect(got, vec![(2, "zwei", true), (3, "три", true)], "the rows")?;
    transaction.rollback().await?;

    let error = client.query("SELECT * FROM things", &[]).await.err();
    let code = error.as_ref().and_then(|error| error.code());
    expect(code, Some(&SqlState::UNDEFINED_TABLE), "the error of the server")?;
    // The connection ends with its client.
    drop(client);
    connection.await
}
