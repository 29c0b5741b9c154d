//! Text is taken apart, and means the inherited sockets that it does, as by Twisted itself, where there is a Python with it: the one that `$TWISTED_PYTHON` names, else `python3`.
//! `tests/twisted/venv.sh` makes one.

use std::{collections::BTreeMap, net::TcpListener};

use interloop::protocol::{
    Address,
    endpoint::{Description, Inherited, Parser, ServerEndpoint},
};

use super::twisted::{ask, python};

/// Texts that look random, and are the same in every run.
fn texts(count: usize) -> Vec<String> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let alphabet = [':', ':', '=', '=', '\\', '\\', 'a', 'b', 'é', '\n', '"', ' '];
    let mut text = || {
        let len = below(16);
        (0..len).map(|_| alphabet[below(alphabet.len())]).collect()
    };
    (0..count).map(|_| text()).collect()
}

fn json(texts: &[String]) -> Vec<String> {
    let lines = texts.iter().map(|text| serde_json::to_string(text).unwrap());
    lines.collect()
}

type Split = Option<(Vec<String>, BTreeMap<String, String>)>;

fn split(text: &str) -> Split {
    let description: Description = text.parse().ok()?;
    let mut positional = vec![description.kind().to_owned()];
    positional.extend(description.positional().map(str::to_owned));
    // Twisted takes the last of several with one name.
    let named = description
        .named()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some((positional, named.collect()))
}

#[test]
fn text_is_split_as_by_twisted() {
    let Some(python) = python() else { return };
    let texts = texts(20_000);
    for (text, twisted) in texts.iter().zip(ask::<Split>(&python, "split.py", json(&texts))) {
        // Without an argument that has no name, there is no kind; Twisted finds that out later.
        let twisted = twisted.filter(|(positional, _)| !positional.is_empty());
        assert_eq!(split(text), twisted, "{text:?}");
    }
}

#[test]
fn the_sockets_of_systemd_are_those_that_twisted_takes() {
    let Some(python) = python() else { return };
    let domains = [
        "",
        ":INET",
        ":domain=INET",
        ":domain=INET6",
        ":domain=IP",
        ":domain=",
        ":inet",
        ":domain=INET:INET",
    ];
    let sockets = [
        "",
        ":0",
        ":2",
        ":3",
        ":x",
        ":index=0",
        ":index=1",
        ":index=3",
        ":index=x",
        ":index=",
        ":name=web",
        ":name=admin",
        ":name=none",
        ":name=",
        ":1:admin",
        ":index=0:name=web",
        ":fileno=1",
        ":name=web:1:2",
    ];
    let texts = domains
        .map(|domain| sockets.map(|socket| format!("systemd{domain}{socket}")))
        .concat();
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addrs = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    let names = ["web", "admin", "unknown"].map(str::to_owned);
    let inherited = Inherited::from_fds(names.into_iter().zip(listeners.map(Into::into)));
    let parser = Parser::new().inherited(inherited);
    let reactor = interloop_smol::global();
    let index = |text: &str| {
        let server = parser.server(text).ok()?;
        let listening = futures_executor::block_on(server.bind(&reactor)).unwrap();
        match listening.local_addr() {
            Some(Address::Ip(addr)) => addrs.iter().position(|known| known == addr),
            other => panic!("{text}: {other:?}"),
        }
    };
    let twisteds = ask::<Option<usize>>(&python, "systemd.py", json(&texts));
    assert!(twisteds.iter().flatten().count() > 10, "most of what is right is asked");
    for (text, twisted) in texts.iter().zip(twisteds) {
        assert_eq!(index(text), twisted, "{text}");
    }
}
