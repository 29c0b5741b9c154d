//! With the `openssl` command at the other end.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use futures_util::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use interloop::{
    Reactor,
    net::{TcpListener, TcpStream},
};
use interloop_rustls::rustls::{AlertDescription, ProtocolVersion};

use crate::{
    certificates::{Authority, Identity},
    on_each_loop,
};

/// Whether there is an `openssl` to test against.
pub(crate) fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").stdout(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: there is no command `openssl` here");
    }
    found
}

/// A directory with PEM files for a command, which is gone with it.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new(authority: &Authority, identity: &Identity) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);

        let name = format!(
            "interloop-rustls-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let files = Self(std::env::temp_dir().join(name));
        fs::create_dir(&files.0).unwrap();
        fs::write(files.path("authority"), authority.pem()).unwrap();
        fs::write(files.path("chain"), &identity.chain).unwrap();
        fs::write(files.path("key"), &identity.key).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that sends each line back in reverse.
struct Server {
    running: Running,
    addr: SocketAddr,
    _stdout: BufReader<ChildStdout>,
    _files: Files,
}

fn serve(authority: &Authority, identity: &Identity, options: &[&str]) -> Server {
    let files = Files::new(authority, identity);
    let mut child = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-rev"])
        .args([
            Path::new("-cert"),
            &files.path("chain"),
            Path::new("-key"),
            &files.path("key"),
        ])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let running = Running(child);
    let addr = loop {
        let mut line = String::new();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the server has not started");
        if let Some(addr) = line.trim().strip_prefix("ACCEPT ") {
            break addr.parse().unwrap();
        }
    };
    Server {
        running,
        addr,
        _stdout: stdout,
        _files: files,
    }
}

fn a_client_of_ours_speaks_with(options: &'static [&'static str], version: ProtocolVersion) {
    if !has_openssl() {
        return;
    }
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let identity = authority.localhost();
        let server = serve(&authority, &identity, options);
        let stream = TcpStream::connect(&reactor, server.addr).await.unwrap();
        let connector = authority.connector().with_alpn(["other", "reverse"]);
        let mut stream = connector.connect("localhost", stream).await.unwrap();
        assert_eq!(stream.connection().protocol_version(), Some(version));
        assert_eq!(stream.alpn_protocol(), Some(&b"reverse"[..]));
        assert_eq!(stream.peer_certificates(), Some(&[identity.certificate()][..]));
        for (line, reversed) in [("hello\n", "olleh\n"), ("abc\n", "cba\n")] {
            stream.write_all(line.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            let mut answer = String::new();
            stream.read_line(&mut answer).await.unwrap();
            assert_eq!(answer, reversed);
        }
        stream.close().await.unwrap();
        // It answers the close with its own.
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn a_client_of_ours_speaks_with_openssls_server() {
    a_client_of_ours_speaks_with(&["-alpn", "reverse"], ProtocolVersion::TLSv1_3);
}

#[test]
fn a_client_of_ours_speaks_the_version_before_with_openssls_server() {
    a_client_of_ours_speaks_with(&["-alpn", "reverse", "-tls1_2"], ProtocolVersion::TLSv1_2);
}

#[test]
fn a_server_of_openssls_that_is_killed_has_cut_the_connection_off() {
    if !has_openssl() {
        return;
    }
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let mut server = serve(&authority, &authority.localhost(), &[]);
        let stream = TcpStream::connect(&reactor, server.addr).await.unwrap();
        let mut stream = authority.connector().connect("localhost", stream).await.unwrap();
        stream.write_all(b"hello\n").await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = String::new();
        stream.read_line(&mut answer).await.unwrap();
        assert_eq!(answer, "olleh\n");
        server.running.0.kill().unwrap();
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn certificates_of_openssls_server_are_refused_as_anybody_elses() {
    if !has_openssl() {
        return;
    }
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let connect = async |server: &Server, trusted: &Authority, name: &str| {
            let stream = TcpStream::connect(&reactor, server.addr).await.unwrap();
            trusted.connector().connect(name, stream).await.unwrap_err()
        };
        let server = serve(&authority, &authority.localhost(), &[]);
        assert!(connect(&server, &authority, "example.org").await.is_wrong_name());
        assert!(connect(&server, &Authority::new(), "localhost").await.is_untrusted());
        let expired = serve(&authority, &authority.issue(2000, 2001), &[]);
        assert!(connect(&expired, &authority, "localhost").await.is_expired());
    });
}

/// Runs a client that sends a line, and gives what it got; empty if it refused.
pub(crate) fn ask(
    reactor: &Reactor,
    addr: SocketAddr,
    files: Files,
    authority: &'static str,
    options: &'static [&'static str],
) -> interloop::Deferred<String, io::Error> {
    reactor.spawn_blocking(move || {
        let mut child = Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-verify_return_error",
                "-verify_hostname",
                "localhost",
            ])
            .args([
                "-servername",
                "localhost",
                "-alpn",
                "shout",
                "-connect",
                &addr.to_string(),
            ])
            .args([Path::new("-CAfile"), &files.path(authority)])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut stdin = child.stdin.take().unwrap();
        let mut running = Running(child);
        // It may have gone by now.
        let _ = stdin.write_all(b"hello\n");
        let mut answer = String::new();
        running.0.stdout.take().unwrap().read_to_string(&mut answer)?;
        Ok(answer)
    })
}

#[test]
fn a_client_of_openssls_speaks_with_a_server_of_ours() {
    if !has_openssl() {
        return;
    }
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let identity = authority.localhost();
        let acceptor = identity.acceptor().with_alpn(["shout"]);
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into()).unwrap();
        let files = Files::new(&authority, &identity);
        let answer = ask(&reactor, listener.local_addr().unwrap(), files, "authority", &[]);
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        assert_eq!(stream.alpn_protocol(), Some(&b"shout"[..]));
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        stream.write_all(line.to_uppercase().as_bytes()).await.unwrap();
        stream.close().await.unwrap();
        assert_eq!(answer.await.unwrap(), "HELLO\n");
    });
}

#[test]
fn a_client_of_openssls_that_refuses_says_why() {
    if !has_openssl() {
        return;
    }
    on_each_loop(async |reactor| {
        let authority = Authority::new();
        let identity = authority.localhost();
        let listener = TcpListener::bind(&reactor, ([127, 0, 0, 1], 0).into()).unwrap();
        // It trusts somebody else.
        let files = Files::new(&Authority::new(), &identity);
        let answer = ask(&reactor, listener.local_addr().unwrap(), files, "authority", &[]);
        let (stream, _) = listener.accept().await.unwrap();
        let error = identity.acceptor().accept(stream).await.unwrap_err();
        assert_eq!(error.alert(), Some(AlertDescription::UnknownCA));
        assert_eq!(answer.await.unwrap(), "");
    });
}
