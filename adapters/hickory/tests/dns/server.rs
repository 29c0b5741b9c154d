//! A DNS server, by UDP and TCP on one port.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
};

use hickory_resolver::proto::{
    ProtoError,
    op::{Message, MessageType, ResponseCode},
    rr::{
        RData, Record,
        rdata::{A, TXT},
    },
};

/// What `large.test.` has for a text, in two halves.
pub(crate) fn large() -> String {
    "0123456789".repeat(100)
}

/// Serves until the process ends: `hostN.test.` is at 10.0.0.N, `large.test.` has a text that is too long for UDP, `silent.test.` is
/// never answered, and there is nothing else.
pub(crate) fn serve() -> io::Result<SocketAddr> {
    // The port that is free for TCP is, now and then, taken for UDP.
    let (listener, socket) = loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        match UdpSocket::bind(listener.local_addr()?) {
            Ok(socket) => break (listener, socket),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    };
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        let mut query = [0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut query) {
            if let Ok(Some(answer)) = answer(&query[..length], true) {
                // A client may have gone.
                let _ = socket.send_to(&answer, client);
            }
        }
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The same.
            thread::spawn(move || drop(serve_stream(stream)));
        }
    });
    Ok(addr)
}

fn serve_stream(mut stream: TcpStream) -> io::Result<()> {
    let mut length = [0; 2];
    loop {
        stream.read_exact(&mut length)?;
        let mut query = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut query)?;
        if let Some(answer) = answer(&query, false).map_err(io::Error::other)? {
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
        }
    }
}

fn answer(query: &[u8], is_udp: bool) -> Result<Option<Vec<u8>>, ProtoError> {
    let query = Message::from_vec(query)?;
    let mut answer = Message::new();
    answer
        .set_id(query.id())
        .set_message_type(MessageType::Response)
        .set_recursion_desired(query.recursion_desired())
        .set_recursion_available(true)
        .add_queries(query.queries().iter().cloned());
    let Some(question) = query.queries().first() else {
        return Ok(None);
    };
    let name = question.name().to_string();
    let host = name.strip_prefix("host").and_then(|rest| rest.strip_suffix(".test."));
    let data = match (&*name, host.and_then(|number| number.parse().ok())) {
        ("silent.test.", _) => return Ok(None),
        ("large.test.", _) if is_udp => {
            answer.set_truncated(true);
            return answer.to_vec().map(Some);
        }
        ("large.test.", _) => {
            let large = large();
            let parts = large.as_bytes().chunks(250);
            RData::TXT(TXT::from_bytes(parts.collect()))
        }
        (_, Some(number)) => RData::A(A::new(10, 0, 0, number)),
        _ => {
            answer.set_response_code(ResponseCode::NXDomain);
            return answer.to_vec().map(Some);
        }
    };
    answer.add_answer(Record::from_rdata(question.name().clone(), 60, data));
    answer.to_vec().map(Some)
}
