//! Descriptors that are no sockets: what each kind tells a loop.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::fd::OwnedFd,
};

use futures_util::{
    future::join,
    io::{AsyncReadExt, AsyncWriteExt},
    poll,
};
use interloop::net::Descriptor;

use crate::{
    AnySubject, Subject,
    tools::{TempPath, on_thread, parked, wait},
};

pub fn a_named_pipe_that_is_open_at_both_ends_waits(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let path = TempPath::new();
    rustix::fs::mkfifoat(rustix::fs::CWD, path.as_ref(), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    // Who has both ends open sees no end when a writer goes.
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut reader = Descriptor::new(&reactor, file).unwrap();
    subject.block_on(async {
        for round in 0..20_u8 {
            let mut byte = [0];
            let (waits, reading) = parked(reader.read_exact(&mut byte));
            let (read, ()) = join(reading, async {
                waits.await.unwrap();
                let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
                writer.write_all(&[round]).unwrap();
            })
            .await;
            read.unwrap();
            assert_eq!(byte, [round]);
        }
    });
}

pub fn a_terminal_is_read_and_written(mut subject: AnySubject) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let reactor = subject.reactor();
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let terminal = OpenOptions::new().read(true).write(true).open(name).unwrap();
    let mut ours = Descriptor::new(&reactor, File::from(ours)).unwrap();
    let mut terminal = Descriptor::new(&reactor, terminal).unwrap();
    subject.block_on(async {
        let mut line = [0; 6];
        let (waits, reading) = parked(terminal.read_exact(&mut line));
        let (read, ()) = join(reading, async {
            waits.await.unwrap();
            // A terminal gives lines, so this is too little.
            ours.write_all(b"hel").await.unwrap();
            ours.write_all(b"lo\n").await.unwrap();
        })
        .await;
        read.unwrap();
        assert_eq!(&line, b"hello\n");
        // It has echoed that.
        let mut echo = [0; 7];
        ours.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"hello\r\n");
    });
}

pub fn a_counter_of_events_is_waited_for(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    {
        let counter = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
        let counter = Descriptor::new(&reactor, File::from(counter)).unwrap();
        subject.block_on(async {
            for number in 1..20_u64 {
                let taking = counter.read_with(|mut counter| {
                    let mut count = [0; 8];
                    counter.read_exact(&mut count)?;
                    Ok(u64::from_ne_bytes(count))
                });
                let (waits, taking) = parked(taking);
                let (taken, ()) = join(taking, async {
                    waits.await.unwrap();
                    let add = |mut counter: &File| counter.write_all(&number.to_ne_bytes());
                    counter.write_with(add).await.unwrap();
                })
                .await;
                assert_eq!(taken.unwrap(), number);
            }
        });
    }
}

pub fn a_change_of_a_directory_is_waited_for(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};

        let path = TempPath::new();
        File::create(&path).unwrap();
        let watching = init(CreateFlags::CLOEXEC).unwrap();
        add_watch(&watching, path.as_ref(), WatchFlags::MODIFY).unwrap();
        let mut changes = Descriptor::new(&reactor, File::from(watching)).unwrap();
        subject.block_on(async {
            let mut buf = [0; 4096];
            let (waits, change) = parked(changes.read(&mut buf));
            let (change, ()) = join(change, async {
                waits.await.unwrap();
                File::create(&path).unwrap().write_all(b"new").unwrap();
            })
            .await;
            assert!(change.unwrap() > 0);
        });
    }
}

pub fn a_child_of_std_is_read(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let mut child = std::process::Command::new("cat")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = Descriptor::new(&reactor, child.stdin.take().unwrap()).unwrap();
    let mut output = Descriptor::new(&reactor, child.stdout.take().unwrap()).unwrap();
    subject.block_on(async {
        let mut line = [0; 5];
        let (waits, reading) = parked(output.read_exact(&mut line));
        let (read, ()) = join(reading, async {
            waits.await.unwrap();
            input.write_all(b"hello").await.unwrap();
        })
        .await;
        read.unwrap();
        assert_eq!(&line, b"hello");
        drop(input);
        assert_eq!(output.read(&mut line).await.unwrap(), 0);
    });
    child.wait().unwrap();
}

pub fn what_waits_for_others_is_waited_for(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let _ = (&reactor, &mut subject);
    #[cfg(target_os = "linux")]
    {
        use rustix::event::epoll;

        // A library with a loop of its own is waited for by the descriptor of that loop.
        let inner = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        epoll::add(&inner, &reader, epoll::EventData::new_u64(7), epoll::EventFlags::IN).unwrap();
        let inner: Descriptor<OwnedFd> = Descriptor::new(&reactor, inner).unwrap();
        subject.block_on(async {
            for _ in 0..20 {
                let mut readable = Box::pin(inner.readable());
                assert!(poll!(&mut readable).is_pending());
                rustix::io::write(&writer, b"!").unwrap();
                readable.await.unwrap();
                rustix::io::read(&reader, &mut [0; 1]).unwrap();
            }
        });
    }
}

pub fn a_plain_thread_waits(mut subject: AnySubject) {
    let reactor = subject.reactor();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let reading = on_thread(move || {
        let mut reader = Descriptor::new(&reactor, File::from(reader))?;
        let mut received = Vec::new();
        wait(reader.read_to_end(&mut received))?;
        Ok::<_, io::Error>(received)
    });
    subject.block_on(async {
        rustix::io::write(&writer, b"hello").unwrap();
        drop(writer);
        assert_eq!(reading.await.unwrap().unwrap(), b"hello");
    });
}
