//! Mail, over a stream that is handed over.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use ::lettre::{
    Message,
    transport::smtp::{
        client::{AsyncSmtpConnection, AsyncTokioStream},
        extension::ClientId,
    },
};
use futures_util::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
};
use interloop_tokio::io::AsTokio;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Library, expect};
use crate::Failure;

pub(super) const LIBRARY: Library = Library {
    name: "lettre",
    package: "lettre",
    by: "`AsTokio` over `interloop::net`'s streams",
    exchanges: "a mail to a server that takes SMTP, with lines that begin with a dot",
    server: None,
    run: |reactor| Box::pin(run(reactor)),
};

async fn run(reactor: Reactor) -> Result<(), Failure> {
    let listener = TcpListener::bind(&reactor, "127.0.0.1:0".parse()?)?;
    let addr = listener.local_addr()?;
    let receiving = reactor.spawn(async move {
        let (stream, _) = listener.accept().await?;
        receive(BufReader::new(stream)).await
    });

    let lines: String = (0..1000).map(|number| format!(".{number} is here\r\n")).collect();
    let mail = Message::builder()
        .from("Here <here@matrix.test>".parse()?)
        .to("There <there@matrix.test>".parse()?)
        .subject("all of it")
        .body(lines)?;
    let sent = String::from_utf8(mail.formatted())?;
    let stream = OnLoop(AsTokio::new(TcpStream::connect(&reactor, addr).await?));
    let name = ClientId::Domain("client.matrix.test".to_owned());
    let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name).await?;
    let response = connection.send(mail.envelope(), sent.as_bytes()).await?;
    expect(response.first_word(), Some("taken"), "the answer to the mail")?;
    connection.quit().await?;

    let (mail, from_to) = receiving.await?;
    expect(mail.trim_end(), sent.trim_end(), "the mail")?;
    let expected = "MAIL FROM:<here@matrix.test>\r\nRCPT TO:<there@matrix.test>\r\n";
    expect(&*from_to, expected, "the envelope")
}

/// Takes one mail, and gives it with the commands of its envelope.
async fn receive(mut stream: BufReader<TcpStream>) -> Result<(String, String), Failure> {
    let (mut mail, mut envelope) = (String::new(), String::new());
    say(&mut stream, "220 matrix.test").await?;
    loop {
        let line = listen(&mut stream).await?;
        let answer = match line.get(..4) {
            Some("EHLO") => "250 matrix.test",
            Some("MAIL" | "RCPT") => {
                envelope.push_str(&line);
                "250 known"
            }
            Some("DATA") => {
                say(&mut stream, "354 go on").await?;
                loop {
                    let line = listen(&mut stream).await?;
                    if line == ".\r\n" {
                        break;
                    }
                    // A dot at the beginning is sent twice.
                    mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                }
                "250 taken"
            }
            Some("QUIT") => {
                say(&mut stream, "221 bye").await?;
                return Ok((mail, envelope));
            }
            _ => "500 unknown",
        };
        say(&mut stream, answer).await?;
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await
}

async fn listen(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}

/// A stream of the loop, as lettre takes it.
#[derive(Debug)]
struct OnLoop(AsTokio<TcpStream>);

impl AsyncTokioStream for OnLoop {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }
}

impl AsyncRead for OnLoop {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for OnLoop {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
