//! With the commands `curl` and `python3` at the other end.

use std::{env, fs, time::Duration};

use bytes::Bytes;
use futures_util::io::{AsyncBufReadExt, BufReader};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming};
use interloop::{
    Reactor,
    process::{Command, Stdio},
};
use interloop_conformance::on_every_loop;
use interloop_hyper::{Client, ClientBuilder, Server};

use crate::{
    command::run,
    tools::{echo, serve, stop},
};

on_every_loop!(
    curl_keeps_its_connection,
    curl_speaks_http2_from_the_first_byte_on,
    curl_upgrades_to_no_http2_and_is_answered,
    curl_uploads_in_chunks,
    curl_waits_for_leave_to_send,
    python_keeps_its_connection_and_uploads_in_chunks,
    pythons_server_is_asked,
);

const CURL: [&str; 5] = ["--silent", "--show-error", "--fail", "--max-time", "30"];

/// Has `curl` ask the server; `uri` stands for its address in the arguments.
async fn curl(reactor: &Reactor, arguments: &[&str], input: &[u8]) -> Option<(String, String)> {
    let (serving, addr) = serve(Server::new(reactor), reactor, async |request: Request<Incoming>| {
        let chunked = request.headers().contains_key("transfer-encoding");
        let mut response: Response<_> = echo(request).await;
        response
            .headers_mut()
            .insert("was-chunked", chunked.to_string().parse().unwrap());
        response
    });
    let arguments = CURL
        .iter()
        .chain(arguments)
        .map(|word| word.replace("URI", &format!("http://{addr}")));
    let arguments = arguments.collect::<Vec<_>>();
    let words = arguments.iter().map(String::as_str).collect::<Vec<_>>();
    let said = run(reactor, "curl", &words, input).await;
    stop(serving).await;
    said
}

async fn curl_keeps_its_connection(reactor: Reactor) {
    let format = "%{http_version} %{num_connects}\n";
    let arguments = ["--write-out", format, "URI/one", "URI/two", "URI/three"];
    if let Some((said, _)) = curl(&reactor, &arguments, b"").await {
        assert_eq!(said, "GET /one\n1.1 1\nGET /two\n1.1 0\nGET /three\n1.1 0\n");
    }
}

async fn curl_speaks_http2_from_the_first_byte_on(reactor: Reactor) {
    let format = "%{http_version}\n";
    // One request: curl 7.88 fails at the second one on such a connection, with any server.
    let arguments = [
        "--http2-prior-knowledge",
        "--write-out",
        format,
        "--data",
        "body",
        "URI/one",
    ];
    if let Some((said, _)) = curl(&reactor, &arguments, b"").await {
        assert_eq!(said, "POST /one\nbody2\n");
    }
}

async fn curl_upgrades_to_no_http2_and_is_answered(reactor: Reactor) {
    let arguments = ["--http2", "--write-out", "%{http_version}", "URI/"];
    if let Some((said, _)) = curl(&reactor, &arguments, b"").await {
        assert_eq!(said, "GET /\n1.1");
    }
}

async fn curl_uploads_in_chunks(reactor: Reactor) {
    let text = "line of text\n".repeat(100_000);
    let arguments = ["--include", "--upload-file", "-", "URI/upload"];
    if let Some((said, _)) = curl(&reactor, &arguments, text.as_bytes()).await {
        let (header, body) = said.rsplit_once("\r\n\r\n").unwrap();
        assert!(header.contains("was-chunked: true"), "{header}");
        assert!(body == format!("PUT /upload\n{text}"));
    }
}

async fn curl_waits_for_leave_to_send(reactor: Reactor) {
    let expect = ["--header", "expect: 100-continue", "--expect100-timeout", "30"];
    let arguments = [&expect[..], &["--verbose", "--data", "hello", "URI/"]].concat();
    if let Some((said, verbose)) = curl(&reactor, &arguments, b"").await {
        assert_eq!(said, "POST /\nhello");
        assert!(verbose.contains("< HTTP/1.1 100 Continue"), "{verbose}");
    }
}

const PYTHON: &str = r#"
import http.client, sys, urllib.request
address = sys.argv[1]
connection = http.client.HTTPConnection(address, timeout=30)
for path in "/one", "/two":
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == 200 and response.read() == f"GET {path}\n".encode()
    if path == "/one":
        port = connection.sock.getsockname()[1]
assert connection.sock.getsockname()[1] == port, "the connection was not kept"
pieces = (b"piece of text " * 1000 for _ in range(100))
connection.request("POST", "/pieces", body=pieces, encode_chunked=True)
response = connection.getresponse()
assert response.read() == b"POST /pieces\n" + b"piece of text " * 100000
connection.close()
with urllib.request.urlopen(f"http://{address}/urllib", data=b"form", timeout=30) as response:
    assert response.read() == b"POST /urllib\nform"
print("well")
"#;

async fn python_keeps_its_connection_and_uploads_in_chunks(reactor: Reactor) {
    let (serving, addr) = serve(Server::new(&reactor), &reactor, echo);
    if let Some((said, _)) = run(&reactor, "python3", &["-c", PYTHON, &addr.to_string()], b"").await {
        assert_eq!(said, "well\n");
    }
    stop(serving).await;
}

async fn pythons_server_is_asked(reactor: Reactor) {
    if run(&reactor, "python3", &["--version"], b"").await.is_none() {
        return;
    }
    let directory = env::temp_dir().join(format!("interloop-hyper-{}-{:p}", std::process::id(), &reactor));
    fs::create_dir(&directory).unwrap();
    let content = "text of the file\n".repeat(10_000);
    fs::write(directory.join("file.txt"), &content).unwrap();
    let mut command = Command::new("python3");
    command
        .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"])
        .arg(&directory);
    command.kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = command.spawn(&reactor).unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).await.unwrap();
    // Serving HTTP on 127.0.0.1 port 8000 (http://127.0.0.1:8000/) ...
    let uri = line.split(['(', ')']).nth(1).unwrap().to_owned();

    let client: Client<Empty<Bytes>> = ClientBuilder::new(&reactor)
        .connect_timeout(Duration::from_secs(30))
        .build();
    for _ in 0..3 {
        let response = client.get(format!("{uri}file.txt").parse().unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), content);
    }
    let missing = client.get(format!("{uri}missing").parse().unwrap()).await.unwrap();
    assert_eq!(missing.status(), 404);
    drop((missing, client));
    server.kill().unwrap();
    server.status().await.unwrap();
    fs::remove_dir_all(&directory).unwrap();
}
