//! A database, by a driver that is built for tokio and for async-std, and takes tokio where it finds one.

use ::sqlx::{
    Error, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use interloop::Reactor;
use interloop_tokio::context::{Context, outside};
use tokio::runtime;

use super::{Library, Service, bytes, expect};
use crate::Failure;

const SERVER: Service = Service {
    name: "PostgreSQL",
    variable: "MATRIX_POSTGRES",
};

pub(super) const LIBRARY: Library = Library {
    name: "sqlx",
    package: "sqlx",
    by: "itself: `context::outside` keeps it on the loop's runtime beside a context",
    exchanges: "a table in a transaction, 1 MiB of bytes, and an error of the server, while a tokio that nobody drives is entered around it",
    server: Some(SERVER),
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    // Whoever took it would wait for ever.
    let idle = runtime::Builder::new_current_thread().enable_all().build()?;
    let context = Context::from_runtime(idle)?;
    let inside = context.reactor(&reactor);
    inside
        .spawn(async {
            expect(Context::current().is_ok(), true, "that a tokio is entered")?;
            outside(exchange()).await
        })
        .await
}

async fn exchange() -> Result<(), Failure> {
    let place = SERVER.place()?;
    let (addr, user) = place.split_once('/').ok_or("it is to be ADDRESS/USER")?;
    let (host, port) = addr.split_once(':').ok_or("it is to have a port")?;
    let options = PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(port.parse()?)
        .username(user)
        .database("postgres");
    let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await?;

    let mut transaction = pool.begin().await?;
    ::sqlx::query("CREATE TEMPORARY TABLE things (number bigint, data bytea) ON COMMIT DROP")
        .execute(&mut *transaction)
        .await?;
    let data = bytes(1 << 20);
    ::sqlx::query("INSERT INTO things VALUES ($1, $2)")
        .bind(7_i64)
        .bind(&data[..])
        .execute(&mut *transaction)
        .await?;
    let row = ::sqlx::query("SELECT number, data FROM things")
        .fetch_one(&mut *transaction)
        .await?;
    expect(row.try_get::<i64, _>("number")?, 7, "the number")?;
    expect(row.try_get::<Vec<u8>, _>("data")?, data.to_vec(), "the data")?;
    transaction.commit().await?;

    let refused = ::sqlx::query("SELECT * FROM things").execute(&pool).await;
    let code = match refused {
        Err(Error::Database(error)) => error.code().map(|code| code.into_owned()),
        _ => None,
    };
    expect(code.as_deref(), Some("42P01"), "the code of the error")?;
    pool.close().await;
    Ok(())
}
