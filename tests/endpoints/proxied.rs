//! Servers behind a proxy that says whose connections are.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use futures_executor::block_on;
use interloop::protocol::{
    Address, Port, Protocol, Transport,
    endpoint::{Parser, ServerEndpoint},
};

use super::twisted::{ask, python};

/// Says who is there, and sends back what comes.
struct Introduces;

impl Protocol for Introduces {
    fn connection_made(&mut self, transport: &Transport) {
        let text = |address: Option<&Address>| match address {
            Some(Address::Ip(addr)) => addr.to_string(),
            Some(Address::Unix(addr)) => addr.as_pathname().unwrap().display().to_string(),
            other => panic!("{other:?}"),
        };
        let (client, server) = (text(transport.peer_addr()), text(transport.local_addr()));
        transport.write(format!("{client} {server} ").as_bytes());
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        transport.write(data);
    }
}

fn listen() -> (Port, SocketAddr) {
    let server = Parser::new().server("haproxy:tcp:0:interface=127.0.0.1").unwrap();
    let port = block_on(server.listen(&interloop_smol::global(), || Introduces)).unwrap();
    let Some(Address::Ip(addr)) = port.local_addr().cloned() else {
        panic!("{port:?}");
    };
    (port, addr)
}

/// What a proxy is answered that sends these pieces and no more: the two addresses, where they are not its own, and what follows. `None` if it is
/// closed without a word.
fn answer(server: SocketAddr, pieces: &[&[u8]]) -> Option<(Option<[String; 2]>, Vec<u8>)> {
    let mut stream = TcpStream::connect(server).unwrap();
    let own = [stream.local_addr().unwrap().to_string(), server.to_string()];
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        // It may have been closed for what came before.
        let _ = stream.write_all(piece);
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut all = Vec::new();
    // A reset is an end, too: of one that has not read everything.
    let _ = stream.read_to_end(&mut all);
    let mut parts = all.splitn(3, |byte| *byte == b' ').map(<[u8]>::to_vec);
    let mut text = || parts.next().map(|part| String::from_utf8(part).unwrap());
    let ends = [text().filter(|text| !text.is_empty())?, text()?];
    Some((Some(ends).filter(|ends| *ends != own), parts.next()?))
}

fn version_2(command: u8, kind: u8, said: &[u8]) -> Vec<u8> {
    let length = u16::try_from(said.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, kind][..], &length, said].concat()
}

const IPV4: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 80, 220, 4, 0, 80];

#[test]
fn the_addresses_are_those_of_the_header_wherever_it_is_cut() {
    let (port, server) = listen();
    let ends = ["192.0.2.1:56324", "192.0.2.80:80"].map(str::to_owned);
    let with_more = [&IPV4[..], b"\x04\0\x02hi"].concat();
    for header in [
        b"PROXY TCP4 192.0.2.1 192.0.2.80 56324 80\r\n".to_vec(),
        version_2(0x21, 0x11, &with_more),
    ] {
        let all = [&header[..], b"hello, PROXY\r\n"].concat();
        for place in 0..all.len() {
            let (before, behind) = all.split_at(place);
            let expected = Some((Some(ends.clone()), b"hello, PROXY\r\n".to_vec()));
            assert_eq!(answer(server, &[before, behind]), expected, "{place}");
        }
    }
    port.stop();
}

#[test]
fn a_proxy_that_names_nobody_is_the_other_end_itself() {
    let (port, server) = listen();
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        version_2(0x20, 0, b""),
        version_2(0x21, 0, b"what"),
    ] {
        let all = [&header[..], b"hello"].concat();
        assert_eq!(answer(server, &[&all]), Some((None, b"hello".to_vec())));
    }
    port.stop();
}

#[test]
fn who_does_not_speak_the_protocol_is_turned_away() {
    let (port, server) = listen();
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(longest.len(), 107);
    assert!(answer(server, &[longest.as_bytes()]).is_some());
    for wrong in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        long.into_bytes(),
        b"PROXY TCP4 192.0.2.1 192.0.2.80 56324\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.80 +6324 80\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.80 65536 80\r\n".to_vec(),
        b"PROXY TCP4 ::1 ::1 56324 80\r\n".to_vec(),
        b"PROXY TCP6 192.0.2.1 192.0.2.80 56324 80\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.80 56324 80".to_vec(),
        version_2(0x21, 0x11, &IPV4[1..]),
        version_2(0x31, 0x11, &IPV4),
        version_2(0x22, 0x11, &IPV4),
        version_2(0x21, 0x41, &IPV4),
        version_2(0x21, 0x11, &[0; 5000]),
    ] {
        assert_eq!(answer(server, &[&wrong]), None, "{}", wrong.escape_ascii());
    }
    port.stop();
}

#[test]
fn headers_mean_what_they_do_to_twisted() {
    let Some(python) = python() else { return };
    let mut headers = Vec::new();
    for kind in ["TCP4", "TCP6", "UNKNOWN", "UDP4", ""] {
        for ends in [
            "192.0.2.1 192.0.2.80 1 65535",
            "2001:db8::1 ::ffff 443 80",
            "",
            "a b c d",
            "192.0.2.1 192.0.2.80 1",
        ] {
            // Twisted takes any text for an address, and leaves it to others to find out.
            let fits = kind == "UNKNOWN"
                || kind == "TCP4" && ends.starts_with("192")
                || kind == "TCP6" && ends.starts_with('2');
            if fits || !ends.contains(' ') || !kind.starts_with("TCP") {
                headers.push(format!("PROXY {kind} {ends}\r\n").into_bytes());
            }
        }
    }
    let mut paths = [0; 216];
    paths[..4].copy_from_slice(b"/a/b");
    paths[108..110].copy_from_slice(b"/c");
    let ipv6: Vec<u8> = (1..37).collect();
    for command in [0x20, 0x21, 0x22, 0x11] {
        for kind in [
            0, 1, 2, 3, 0x10, 0x11, 0x12, 0x13, 0x20, 0x21, 0x22, 0x30, 0x31, 0x32, 0x33, 0x40, 0x41, 0xFF,
        ] {
            for said in [&[][..], &IPV4, &ipv6, &paths] {
                // Of a path there would be nothing but a part.
                if kind >> 4 != 3 || said.len() != ipv6.len() {
                    headers.push(version_2(command, kind, said));
                }
            }
        }
    }
    let all: Vec<_> = headers.iter().map(|header| [&header[..], b"rest"].concat()).collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<_> = all.iter().map(|bytes| hex(bytes)).collect();
    let twisteds = ask::<Option<(Option<String>, Option<String>, String)>>(&python, "haproxy.py", lines);
    assert!(twisteds.iter().flatten().count() > 50, "most of what is right is asked");
    let (port, server) = listen();
    for (bytes, twisted) in all.iter().zip(twisteds) {
        let ours = answer(server, &[bytes]).map(|(ends, rest)| {
            let [client, server] = ends.map_or([None, None], |ends| ends.map(Some));
            (client, server, hex(&rest))
        });
        assert_eq!(ours, twisted, "{}", bytes.escape_ascii());
    }
    port.stop();
}
