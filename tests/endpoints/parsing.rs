//! What text means, and what is said where it means nothing.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use interloop::protocol::endpoint::{
    ClientEndpoint, Parser, ServerEndpoint, TcpClient, TcpServer, UnixClient, UnixServer,
};
use proptest::prelude::*;

/// The server or client that a text means, as text again.
fn server(text: &str) -> String {
    Parser::new()
        .server(text)
        .map_or_else(|error| format!("{error:#}"), |endpoint| endpoint.to_string())
}

fn client(text: &str) -> String {
    Parser::new()
        .client(text)
        .map_or_else(|error| format!("{error:#}"), |endpoint| endpoint.to_string())
}

/// Text that means no server: what is said, and the part that it is said of.
fn no_server(text: &str) -> (String, String) {
    let error = Parser::new().server(text).err().expect("text that means nothing");
    (error.to_string(), error.text()[error.span()].to_owned())
}

fn no_client(text: &str) -> (String, String) {
    let error = Parser::new().client(text).err().expect("text that means nothing");
    (error.to_string(), error.text()[error.span()].to_owned())
}

#[test]
fn servers_are_what_twisteds_documentation_says() {
    for (text, meant) in [
        ("tcp:80", "tcp:80"),
        ("tcp:port=80", "tcp:80"),
        ("tcp:7000:interface=127.0.0.1", "tcp:7000:interface=127.0.0.1"),
        (
            "tcp:interface=127.0.0.1:port=7000:backlog=5",
            "tcp:7000:interface=127.0.0.1:backlog=5",
        ),
        ("tcp:80:127.0.0.1:5", "tcp:80:interface=127.0.0.1:backlog=5"),
        (r"tcp:80:interface=\:\:1", r"tcp:80:interface=\:\:1"),
        ("tcp6:80", r"tcp:80:interface=\:\:"),
        (r"tcp6:80:5:\:\:1", r"tcp:80:interface=\:\:1:backlog=5"),
        (r"tcp6:port=80:interface=fe80\:\:1%lo", r"tcp:80:interface=fe80\:\:1%lo"),
        ("unix:/var/run/finger", "unix:/var/run/finger"),
        ("unix:/var/run/finger:mode=660", "unix:/var/run/finger:mode=660"),
        (
            "unix:address=/var/run/finger:lockfile=0:mode=0666",
            "unix:/var/run/finger:lockfile=0",
        ),
        (
            "haproxy:tcp:80:interface=127.0.0.1",
            "haproxy:tcp:80:interface=127.0.0.1",
        ),
        ("haproxy:haproxy:unix:/run/x", "haproxy:haproxy:unix:/run/x"),
        ("stdio:", "stdio:"),
        ("stdio", "stdio:"),
    ] {
        assert_eq!(server(text), meant, "{text}");
    }
}

#[test]
fn clients_are_what_twisteds_documentation_says() {
    for (text, meant) in [
        ("tcp:host=www.example.com:port=80", "tcp:host=www.example.com:port=80"),
        ("tcp:www.example.com:80", "tcp:host=www.example.com:port=80"),
        ("tcp:host=www.example.com:80", "tcp:host=www.example.com:port=80"),
        ("tcp:www.example.com:port=80", "tcp:host=www.example.com:port=80"),
        (
            "tcp:a:80:timeout=5:bindAddress=192.0.2.100",
            "tcp:host=a:port=80:timeout=5:bindAddress=192.0.2.100",
        ),
        ("tcp:a:80:timeout=30", "tcp:host=a:port=80"),
        ("tcp:a:80:timeout=0.25", "tcp:host=a:port=80:timeout=0.25"),
        (
            "unix:path=/var/foo/bar:lockfile=1:timeout=9",
            "unix:path=/var/foo/bar:timeout=9",
        ),
        ("unix:/var/foo/bar", "unix:path=/var/foo/bar"),
    ] {
        assert_eq!(client(text), meant, "{text}");
    }
}

#[test]
fn what_is_wrong_is_pointed_at() {
    for (text, part, said) in [
        ("tcp:80x", "80x", "`80x` is no port: give a number from 0 to 65535"),
        (
            "tcp:65536",
            "65536",
            "`65536` is no port: give a number from 0 to 65535",
        ),
        ("tcp:+80", "+80", "`+80` is no port: give a number from 0 to 65535"),
        ("tcp:port=", "", "`` is no port: give a number from 0 to 65535"),
        ("tcp", "", "`tcp` needs `port`: add `:port=` and what it is"),
        ("tcp:80:port=81", "port=81", "`port` is given twice: leave one out"),
        (
            "tcp:80:interfce=::",
            "interfce",
            "`tcp` has no argument `interfce`: it takes port, interface, backlog",
        ),
        (
            "tcp:80:a:5:b",
            "b",
            "this is one argument more than `tcp` has: it takes port, interface, backlog",
        ),
        (
            "tcp:80:backlog=many",
            "many",
            "`many` is no backlog: give a number of connections",
        ),
        (
            "unix:/run/x:mode=rw",
            "rw",
            "`rw` is no mode: give permissions in octal, such as 660",
        ),
        (
            "unix:/run/x:mode=9",
            "9",
            "`9` is no mode: give permissions in octal, such as 660",
        ),
        (
            "unix:/run/x:lockfile=no",
            "no",
            "`no` is no answer to yes or no: give 1 or 0",
        ),
        (
            "http:80",
            "http",
            "`http` is no kind of endpoint: take one of tcp, tcp6, unix, ssl, systemd, fd, haproxy, stdio",
        ),
        (
            "",
            "",
            "`` is no kind of endpoint: take one of tcp, tcp6, unix, ssl, systemd, fd, haproxy, stdio",
        ),
        (
            "port=80",
            "port=80",
            "it does not say what kind it is: begin it with `tcp:`, for example",
        ),
        (
            "stdio:1",
            "1",
            "this is one argument more than `stdio` has: it takes none",
        ),
        (
            r"unix:/run/x\",
            r"\",
            "nothing comes after this backslash: write two for one",
        ),
        (
            "systemd:domain=IP:index=0",
            "IP",
            "`IP` is no domain: give INET, INET6 or UNIX",
        ),
        (
            "tcp6:80:interface=127.0.0.1",
            "127.0.0.1",
            "`127.0.0.1` is no IPv6 address: give one, or take `tcp`",
        ),
        (
            "haproxy:tcp:80x:interface=a",
            "80x",
            "`80x` is no port: give a number from 0 to 65535",
        ),
        ("haproxy:tcp", "", "`tcp` needs `port`: add `:port=` and what it is"),
        (
            "haproxy",
            "haproxy",
            "an endpoint comes behind `haproxy`: write `haproxy:tcp:80`, for example",
        ),
        (
            "port=80:haproxy:tcp",
            "haproxy",
            "an endpoint comes behind `haproxy`: write `haproxy:tcp:80`, for example",
        ),
        ("fd:", "", "`` is no descriptor: give its number, from 0 on"),
        ("fd", "", "`fd` needs `fileno`: add `:fileno=` and what it is"),
        ("fd:-1", "-1", "`-1` is no descriptor: give its number, from 0 on"),
        ("fd:3:domain=IP", "IP", "`IP` is no domain: give INET, INET6 or UNIX"),
        (
            "fd:fileno=3:index=1",
            "index",
            "`fd` has no argument `index`: it takes fileno, domain",
        ),
        (
            "systemd:domain=INET",
            "",
            "`systemd` needs `index`: add `:index=` and what it is",
        ),
    ] {
        assert_eq!(no_server(text), (said.to_owned(), part.to_owned()), "{text}");
    }
    for (text, part, said) in [
        ("tcp:example.org", "", "`tcp` needs `port`: add `:port=` and what it is"),
        (
            "tcp:a:80:timeout=soon",
            "soon",
            "`soon` is no time: give a number of seconds",
        ),
        ("tcp:a:80:timeout=.", ".", "`.` is no time: give a number of seconds"),
        (
            "tcp:a:80:bindAddress=a",
            "a",
            "`a` is no address of this machine: give an IP address, without a port",
        ),
        (
            "tls:a:443:privateKey=key.pem",
            "key.pem",
            "a private key is of no use without its certificate: add `:certificate=` and its file",
        ),
        (
            "stdio:",
            "stdio",
            "`stdio` is no kind of endpoint: take one of tcp, unix, fd, tls, ssl",
        ),
    ] {
        assert_eq!(no_client(text), (said.to_owned(), part.to_owned()), "{text}");
    }
}

#[test]
fn without_a_provider_of_tls_it_is_said_where_to_get_one() {
    let said = "needs TLS, which this parser has none of: give it `interloop_rustls::TlsFiles` with `Parser::tls`";
    let (error, part) = no_server("ssl:443:privateKey=key.pem:certKey=cert.pem");
    assert_eq!((&*error, &*part), (&*format!("`ssl` {said}"), "ssl"));
    let (error, part) = no_client("tls:example.org:443");
    assert_eq!((&*error, &*part), (&*format!("`tls` {said}"), "tls"));
}

#[test]
fn the_mark_is_below_its_part_whatever_comes_before() {
    let shown = server("unix:/täg\n/x:mode=rw");
    let lines = shown.lines().collect::<Vec<_>>();
    let column = |line: &str, of: &str| line[..line.find(of).unwrap()].chars().count();
    assert_eq!(lines.len(), 3);
    assert_eq!(column(lines[1], "rw"), column(lines[2], "^^"));
}

proptest! {
    #[test]
    fn a_tcp_server_is_its_text(port: u16, interface in ".{0,12}", backlog: Option<u32>) {
        let endpoint = TcpServer::new(port).interface(interface);
        let endpoint = match backlog {
            Some(backlog) => endpoint.backlog(backlog),
            None => endpoint,
        };
        prop_assert_eq!(server(&endpoint.to_string()), endpoint.to_string());
    }

    #[test]
    fn a_tcp_client_is_its_text(host in "[a:=\\\\.é ]{0,12}", port: u16, timeout: Duration, from: Option<IpAddr>) {
        let endpoint = TcpClient::new(host, port).timeout(timeout);
        let endpoint = match from {
            Some(from) => endpoint.bind_address(from),
            None => endpoint,
        };
        prop_assert_eq!(client(&endpoint.to_string()), endpoint.to_string());
    }

    #[test]
    fn a_unix_server_is_its_text(path: String, mode: u32, backlog: u32, lockfile: bool) {
        let endpoint = UnixServer::new(PathBuf::from(path)).mode(mode).backlog(backlog).lockfile(lockfile);
        prop_assert_eq!(server(&endpoint.to_string()), endpoint.to_string());
    }

    #[test]
    fn a_unix_client_is_its_text(path: String, timeout: Duration) {
        let endpoint = UnixClient::new(path).timeout(timeout);
        prop_assert_eq!(client(&endpoint.to_string()), endpoint.to_string());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[tcpunixsldyf6hraox:=\\\\0é.]{0,24}") {
        for shown in [server(&text), client(&text)] {
            prop_assert!(!shown.is_empty());
        }
    }
}

#[test]
fn endpoints_can_be_boxed_and_shared() {
    fn endpoint(_: impl ServerEndpoint) {}
    endpoint(std::sync::Arc::new(TcpServer::new(0)));
    fn client(_: impl ClientEndpoint) {}
    client(Box::new(TcpClient::new("", 0)));
}
