//! The tables.

use std::{collections::BTreeSet, io};

use interloop_benches::{
    processes::{Client, Memory, Server, this_program},
    rounds::{Spread, turns},
    tables::Options,
};

use super::{
    Contender,
    syscalls::{self, Counts},
    tcp, udp,
};

const SMALL: usize = 64;
const LARGE: usize = 64 * 1024;
const PACKET: usize = 1200;
/// What a connection reads at most at once, unless messages are larger.
const BUFFER: usize = 1024;

/// How many connections there are, how long a message is, and what follows the loop in the group's name.
const EXCHANGES: [(usize, usize, &str); 5] = [
    (1, SMALL, "1"),
    (50, SMALL, "50"),
    (1000, SMALL, "1000"),
    (1, LARGE, "1_64k"),
    (50, LARGE, "50_64k"),
];

/// What one round measured of one contender.
struct Round {
    /// Of the server, per request, in nanoseconds.
    cpu: f64,
    /// In microseconds.
    p99: f64,
    per_second: f64,
}

/// What is measured together: contenders on one loop, with the same work.
struct Group {
    name: String,
    protocol: &'static str,
    event_loop: &'static str,
    contenders: Vec<&'static str>,
    connections: usize,
    size: usize,
}

impl Group {
    /// The contenders in the order of a round, which turns round each time.
    fn turns(&self, round: usize) -> Vec<usize> {
        turns(round, self.contenders.len())
    }

    /// Over TCP each connection has a buffer of so many bytes.
    fn server(&self, contender: &str, buffer: usize) -> Server {
        let buffer = buffer.to_string();
        Server::start(&mut this_program(&[
            "server",
            self.protocol,
            self.event_loop,
            contender,
            &buffer,
        ]))
    }

    fn client(&self, server: &Server, connections: usize) -> Client {
        let (connections, size) = (connections.to_string(), self.size.to_string());
        Client::start(&mut this_program(&[
            "client",
            self.protocol,
            server.address(),
            &connections,
            &size,
        ]))
    }

    fn start(&self, contender: &str) -> (Server, Client) {
        let server = self.server(contender, BUFFER.max(self.size));
        let client = self.client(&server, self.connections);
        (server, client)
    }

    fn measure(&self, contender: &str, seconds: f64) -> Round {
        let (mut server, mut client) = self.start(contender);
        let (cpu, run) = server.measure(&mut client, seconds);
        Round {
            cpu,
            p99: run.p99.as_nanos() as f64 / 1000.0,
            per_second: run.requests as f64 / run.took.as_secs_f64(),
        }
    }
}

/// Pings and pongs over TCP.
pub(crate) fn echo(options: &Options) -> io::Result<()> {
    compare(options, &tcp_groups(options));
    Ok(())
}

/// Datagrams there and back, so many of them on their way at a time.
pub(crate) fn udp(options: &Options) -> io::Result<()> {
    let groups = groups(options, "udp", udp::CONTENDERS, &[(1, PACKET, "udp")]);
    compare(options, &groups);
    Ok(())
}

fn tcp_groups(options: &Options) -> Vec<Group> {
    groups(options, "tcp", tcp::CONTENDERS, &EXCHANGES)
}

fn groups<J>(
    options: &Options,
    protocol: &'static str,
    all: &[Contender<J>],
    exchanges: &[(usize, usize, &str)],
) -> Vec<Group> {
    let exchanges = if options.is_test { &exchanges[..1] } else { exchanges };
    let mut groups = Vec::new();
    for &(connections, size, suffix) in exchanges {
        for event_loop in ["tokio", "smol", "async-std", "futures"] {
            let contenders = all.iter().filter(|(its_loop, name, _)| {
                *its_loop == event_loop && (["native", "interloop"].contains(name) || options.wants(name))
            });
            groups.push(Group {
                name: format!("{event_loop}_{suffix}"),
                protocol,
                event_loop,
                contenders: contenders.map(|(_, name, _)| *name).collect(),
                connections,
                size,
            });
        }
    }
    groups.retain(|group| options.wants_group(&group.name));
    groups
}

fn compare(options: &Options, groups: &[Group]) {
    let mut measured: Vec<Vec<Vec<Round>>> = groups.iter().map(none_yet).collect();
    for round in 0..options.rounds {
        for (group, measured) in groups.iter().zip(&mut measured) {
            eprintln!("round {} of {}: {}", round + 1, options.rounds, group.name);
            for contender in group.turns(round) {
                measured[contender].push(group.measure(group.contenders[contender], options.seconds));
            }
        }
    }
    println!("| group | sockets | CPU, ns | interloop / it | p99, µs | requests/s | interloop / it |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    for (group, measured) in groups.iter().zip(&measured) {
        let ours = group
            .contenders
            .iter()
            .position(|name| *name == "interloop")
            .unwrap_or_default();
        for (contender, rounds) in group.contenders.iter().zip(measured) {
            let median = |figure: fn(&Round) -> f64| Spread::of(rounds.iter().map(figure).collect()).median;
            let ratio = |figure: fn(&Round) -> f64| match *contender {
                "interloop" => String::new(),
                _ => {
                    let ratios = measured[ours]
                        .iter()
                        .zip(rounds)
                        .map(|(ours, its)| figure(ours) / figure(its));
                    Spread::of(ratios.collect()).to_string()
                }
            };
            println!(
                "| `{}` | {contender} | {:.0} | {} | {:.0} | {:.0} | {} |",
                group.name,
                median(|round| round.cpu),
                ratio(|round| round.cpu),
                median(|round| round.p99),
                median(|round| round.per_second),
                ratio(|round| round.per_second),
            );
        }
    }
}

fn none_yet<T>(group: &Group) -> Vec<Vec<T>> {
    group.contenders.iter().map(|_| Vec::new()).collect()
}

/// What a server calls per request, once it is under way.
pub(crate) fn syscalls(options: &Options) -> io::Result<()> {
    if !syscalls::is_available() {
        let missing = "there is no strace here, so no system calls are counted";
        if options.is_test {
            eprintln!("{missing}");
            return Ok(());
        }
        return Err(io::Error::other(missing));
    }
    let mut groups = tcp_groups(options);
    if options.is_test {
        groups.truncate(1);
    }
    println!("| group | sockets | system calls per request | in vain | which |");
    println!("|---|---|---:|---:|---|");
    for group in groups {
        let requests = if options.is_test {
            1
        } else {
            5 * group.connections.max(400) as u64
        };
        let mut measured: Vec<Vec<Counts>> = none_yet(&group);
        for round in 0..options.rounds {
            for contender in group.turns(round) {
                let (server, mut client) = group.start(group.contenders[contender]);
                client.run_requests(requests);
                let mut answered = 0;
                let counts = syscalls::count(server.id(), || answered = client.run_requests(requests).requests)?;
                measured[contender].push(syscalls::per_request(counts, answered));
            }
        }
        for (contender, rounds) in group.contenders.iter().zip(&measured) {
            print_counts(&group.name, contender, rounds);
        }
    }
    Ok(())
}

fn print_counts(group: &str, contender: &str, rounds: &[Counts]) {
    let sum = |figure: fn(&(f64, f64)) -> f64| {
        let sums = rounds.iter().map(|counts| counts.values().map(figure).sum());
        Spread::of(sums.collect())
    };
    let names: BTreeSet<&String> = rounds.iter().flat_map(|counts| counts.keys()).collect();
    let which = names.into_iter().filter_map(|name| {
        let calls = rounds
            .iter()
            .map(|counts| counts.get(name).map_or(0.0, |(calls, _)| *calls));
        let calls = Spread::of(calls.collect()).median;
        (calls >= 0.005).then(|| format!("{name} {calls:.2}"))
    });
    println!(
        "| `{group}` | {contender} | {} | {:.2} | {} |",
        sum(|(calls, _)| *calls),
        sum(|(_, errors)| *errors).median,
        which.collect::<Vec<_>>().join(", ")
    );
}

/// What an idle connection takes: accepted, used once, and with a task that waits to read.
pub(crate) fn memory(options: &Options) -> io::Result<()> {
    println!("| loop | sockets | heap, bytes | more than native | resident, bytes | more than native |");
    println!("|---|---|---:|---:|---:|---:|");
    for group in groups(options, "tcp", tcp::CONTENDERS, &[(options.connections, SMALL, "idle")]) {
        let mut native = None;
        for contender in &group.contenders {
            let mut server = group.server(contender, BUFFER);
            let Memory { heap, resident } = server.idle(options.connections, |server, connections| {
                group.client(server, connections)
            });
            let native = native.get_or_insert(Memory { heap, resident });
            println!(
                "| {} | {contender} | {heap:.0} | {:+.0} | {resident:.0} | {:+.0} |",
                group.event_loop,
                heap - native.heap,
                resident - native.resident,
            );
        }
    }
    Ok(())
}
