//! The tables.

use std::{env, io, path::Path, process::Command};

use interloop_benches::{
    processes::{Client, Server, this_program},
    rounds::{Spread, turns},
    tables::Options,
};

use super::servers::{CONTENDERS, PYTHON};

/// A group's name, how many connections it has, and how many lines are sent at once on each.
const GROUPS: [(&str, usize, usize); 4] = [
    ("lines_1", 1, 1),
    ("lines_50", 50, 1),
    ("lines_1000", 1000, 1),
    ("segment_of_16", 1, 16),
];

fn contenders(options: &Options) -> Vec<&'static str> {
    let mut all: Vec<_> = CONTENDERS.iter().map(|(name, _)| *name).collect();
    if env::var_os("INTERLOOP_PYTHON").is_some() {
        all.extend(PYTHON);
    }
    // What the others are compared with is always there.
    let first = all[0];
    all.retain(|name| *name == first || options.wants(name));
    all
}

fn server(contender: &str) -> Server {
    match contender.strip_prefix("python ") {
        Some(peer) => {
            let python = env::var_os("INTERLOOP_PYTHON").expect("it was there before");
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/lines.py");
            Server::start(Command::new(python).arg(script).arg(peer))
        }
        None => Server::start(&mut this_program(&["server", contender])),
    }
}

fn client(server: &Server, connections: usize, lines: usize) -> Client {
    let (connections, lines) = (connections.to_string(), lines.to_string());
    Client::start(&mut this_program(&["client", server.address(), &connections, &lines]))
}

/// The server's CPU time per line.
pub(crate) fn echo(options: &Options) -> io::Result<()> {
    let contenders = contenders(options);
    println!("| group | server | CPU, ns | interloop / it |");
    println!("|---|---|---:|---:|");
    for (group, connections, lines) in GROUPS {
        if !options.wants_group(group) {
            continue;
        }
        let mut measured = vec![Vec::new(); contenders.len()];
        for round in 0..options.rounds {
            for contender in turns(round, contenders.len()) {
                let mut server = server(contenders[contender]);
                let mut client = client(&server, connections, lines);
                let (per_message, _) = server.measure(&mut client, options.seconds);
                measured[contender].push(per_message / lines as f64);
            }
        }
        for (name, rounds) in contenders.iter().zip(&measured) {
            let ratios = measured[0].iter().zip(rounds).map(|(ours, its)| ours / its);
            let ratio = match *name == contenders[0] {
                true => String::new(),
                false => Spread::of(ratios.collect()).to_string(),
            };
            let median = Spread::of(rounds.clone()).median;
            println!("| `{group}` | {name} | {median:.0} | {ratio} |");
        }
    }
    Ok(())
}

/// What an idle connection takes: accepted, and used for one line.
pub(crate) fn memory(options: &Options) -> io::Result<()> {
    println!("| server | heap, bytes | interloop / it | resident, bytes | interloop / it |");
    println!("|---|---:|---:|---:|---:|");
    let mut ours = None;
    for contender in contenders(options) {
        let its = server(contender).idle(options.connections, |server, connections| {
            client(server, connections, 1)
        });
        let ours = *ours.get_or_insert(its);
        let (resident, resident_ratio) = (its.resident, ours.resident / its.resident);
        match contender.starts_with("python") {
            true => println!("| {contender} | | | {resident:.0} | {resident_ratio:.2} |"),
            false => println!(
                "| {contender} | {:.0} | {:.2} | {resident:.0} | {resident_ratio:.2} |",
                its.heap,
                ours.heap / its.heap,
            ),
        }
    }
    Ok(())
}
