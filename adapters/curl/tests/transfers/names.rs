//! Hosts by their names.

use crate::{World, bodies::bytes, easy, loops::on_every_loop};

on_every_loop![
    libcurl_looks_a_name_up,
    a_name_that_was_looked_up_on_the_loop_is_taken_from_there,
    a_name_without_an_address_says_so,
];

async fn libcurl_looks_a_name_up(world: World) {
    let url = format!("http://localhost:{}/bytes/10", world.server.port());
    assert!(world.curl.get(&url).await.unwrap().get_ref().bytes() == bytes(10));
}

async fn a_name_that_was_looked_up_on_the_loop_is_taken_from_there(world: World) {
    let port = world.server.port();
    let mut easy = easy(&format!("http://localhost:{port}/bytes/10"));
    easy.resolve(world.curl.lookup("localhost", port).await.unwrap())
        .unwrap();
    assert!(world.curl.perform(easy).await.unwrap().get_ref().bytes() == bytes(10));
}

/// No name may have a part as long as this, so that nobody needs to be asked.
fn no_name() -> String {
    format!("{}.invalid", "a".repeat(64))
}

async fn a_name_without_an_address_says_so(world: World) {
    let error = world.curl.get(&format!("http://{}/", no_name())).await.unwrap_err();
    assert!(error.is_resolve(), "{error:?}");
    let error = world.curl.lookup(&no_name(), 80).await.unwrap_err();
    assert!(error.is_resolve(), "{error:?}");
}
