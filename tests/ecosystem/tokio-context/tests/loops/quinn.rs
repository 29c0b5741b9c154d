//! A library that is built for several runtimes, and looks for tokio first.

use interloop::Reactor;
use interloop_tokio::context::outside;

use super::on_each_loop;

fn sniffed() -> String {
    format!("{:?}", quinn::default_runtime().expect("one of them is built in"))
}

#[test]
fn next_to_a_context_it_finds_what_it_found_before() {
    on_each_loop(|name, context, reactor| {
        // A client inside, on the same loop.
        let client = context.reactor(reactor).spawn_infallible(async { sniffed() });
        // What the context is for, and why there is a way out of it.
        assert_eq!(client.wait().unwrap(), "TokioRuntime", "{name}");
        assert_eq!(
            reactor.spawn_infallible(async { sniffed() }).wait().unwrap(),
            "SmolRuntime",
            "{name}"
        );
    });
}

#[test]
fn outside_it_finds_what_it_found_before() {
    on_each_loop(|name, context, reactor| {
        let found = context.reactor(reactor).spawn_infallible(async {
            let declared = Reactor::current().map(|reactor| format!("{:?}", reactor.event_loop()));
            (outside(async { sniffed() }).await, sniffed(), declared)
        });
        let (outside, inside, declared) = found.wait().unwrap();
        assert_eq!(
            (outside.as_str(), inside.as_str()),
            ("SmolRuntime", "TokioRuntime"),
            "{name}"
        );
        assert_eq!(declared.unwrap(), format!("{:?}", reactor.event_loop()), "{name}");
    });
}
