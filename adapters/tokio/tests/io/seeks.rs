//! Seeking: one call in futures-io, two in tokio.

use std::{
    io::{self, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::io::{AsyncReadExt as _, AsyncWriteExt as _, Cursor};
use interloop_tokio::io::{AsFutures, AsTokio};
use tokio::io::{AsyncSeek, AsyncSeekExt as _};

use crate::poll_once;

#[tokio::test]
async fn a_file_of_tokios_seeks_as_futures_traits_ask() {
    let path = std::env::temp_dir().join(format!("interloop-tokio-seeks-{}", std::process::id()));
    let file = tokio::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(&path)
        .await
        .unwrap();
    let mut file = AsFutures::new(file);
    file.write_all(b"hello world").await.unwrap();
    assert_eq!(
        futures_util::io::AsyncSeekExt::seek(&mut file, SeekFrom::Start(6))
            .await
            .unwrap(),
        6
    );
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "world");
    assert_eq!(
        futures_util::io::AsyncSeekExt::seek(&mut file, SeekFrom::Current(-5))
            .await
            .unwrap(),
        6
    );
    // The same again is another seek.
    assert_eq!(
        futures_util::io::AsyncSeekExt::seek(&mut file, SeekFrom::Current(-5))
            .await
            .unwrap(),
        1
    );
    assert!(
        futures_util::io::AsyncSeekExt::seek(&mut file, SeekFrom::Current(-5))
            .await
            .is_err()
    );
    assert_eq!(
        futures_util::io::AsyncSeekExt::seek(&mut file, SeekFrom::End(0))
            .await
            .unwrap(),
        11
    );
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_cursor_of_futures_seeks_as_tokios_traits_ask() {
    let mut cursor = AsTokio::new(Cursor::new(b"hello world".to_vec()));
    assert_eq!(
        tokio::io::AsyncSeekExt::seek(&mut cursor, SeekFrom::Start(6))
            .await
            .unwrap(),
        6
    );
    assert_eq!(
        tokio::io::AsyncSeekExt::seek(&mut cursor, SeekFrom::Current(-1))
            .await
            .unwrap(),
        5
    );
    assert!(
        tokio::io::AsyncSeekExt::seek(&mut cursor, SeekFrom::Current(-6))
            .await
            .is_err()
    );
    assert_eq!(
        tokio::io::AsyncSeekExt::seek(&mut cursor, SeekFrom::End(-1))
            .await
            .unwrap(),
        10
    );
    assert_eq!(cursor.stream_position().await.unwrap(), 10);
}

/// Needs to be polled twice for a seek, and knows how many it made.
#[derive(Default)]
struct Slow {
    wanted: Option<SeekFrom>,
    is_polled: bool,
    seeks: u32,
}

impl Slow {
    fn poll(&mut self, position: SeekFrom) -> Poll<io::Result<u64>> {
        self.is_polled = !self.is_polled;
        match position {
            _ if self.is_polled => Poll::Pending,
            SeekFrom::Start(at) => {
                self.seeks += 1;
                Poll::Ready(Ok(at))
            }
            _ => Poll::Ready(Err(io::ErrorKind::InvalidInput.into())),
        }
    }
}

impl AsyncSeek for Slow {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        assert!(self.wanted.is_none(), "one seek at a time");
        self.wanted = Some(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let Some(position) = self.wanted else {
            return Poll::Ready(Ok(0));
        };
        let polled = self.poll(position);
        if polled.is_ready() {
            self.wanted = None;
        }
        polled
    }
}

impl futures_io::AsyncSeek for Slow {
    fn poll_seek(mut self: Pin<&mut Self>, _: &mut Context<'_>, position: SeekFrom) -> Poll<io::Result<u64>> {
        self.poll(position)
    }
}

#[test]
fn a_seek_that_was_given_up_is_waited_for_before_the_next_begins() {
    let mut slow = AsFutures::new(Slow::default());
    let mut seek = |at| {
        poll_once(&mut slow, |slow, cx| {
            futures_io::AsyncSeek::poll_seek(slow, cx, SeekFrom::Start(at))
        })
    };
    assert!(seek(1).is_pending());
    // The first ends, the second begins.
    assert!(seek(2).is_pending());
    assert!(matches!(seek(2), Poll::Ready(Ok(2))));
    assert_eq!(slow.into_inner().seeks, 2);
}

#[test]
fn a_seek_that_was_given_up_and_failed_is_over() {
    let mut slow = AsFutures::new(Slow::default());
    let mut seek = |position| {
        poll_once(&mut slow, |slow, cx| {
            futures_io::AsyncSeek::poll_seek(slow, cx, position)
        })
    };
    assert!(seek(SeekFrom::End(0)).is_pending());
    assert!(matches!(seek(SeekFrom::Start(2)), Poll::Ready(Err(_))));
    assert!(seek(SeekFrom::Start(2)).is_pending());
    assert!(matches!(seek(SeekFrom::Start(2)), Poll::Ready(Ok(2))));
}

#[test]
fn a_seek_is_not_begun_while_another_is_under_way() {
    let mut slow = AsTokio::new(Slow::default());
    let start = |slow: &mut AsTokio<Slow>, at| Pin::new(slow).start_seek(SeekFrom::Start(at));
    start(&mut slow, 3).unwrap();
    assert!(start(&mut slow, 4).unwrap_err().to_string().contains("poll_complete"));
    assert!(poll_once(&mut slow, |slow, cx| slow.poll_complete(cx)).is_pending());
    for _ in 0..2 {
        let polled = poll_once(&mut slow, |slow, cx| slow.poll_complete(cx));
        assert!(matches!(polled, Poll::Ready(Ok(3))));
    }
    start(&mut slow, 4).unwrap();
    assert_eq!(slow.get_ref().seeks, 1);
}
