//! The D-Bus.

use ::zbus::{Connection, connection::Builder, interface};
use interloop::{Aborted, Deferred, Reactor};

use super::{Library, Service, expect};
use crate::Failure;

const SERVER: Service = Service {
    name: "D-Bus",
    variable: "MATRIX_DBUS",
};

pub(super) const LIBRARY: Library = Library {
    name: "zbus",
    package: "zbus",
    by: "its executor, as a task of the loop; its sockets are async-io's",
    exchanges: "a name that is owned, 100 calls of a method at it, and an error of the bus",
    server: Some(SERVER),
    run: |reactor| Box::pin(run(reactor)),
};

/// A service on the bus.
struct Words;

#[interface(name = "test.Words")]
impl Words {
    fn shout(&self, word: &str) -> String {
        word.to_uppercase()
    }
}

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let place = SERVER.place()?;
    let name = format!("test.Words{}", std::process::id());
    let server = Builder::address(&*place)?
        .serve_at("/words", Words)?
        .name(&*name)?
        .internal_executor(false)
        .build()
        .await?;
    let serving = drive(&reactor, &server);
    let client = Builder::address(&*place)?.internal_executor(false).build().await?;
    let asking = drive(&reactor, &client);

    for number in 0..100 {
        let word = format!("word {number}");
        let answer = client
            .call_method(Some(&*name), "/words", Some("test.Words"), "Shout", &word)
            .await?;
        let answer: String = answer.body().deserialize()?;
        expect(answer, word.to_uppercase(), "the answer")?;
    }
    let nobody = format!("{name}.Nobody");
    let refused = client
        .call_method(Some(&*nobody), "/", Some("test.Words"), "Shout", &"")
        .await;
    let error = match refused {
        Err(::zbus::Error::MethodError(name, ..)) => name.to_string(),
        other => format!("{other:?}"),
    };
    let expected = "org.freedesktop.DBus.Error.ServiceUnknown";
    expect(error, expected.to_owned(), "the error of the bus")?;
    for (connection, driven) in [(client, asking), (server, serving)] {
        driven.cancel();
        drop(driven.await);
        connection.close().await?;
    }
    Ok(())
}

/// Runs what a connection does, in a task of the loop instead of a thread of its own.
fn drive(reactor: &Reactor, connection: &Connection) -> Deferred<(), Aborted> {
    let executor = connection.executor().clone();
    reactor.spawn(async move {
        loop {
            executor.tick().await;
        }
    })
}
