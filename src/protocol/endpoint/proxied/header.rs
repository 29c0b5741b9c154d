//! What a proxy says before anything else.

use std::{
    ffi::OsStr,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::{ffi::OsStrExt, net::SocketAddr as UnixAddr},
};

use crate::protocol::{Address, endpoint::arguments::number};

/// The beginning of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// A line of version 1 has no more, with its end.
const LONGEST_LINE: usize = 107;

/// What version 2 may have behind its first 16 bytes. Addresses take 216 at most; the rest says more of the connection.
const LONGEST_REST: usize = 4096;

/// The addresses of a client and of what it has connected to.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) client: Address,
    pub(super) server: Address,
}

/// Looks for a header at the beginning of what has come. How long it is, and what it says, if that is anything; `None` until it is there as a
/// whole.
pub(super) fn parse(input: &[u8]) -> Result<Option<(usize, Option<Ends>)>, &'static str> {
    let begins = |with: &[u8]| input.starts_with(with) || with.starts_with(input);
    if begins(SIGNATURE) {
        binary(input)
    } else if begins(b"PROXY ") {
        line(input)
    } else {
        Err(
            "it does not begin with a header of the PROXY protocol: have the proxy send one, or listen without `haproxy`",
        )
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443`.
fn line(input: &[u8]) -> Result<Option<(usize, Option<Ends>)>, &'static str> {
    let end = input.windows(2).take(LONGEST_LINE - 1).position(|two| two == b"\r\n");
    let Some(end) = end else {
        return match input.len() >= LONGEST_LINE {
            true => Err("its header is longer than the 107 bytes that are allowed"),
            false => Ok(None),
        };
    };
    let line = std::str::from_utf8(&input[..end]).map_err(|_| "its header is no text")?;
    let ends = match line.split(' ').collect::<Vec<_>>()[..] {
        ["PROXY", "UNKNOWN", ..] => None,
        [
            "PROXY",
            kind @ ("TCP4" | "TCP6"),
            client,
            server,
            client_port,
            server_port,
        ] => {
            let address = |ip: &str, port: &str| -> Option<Address> {
                let ip = match kind {
                    "TCP4" => IpAddr::V4(ip.parse().ok()?),
                    _ => IpAddr::V6(ip.parse().ok()?),
                };
                Some(SocketAddr::new(ip, number(port)?).into())
            };
            let ends = address(client, client_port).zip(address(server, server_port));
            let (client, server) = ends.ok_or("its header has addresses that are none")?;
            Some(Ends { client, server })
        }
        _ => return Err("its header is no line of version 1 of the PROXY protocol"),
    };
    Ok(Some((end + 2, ends)))
}

/// Version 2.
fn binary(input: &[u8]) -> Result<Option<(usize, Option<Ends>)>, &'static str> {
    let Some((&[command, kind, high, low], rest)) = input
        .get(SIGNATURE.len()..)
        .and_then(|behind| behind.split_first_chunk::<4>())
    else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_REST {
        return Err("its header is longer than the 4,096 bytes that are allowed");
    }
    let Some(said) = rest.get(..length) else {
        return Ok(None);
    };
    let ends = match (command, kind >> 4, kind & 0xF) {
        // The proxy speaks for itself, or for nobody that it could name.
        (0x20, ..) | (0x21, 0, 0..=2) | (0x21, 0..=3, 0) => None,
        (0x21, 1, 1 | 2) => Some(ips(said, |ip: [u8; 4]| Ipv4Addr::from(ip).into())),
        (0x21, 2, 1 | 2) => Some(ips(said, |ip: [u8; 16]| Ipv6Addr::from(ip).into())),
        (0x21, 3, 1 | 2) => Some(paths(said)),
        _ => return Err("its header is none of version 2 of the PROXY protocol"),
    };
    let ends = ends
        .map(|ends| ends.ok_or("its header ends before its addresses do"))
        .transpose()?;
    Ok(Some((SIGNATURE.len() + 4 + length, ends)))
}

/// Two addresses, then two ports.
fn ips<const LEN: usize>(said: &[u8], ip: impl Fn([u8; LEN]) -> IpAddr) -> Option<Ends> {
    let (client, rest) = said.split_first_chunk::<LEN>()?;
    let (server, rest) = rest.split_first_chunk::<LEN>()?;
    let (client_port, rest) = rest.split_first_chunk()?;
    let (server_port, _) = rest.split_first_chunk()?;
    let address = |bytes, port| SocketAddr::new(ip(bytes), u16::from_be_bytes(port)).into();
    Some(Ends {
        client: address(*client, *client_port),
        server: address(*server, *server_port),
    })
}

/// Two paths, each filled up with zeros.
fn paths(said: &[u8]) -> Option<Ends> {
    const LEN: usize = 108;
    let address = |bytes: &[u8]| {
        let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(LEN);
        let named = UnixAddr::from_pathname(OsStr::from_bytes(&bytes[..len]));
        // One without a name, or longer than a path may be here.
        Some(named.or_else(|_| UnixAddr::from_pathname("")).ok()?.into())
    };
    Some(Ends {
        client: address(said.get(..LEN)?)?,
        server: address(said.get(LEN..2 * LEN)?)?,
    })
}
