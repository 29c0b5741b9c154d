//! What threads transfers start. A test by itself, as it counts those of the process.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    thread,
};

use interloop::gather;
use interloop_curl::Curl;

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn an_address_starts_no_thread() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
            stream.write_all(answer).unwrap();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let curl = Curl::new(&interloop_tokio::from_handle(runtime.handle()).unwrap());
    let before = threads();
    let transfers: Vec<_> = (0..10).map(|_| curl.get(&url)).collect();
    runtime.block_on(gather(transfers)).unwrap();
    assert_eq!(threads(), before);
}
