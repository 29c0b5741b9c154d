//! Builds the library, builds the C program with it, and runs that against a server of its own.
//!
//! ```text
//! cargo run -p interloop-example-c-library -- [COMMAND...]
//! ```
//!
//! `CC` names the C compiler, which is `cc` unless told. A command is what the program is run by, such as `valgrind`.

use std::{
    env,
    error::Error,
    ffi::OsString,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    thread,
};

const GREETING: &str = "hello from a server";

/// What the C program says if all is as its header promises.
const EXPECTED: &str = "one: hello from a server
many: 100
refused
cancelled
driven: hello from a server
chosen: hello from a server
misused
ended
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = env::current_exe()?;
    let built = program.parent().ok_or("this program is in no directory")?;
    build_library(sources, built)?;
    let program = build_program(sources, built)?;
    println!("built {}", program.display());

    let greeting = listen()?;
    let (silent, closed) = (TcpListener::bind(LOCALHOST)?, TcpListener::bind(LOCALHOST)?);
    let ports = [greeting.local_addr()?, silent.local_addr()?, closed.local_addr()?].map(|addr| addr.port());
    drop(closed);
    thread::spawn(move || greet(&greeting));

    let mut by = env::args_os().skip(1);
    let mut command = match by.next() {
        None => Command::new(&program),
        Some(first) => {
            let mut command = Command::new(first);
            command.args(by).arg(&program);
            command
        }
    };
    let output = command.args(ports.map(|port| port.to_string())).output()?;
    io::stderr().write_all(&output.stderr)?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    if !output.status.success() {
        return Err(format!("the C program has failed: {}", output.status).into());
    }
    if said != EXPECTED {
        return Err(format!("the C program was expected to say:\n{EXPECTED}").into());
    }
    println!("the C program has said what it was expected to");
    Ok(())
}

const LOCALHOST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn listen() -> io::Result<TcpListener> {
    TcpListener::bind(LOCALHOST)
}

fn greet(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        // A client that is gone is none of its business.
        let _ = writeln!(&stream, "{GREETING}");
    }
}

/// Cargo has built the library for this program, but not where a linker would find it.
fn build_library(sources: &Path, built: &Path) -> Result<(), Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = built.parent().ok_or("this program is in no target directory")?;
    let profile = match built.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--lib", "--profile", profile, "--manifest-path"])
        .arg(sources.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target);
    succeed(command, "cargo", "install a Rust toolchain, with cargo on the path").map(drop)
}

fn build_program(sources: &Path, built: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let program = built.join("fetchline_main");
    let mut search = OsString::from("-Wl,-rpath,");
    search.push(built);
    let mut command = Command::new(&compiler);
    command
        .args([
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-g",
            "-pthread",
            "-D_XOPEN_SOURCE=600",
            "-o",
        ])
        .arg(&program)
        .arg(sources.join("c/main.c"))
        .arg("-I")
        .arg(sources.join("include"))
        .arg("-L")
        .arg(built)
        .arg("-lfetchline")
        .arg(search);
    let help = "install a C compiler, such as gcc or clang, or name one in the variable CC";
    succeed(command, &compiler.to_string_lossy(), help)?;
    Ok(program)
}

/// Runs a command to its end. If there is no such command, `help` says what to do.
fn succeed(mut command: Command, name: &str, help: &str) -> Result<Output, Box<dyn Error>> {
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no `{name}` here: {help}"),
        _ => format!("`{name}` cannot be run: {error}"),
    })?;
    if !output.status.success() {
        io::stderr().write_all(&output.stderr)?;
        return Err(format!("`{name}` has failed: {}", output.status).into());
    }
    Ok(output)
}
