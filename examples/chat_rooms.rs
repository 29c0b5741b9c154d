//! A chat with rooms: what the connections of a server share, and what becomes of a member who does not read.
//!
//! ```text
//! cargo run --example chat_rooms -- [--loop LOOP] [--port NUMBER]
//! cargo run --example chat_rooms -- [--loop LOOP] --connect NUMBER
//! ```
//!
//! The first line is a name. Then `/join ROOM`, `/who`, `/quit`; anything else is said to all in the room. The client joins a room, says
//! something and leaves when it hears it.

mod on_port;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use interloop::protocol::{
    self, Lost, Transport,
    framing::{FrameError, Framed, Frames, Lines, Receiver},
};

/// Who is behind by more than this is put out: the others' words are kept for nobody's sake.
const MOST_BEHIND: usize = 1024 * 1024;

fn main() -> ExitCode {
    on_port::run(
        "chat_rooms",
        |_| {
            let rooms = Rooms::default();
            move || Member::new(&rooms)
        },
        async |reactor, stream| {
            let transport = protocol::attach(&reactor, stream, Framed::new(Lines::crlf(), Visitor));
            let reason = transport.closed().await?;
            match reason.is_closed() {
                true => Ok(()),
                false => Err(reason.into()),
            }
        },
    )
}

/// Who is where: transports by name, in rooms by name.
#[derive(Clone, Default)]
struct Rooms(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    names: Vec<String>,
    rooms: BTreeMap<String, BTreeMap<String, Transport>>,
}

impl Rooms {
    /// Takes a name, unless somebody has it.
    fn enter(&self, name: &str) -> bool {
        let mut inside = self.0.lock().unwrap();
        let is_free = !inside.names.iter().any(|taken| taken == name);
        if is_free {
            inside.names.push(name.to_owned());
        }
        is_free
    }

    fn leave(&self, name: &str) {
        self.0.lock().unwrap().names.retain(|taken| taken != name);
    }

    fn join(&self, room: &str, name: &str, transport: &Transport) {
        let mut inside = self.0.lock().unwrap();
        let members = inside.rooms.entry(room.to_owned()).or_default();
        members.insert(name.to_owned(), transport.clone());
    }

    fn part(&self, room: &str, name: &str) {
        let mut inside = self.0.lock().unwrap();
        if let Some(members) = inside.rooms.get_mut(room) {
            members.remove(name);
            if members.is_empty() {
                inside.rooms.remove(room);
            }
        }
    }

    fn members(&self, room: &str) -> Vec<(String, Transport)> {
        let inside = self.0.lock().unwrap();
        let members = inside.rooms.get(room).into_iter().flatten();
        members
            .map(|(name, transport)| (name.clone(), transport.clone()))
            .collect()
    }

    /// Says something to all in a room. The lock is not held meanwhile, as writing wakes the tasks of other connections.
    fn say(&self, room: &str, what: &str) {
        for (_, member) in self.members(room) {
            match member.buffered() > MOST_BEHIND {
                true => member.abort(),
                false => write_line(&member, what),
            }
        }
    }
}

fn write_line(transport: &Transport, line: &str) {
    transport.write(format!("{line}\r\n").as_bytes());
}

/// A connection of the server.
struct Member {
    rooms: Rooms,
    name: Option<String>,
    room: Option<String>,
}

impl Member {
    fn new(rooms: &Rooms) -> Framed<Self> {
        let member = Self {
            rooms: rooms.clone(),
            name: None,
            room: None,
        };
        Framed::new(Lines::crlf().max_length(1000), member)
    }

    fn is_named(&mut self, transport: &Transport, name: &str) {
        if name.is_empty() || name.contains(char::is_whitespace) {
            write_line(transport, "a name is one word");
        } else if self.rooms.enter(name) {
            write_line(transport, &format!("hello {name}"));
            self.name = Some(name.to_owned());
        } else {
            write_line(transport, &format!("{name} is here already"));
        }
    }

    fn parts(&mut self, name: &str) {
        if let Some(room) = self.room.take() {
            self.rooms.part(&room, name);
            self.rooms.say(&room, &format!("* {name} has left {room}"));
        }
    }
}

impl Receiver for Member {
    type Codec = Lines;

    fn connection_made(&mut self, lines: &mut Frames<'_, Lines>) {
        write_line(lines.transport(), "what is your name?");
    }

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let transport = lines.transport();
        let Some(name) = self.name.clone() else {
            return self.is_named(transport, &line);
        };
        match (line.split_once(' '), &self.room) {
            (Some(("/join", room)), _) => {
                self.parts(&name);
                self.rooms.join(room, &name, transport);
                self.room = Some(room.to_owned());
                self.rooms.say(room, &format!("* {name} has joined {room}"));
            }
            (None, _) if line == "/quit" => transport.lose_connection(),
            (_, None) => write_line(transport, "join a room first: /join ROOM"),
            (None, Some(room)) if line == "/who" => {
                let names: Vec<_> = self.rooms.members(room).into_iter().map(|(name, _)| name).collect();
                write_line(transport, &format!("in {room}: {}", names.join(", ")));
            }
            (_, Some(room)) => self.rooms.say(room, &format!("<{name}> {line}")),
        }
    }

    fn decoding_failed(&mut self, lines: &mut Frames<'_, Lines>, error: FrameError, _: &[u8]) {
        write_line(lines.transport(), &error.to_string());
        lines.transport().lose_connection();
    }

    fn connection_lost(&mut self, _: &mut Frames<'_, Lines>, _: &Lost) {
        if let Some(name) = self.name.take() {
            self.parts(&name);
            self.rooms.leave(&name);
        }
    }
}

/// The client.
struct Visitor;

impl Receiver for Visitor {
    type Codec = Lines;

    fn connection_made(&mut self, lines: &mut Frames<'_, Lines>) {
        for line in ["visitor", "/join lobby", "good evening"] {
            write_line(lines.transport(), line);
        }
    }

    fn frame_received(&mut self, lines: &mut Frames<'_, Lines>, line: &[u8]) {
        println!("{}", String::from_utf8_lossy(line));
        if line == b"<visitor> good evening" {
            write_line(lines.transport(), "/quit");
            lines.transport().lose_connection();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::io::{AsyncReadExt, AsyncWriteExt};
    use interloop::{
        Clock,
        net::memory::{self, MemoryStream},
    };

    use super::*;

    struct Person(MemoryStream);

    impl Person {
        fn enters(clock: &Clock, rooms: &Rooms) -> Self {
            let (ours, theirs) = memory::pair(1 << 16);
            protocol::attach(&clock.reactor(), theirs, Member::new(rooms));
            Self(ours)
        }

        fn says(&mut self, clock: &Clock, lines: &str) {
            futures_executor::block_on(self.0.write_all(lines.replace('\n', "\r\n").as_bytes())).unwrap();
            clock.run_until_stalled();
        }

        fn hears(&mut self) -> String {
            let mut heard = vec![0; 1 << 16];
            let len = futures_executor::block_on(self.0.read(&mut heard)).unwrap();
            String::from_utf8_lossy(&heard[..len]).replace("\r\n", "\n")
        }
    }

    #[test]
    fn who_is_in_a_room_hears_what_is_said_there() {
        let (clock, rooms) = (Clock::new(), Rooms::default());
        let mut people = ["ann", "bob", "eve"].map(|_| Person::enters(&clock, &rooms));
        let [ann, bob, eve] = &mut people;
        ann.says(&clock, "ann\n/join rust\n");
        eve.says(&clock, "eve\n/join python\n");
        bob.says(&clock, "bob\n/join rust\nhi\n/who\n/join python\n");
        assert_eq!(
            ann.hears(),
            "what is your name?\nhello ann\n* ann has joined rust\n* bob has joined rust\n<bob> hi\n* bob has left rust\n"
        );
        assert_eq!(
            bob.hears(),
            "what is your name?\nhello bob\n* bob has joined rust\n<bob> hi\nin rust: ann, bob\n* bob has joined python\n"
        );
        assert_eq!(
            eve.hears(),
            "what is your name?\nhello eve\n* eve has joined python\n* bob has joined python\n"
        );
    }

    #[test]
    fn a_name_is_free_again_when_its_connection_is_over() {
        let (clock, rooms) = (Clock::new(), Rooms::default());
        let mut first = Person::enters(&clock, &rooms);
        first.says(&clock, "ann\n/join rust\n");
        let mut second = Person::enters(&clock, &rooms);
        second.says(&clock, "ann\nhi\n");
        assert_eq!(second.hears(), "what is your name?\nann is here already\nhello hi\n");
        drop(first);
        clock.run_until_stalled();
        assert_eq!(rooms.members("rust").len(), 0);
        let mut third = Person::enters(&clock, &rooms);
        third.says(&clock, "ann\n");
        assert_eq!(third.hears(), "what is your name?\nhello ann\n");
    }

    #[test]
    fn who_does_not_read_is_put_out_and_nobody_else() {
        let (clock, rooms) = (Clock::new(), Rooms::default());
        let (mut slow, mut quick) = (Person::enters(&clock, &rooms), Person::enters(&clock, &rooms));
        slow.says(&clock, "slow\n/join rust\n");
        quick.says(&clock, "quick\n/join rust\n");
        let long = format!("{}\n", "x".repeat(900));
        for _ in 0..2000 {
            quick.says(&clock, &long);
            quick.hears();
        }
        let names: Vec<_> = rooms.members("rust").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["quick"]);
    }
}
