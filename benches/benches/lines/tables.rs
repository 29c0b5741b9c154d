//! The tables.

use std::env;

use interloop_benches::spread::Spread;

use super::{
    Options,
    processes::{Client, Server},
    servers::{CONTENDERS, PYTHON},
};

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
    all.retain(|name| options.only.is_empty() || *name == first || options.only.iter().any(|only| only == name));
    all
}

/// The server's CPU time per line.
pub(crate) fn echo(options: &Options) {
    let contenders = contenders(options);
    println!("| group | server | CPU, ns | interloop / it |");
    println!("|---|---|---:|---:|");
    for (group, connections, lines) in GROUPS {
        if !group.starts_with(&options.group) {
            continue;
        }
        let mut measured = vec![Vec::new(); contenders.len()];
        for round in 0..options.rounds {
            let mut order: Vec<usize> = (0..contenders.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for contender in order {
                let mut server = Server::start(contenders[contender]);
                let mut client = Client::start(&server, connections, lines);
                client.run(options.seconds / 2.0);
                let begun = server.cpu();
                let answered = client.run(options.seconds);
                measured[contender].push((server.cpu() - begun) / answered);
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
}

/// What an idle connection takes: accepted, and used for one line.
pub(crate) fn memory(options: &Options) {
    println!("| server | heap, bytes | interloop / it | resident, bytes | interloop / it |");
    println!("|---|---:|---:|---:|---:|");
    let mut ours = None;
    for contender in contenders(options) {
        let mut server = Server::start(contender);
        // One connection, so that what the loop makes once is there.
        let first = Client::start(&server, 1, 1);
        let before = server.memory();
        let client = Client::start(&server, options.connections, 1);
        let after = server.memory();
        drop((first, client));
        let connections = options.connections as f64;
        let (heap, resident) = ((after.0 - before.0) / connections, (after.1 - before.1) / connections);
        let (our_heap, our_resident) = *ours.get_or_insert((heap, resident));
        match contender.starts_with("python") {
            true => println!("| {contender} | | | {resident:.0} | {:.2} |", our_resident / resident),
            false => println!(
                "| {contender} | {heap:.0} | {:.2} | {resident:.0} | {:.2} |",
                our_heap / heap,
                our_resident / resident
            ),
        }
    }
}
