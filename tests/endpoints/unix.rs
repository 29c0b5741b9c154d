//! Unix sockets, and what may be at their paths.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use futures_executor::block_on;
use interloop::{
    Reactor,
    protocol::{
        Port,
        endpoint::{ClientEndpoint, ServerEndpoint, UnixClient, UnixServer},
    },
};

use super::Shout;

fn reactor() -> Reactor {
    interloop_smol::global()
}

/// A directory that is gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("interloop-endpoints-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn listen(server: &UnixServer) -> Result<Port, ErrorKind> {
    block_on(server.listen(&reactor(), || Shout)).map_err(|error| error.kind())
}

fn shouts(path: &Path) -> bool {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut received = [0; 5];
    stream.read_exact(&mut received).is_ok() && &received == b"HELLO"
}

fn stop(port: Port) {
    port.stop();
    block_on(port.stopped()).unwrap();
}

#[test]
fn a_client_connects_to_a_server() {
    let directory = Directory::new();
    let port = listen(&UnixServer::new(directory.socket())).unwrap();
    assert!(shouts(&directory.socket()));
    let connecting = UnixClient::new(directory.socket()).connect(&reactor(), Shout);
    block_on(connecting).unwrap().abort();
    stop(port);
}

#[test]
fn the_socket_goes_when_listening_ends() {
    let directory = Directory::new();
    let server = UnixServer::new(directory.socket());
    stop(listen(&server).unwrap());
    assert!(!directory.socket().exists());
    // And can be listened on again.
    stop(listen(&server).unwrap());
}

#[test]
fn a_socket_that_another_has_put_there_since_stays() {
    let directory = Directory::new();
    let port = listen(&UnixServer::new(directory.socket()).lockfile(false)).unwrap();
    // Kept, so that the other one is told from it.
    fs::rename(directory.socket(), directory.0.join("former")).unwrap();
    let _other = UnixListener::bind(directory.socket()).unwrap();
    stop(port);
    assert!(directory.socket().exists());
}

#[test]
fn a_socket_that_was_left_behind_is_replaced() {
    let directory = Directory::new();
    drop(UnixListener::bind(directory.socket()).unwrap());
    assert!(directory.socket().exists());
    let port = listen(&UnixServer::new(directory.socket())).unwrap();
    assert!(shouts(&directory.socket()));
    stop(port);
}

#[test]
fn without_the_lock_nothing_is_replaced() {
    let directory = Directory::new();
    let server = UnixServer::new(directory.socket()).lockfile(false);
    drop(UnixListener::bind(directory.socket()).unwrap());
    assert_eq!(listen(&server).unwrap_err(), ErrorKind::AddrInUse);
    fs::remove_file(directory.socket()).unwrap();
    stop(listen(&server).unwrap());
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 0);
}

#[test]
fn a_socket_that_somebody_listens_on_stays() {
    let directory = Directory::new();
    let port = listen(&UnixServer::new(directory.socket())).unwrap();
    assert_eq!(
        listen(&UnixServer::new(directory.socket())).unwrap_err(),
        ErrorKind::AddrInUse
    );
    assert!(shouts(&directory.socket()));
    stop(port);

    // One who knows of no lock.
    let other = UnixListener::bind(directory.socket()).unwrap();
    assert_eq!(
        listen(&UnixServer::new(directory.socket())).unwrap_err(),
        ErrorKind::AddrInUse
    );
    let _connected = UnixStream::connect(directory.socket()).unwrap();
    drop(other);
}

#[test]
fn what_is_no_socket_stays() {
    let directory = Directory::new();
    fs::write(directory.socket(), "precious").unwrap();
    assert_eq!(
        listen(&UnixServer::new(directory.socket())).unwrap_err(),
        ErrorKind::AddrInUse
    );
    assert_eq!(fs::read_to_string(directory.socket()).unwrap(), "precious");
}

#[test]
fn the_lock_of_a_server_of_twisteds_is_respected() {
    let directory = Directory::new();
    symlink("1234", directory.0.join("socket.lock")).unwrap();
    assert_eq!(
        listen(&UnixServer::new(directory.socket())).unwrap_err(),
        ErrorKind::AddrInUse
    );
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 1, "the link alone");
}

#[test]
fn the_mode_says_who_may_connect() {
    let directory = Directory::new();
    for (server, mode) in [
        (UnixServer::new(directory.socket()), 0o666),
        (UnixServer::new(directory.socket()).mode(0o600), 0o600),
    ] {
        let port = listen(&server).unwrap();
        let permissions = fs::metadata(directory.socket()).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o7777, mode);
        stop(port);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_names_need_no_file() {
    let name = format!("\0interloop-endpoints-{}", std::process::id());
    let port = listen(&UnixServer::new(&name)).unwrap();
    let connecting = UnixClient::new(&name).connect(&reactor(), Shout);
    block_on(connecting).unwrap().abort();
    stop(port);
}

#[test]
fn a_client_says_where_nobody_listens() {
    let error = block_on(UnixClient::new("/no/such/socket").connect(&reactor(), Shout)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error
            .to_string()
            .starts_with("cannot connect to `unix:path=/no/such/socket`: "),
        "{error}"
    );
}
