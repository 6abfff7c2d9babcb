//! Rule 26: what was held back on disk and cannot be had back. The server is asked for it again, and to keep it this time.

use std::fs::OpenOptions;
use std::path::Path;

use super::*;
use crate::model::event::LAST_SEQ;
use crate::stream::error::Cure;

/// More than is read of a file at once.
const ROWS: u64 = 80;

fn rows() -> Vec<String> {
    (0..ROWS).map(|row| row.to_string().repeat(9000)).collect()
}

/// A session that spills at once, into `dir`.
fn spilling(dir: &Path) -> Bench {
    Bench::new(&[("spill.memory_bytes", "0"), ("spill.dir", dir.to_str().unwrap())])
}

/// Cuts the spill file in `dir`, which has no name any more, down to `length` bytes.
fn cut(dir: &Path, length: u64) {
    let mut cut = 0;
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let path = entry.unwrap().path();
        if std::fs::read_link(&path).is_ok_and(|target| target.starts_with(dir)) {
            OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
            cut += 1;
        }
    }
    assert_eq!(cut, 1);
}

fn expected(first: Kind, last: Kind) -> Vec<(Kind, u64)> {
    let rows = (0..ROWS).map(|row| (Kind::INSERT, 2 + row));
    [(first, 1)].into_iter().chain(rows).chain([(last, LAST_SEQ)]).collect()
}

fn check_failure(failure: &Failure) {
    assert_eq!((failure.code, failure.cure), (Code::E_IO, Cure::RetryWithoutStreaming), "{failure}");
}

/// Whatever the host has of it by then, it gets the rest, once.
#[test]
fn what_cannot_be_read_back_comes_again() {
    let rows = rows();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    for length in [0, 400_000, 700_000] {
        for prepared_one in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let mut bench = spilling(dir.path());
            let mut messages = streamed(300, 310, 5, &rows);
            if prepared_one {
                messages.pop();
                messages.push(stream_prepare(300, 310, 5));
            }
            bench.messages(200, &messages[..messages.len() - 1]);
            cut(dir.path(), length);
            let failure = bench.refused(&data(310, &messages[messages.len() - 1]));
            check_failure(&failure);
            assert_eq!(bench.seen.iter().any(|seen| seen.kind == Kind::INSERT as u32), length > 0);
            bench.reconnect();
            assert_eq!(bench.session.held(), (0, 0));
            let (whole, first, last) = if prepared_one {
                (prepared(300, 310, 5, &rows), Kind::BEGIN_PREPARE, Kind::PREPARE)
            } else {
                (plain(300, 310, 5, &rows), Kind::BEGIN, Kind::COMMIT)
            };
            bench.messages(200, &whole);
            assert!(parts(&bench.seen) == expected(first, last), "{length} {prepared_one}");
        }
    }
}

/// The part that the host had before is not forgotten, either.
#[test]
fn what_cannot_be_read_back_twice_comes_again() {
    let rows = rows();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let messages = streamed(300, 310, 5, &rows);
    let dir = tempfile::tempdir().unwrap();
    let mut bench = spilling(dir.path());
    bench.messages(200, &plain(300, 310, 5, &rows)[..42]);
    for length in [0, 100_000] {
        bench.reconnect();
        bench.messages(200, &messages[..messages.len() - 1]);
        cut(dir.path(), length);
        check_failure(&bench.refused(&data(310, &messages[messages.len() - 1])));
    }
    bench.reconnect();
    bench.messages(200, &plain(300, 310, 5, &rows));
    assert!(parts(&bench.seen) == expected(Kind::BEGIN, Kind::COMMIT));
}
