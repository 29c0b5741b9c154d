//! The D-Bus, by its runtime traits.

use ::zbus::{DBusError, Error, connection::Builder, interface};
use interloop::Reactor;
use interloop_zbus::runtime;

use super::{Library, Service, expect};
use crate::Failure;

const SERVER: Service = Service {
    name: "D-Bus",
    variable: "MATRIX_DBUS",
};

pub(super) const LIBRARY: Library = Library {
    name: "zbus",
    package: "zbus",
    by: "`interloop-zbus`",
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
    // The path of a socket.
    let address = format!("unix:path={}", SERVER.place()?);
    let name = format!("test.Words{}", std::process::id());
    let server = Builder::address(&*address)
        .serve_at("/words", Words)
        .name(&*name)
        .runtime(runtime(&reactor))
        .build()
        .await?;
    let client = Builder::address(&*address).runtime(runtime(&reactor)).build().await?;
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
        Err(Error::FDO(error)) => error.name().to_string(),
        other => format!("{other:?}"),
    };
    let expected = "org.freedesktop.DBus.Error.ServiceUnknown";
    expect(error, expected.to_owned(), "the error of the bus")?;
    client.close().await?;
    server.close().await?;
    Ok(())
}
