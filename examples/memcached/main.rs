//! A memcached, and a client of one: commands are lines, values are raw bytes between them.
//!
//! ```text
//! cargo run --example memcached -- [--loop LOOP] [--port NUMBER]
//! cargo run --example memcached -- [--loop LOOP] --connect NUMBER
//! ```
//!
//! The text protocol: get, gets, set, add, replace, append, prepend, cas, delete, incr, decr, touch, flush_all, stats, version and quit. When
//! it has 64 MiB, it refuses more, and forgets nothing before its time.

#[path = "../answers/mod.rs"]
mod answers;
mod client;
#[path = "../on_port/mod.rs"]
mod on_port;
mod server;
mod store;

use std::process::ExitCode;

use client::Client;

const MOST_BYTES: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    on_port::run(
        "memcached",
        |reactor| server::factory(reactor, MOST_BYTES),
        async |reactor, stream| {
            let mut client = Client::new(&reactor, stream);
            println!("{}", client.version().await?);
            let keys: Vec<String> = (0..100).map(|number| format!("key{number}")).collect();
            // All are sent before the first answer has come.
            let stored: Vec<_> = keys.iter().map(|key| client.set(key, key.as_bytes())).collect();
            for stored in stored {
                if !stored.await? {
                    return Err("a value was not stored".into());
                }
            }
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            let values = client.get(&names).await?;
            let are_right = values.iter().all(|value| value.key.as_bytes() == value.data);
            println!("{} values are there, as they were stored: {are_right}", values.len());

            let before = client.gets("key1").await?.ok_or("what was stored is missing")?;
            let first = client.compare_and_swap(&before, b"first");
            let second = client.compare_and_swap(&before, b"second");
            println!(
                "of two who change a value, one does: {} {}",
                first.await?,
                second.await?
            );

            client.set("count", b"41").await?;
            let count = client.incr("count", 1).await?.ok_or("what was stored is missing")?;
            println!("counted to {count}, deleted: {}", client.delete("count").await?);
            client.quit();
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::io::{AsyncReadExt, AsyncWriteExt};
    use interloop::{Clock, net::memory, protocol};

    use super::*;

    /// What a server answers to bytes, of which it is given so many at once; between the parts, a minute passes.
    fn answers(step: usize, parts: &[&str]) -> String {
        let clock = Clock::new();
        let (mut stream, other) = memory::pair(1 << 16);
        let server = server::factory(&clock.reactor(), 1000);
        protocol::attach(&clock.reactor(), other, server());
        let mut answer = String::new();
        for part in parts {
            for bytes in part.as_bytes().chunks(step) {
                futures_executor::block_on(stream.write_all(bytes)).unwrap();
                clock.run_until_stalled();
            }
            clock.advance(Duration::from_secs(60));
        }
        futures_executor::block_on(stream.close()).unwrap();
        clock.run_until_stalled();
        futures_executor::block_on(stream.read_to_string(&mut answer)).unwrap();
        answer
    }

    #[track_caller]
    fn expect(parts: &[&str], expected: &str) {
        for step in [1, 3, 1000] {
            assert_eq!(answers(step, parts), expected);
        }
    }

    #[test]
    fn values_are_stored_under_their_conditions() {
        expect(
            &[
                "add k 5 0 1\r\na\r\nadd k 0 0 1\r\nb\r\nreplace k 6 0 1\r\nc\r\nappend k 0 0 2\r\nde\r\nprepend k 0 0 1\r\nb\r\nget k x\r\n",
            ],
            "STORED\r\nNOT_STORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nVALUE k 6 4\r\nbcde\r\nEND\r\n",
        );
        expect(&["append k 0 0 1\r\na\r\n"], "NOT_STORED\r\n");
    }

    #[test]
    fn a_value_may_be_anything_of_its_length() {
        expect(
            &["set k 0 0 8\r\n\r\nget k\r\r\nget k\r\n"],
            "STORED\r\nVALUE k 0 8\r\n\r\nget k\r\r\nEND\r\n",
        );
        expect(&["set k 0 0 1\r\nabc"], "CLIENT_ERROR bad data chunk\r\n");
    }

    #[test]
    fn a_value_that_has_changed_is_not_swapped() {
        expect(
            &["set k 0 0 1\r\na\r\ngets k\r\ncas k 0 0 1 1\r\nb\r\ncas k 0 0 1 1\r\nc\r\ncas x 0 0 1 1\r\nd\r\n"],
            "STORED\r\nVALUE k 0 1 1\r\na\r\nEND\r\nSTORED\r\nEXISTS\r\nNOT_FOUND\r\n",
        );
    }

    #[test]
    fn numbers_are_counted_up_and_down() {
        expect(
            &["set k 0 0 2\r\n10\r\nincr k 5\r\ndecr k 20\r\nincr k x\r\nincr x 1\r\nset t 0 0 1\r\na\r\nincr t 1\r\n"],
            "STORED\r\n15\r\n0\r\nCLIENT_ERROR invalid numeric delta argument\r\nNOT_FOUND\r\nSTORED\r\n\
             CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
        );
    }

    #[test]
    fn items_are_forgotten_in_time() {
        expect(
            &[
                "set a 0 90 1\r\na\r\nset b 0 0 1\r\nb\r\nset c 0 -1 1\r\nc\r\nget a b c\r\n",
                "touch b 30\r\nget a\r\n",
                "get a b\r\n",
            ],
            "STORED\r\nSTORED\r\nSTORED\r\nVALUE a 0 1\r\na\r\nVALUE b 0 1\r\nb\r\nEND\r\n\
             TOUCHED\r\nVALUE a 0 1\r\na\r\nEND\r\nEND\r\n",
        );
        expect(
            &[
                "set a 0 0 1\r\na\r\nflush_all 30\r\nget a\r\n",
                "get a\r\nset a 0 0 1\r\na\r\nget a\r\nflush_all\r\nget a\r\n",
            ],
            "STORED\r\nOK\r\nVALUE a 0 1\r\na\r\nEND\r\nEND\r\nSTORED\r\nVALUE a 0 1\r\na\r\nEND\r\nOK\r\nEND\r\n",
        );
    }

    #[test]
    fn what_is_refused_is_read_to_its_end() {
        let key = "k".repeat(251);
        expect(
            &[&format!("set {key} 0 0 1\r\na\r\nget {key}\r\nversion\r\n")],
            &format!(
                "CLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nVERSION {}\r\n",
                server::VERSION
            ),
        );
        let large = "x".repeat(2000);
        expect(
            &[&format!("set k 0 0 2000\r\n{large}\r\nget k\r\n")],
            "SERVER_ERROR out of memory storing object\r\nEND\r\n",
        );
        expect(&["nonsense\r\nget\r\nset k\r\n"], "ERROR\r\nERROR\r\nERROR\r\n");
    }

    #[test]
    fn noreply_is_no_reply() {
        expect(
            &["set k 0 0 1 noreply\r\na\r\ndelete x noreply\r\nincr k 1 noreply\r\nget k\r\n"],
            "VALUE k 0 1\r\na\r\nEND\r\n",
        );
    }

    #[test]
    fn the_client_matches_answers_to_questions() {
        let clock = Clock::new();
        let (near, far) = memory::pair(16);
        let server = server::factory(&clock.reactor(), 1000);
        protocol::attach(&clock.reactor(), far, server());
        let mut client = Client::new(&clock.reactor(), near);
        let (stored, missing) = (client.set("a", b"END\r\n"), client.get(&["b"]));
        let (there, wrong, version) = (client.get(&["a", "b"]), client.incr("a", 1), client.version());
        clock.run_until_stalled();
        assert!(stored.try_take().unwrap().unwrap());
        assert!(missing.try_take().unwrap().unwrap().is_empty());
        assert_eq!(there.try_take().unwrap().unwrap()[0].data, b"END\r\n");
        assert!(wrong.try_take().unwrap().is_err());
        assert!(version.try_take().unwrap().unwrap().starts_with("VERSION"));
    }
}
