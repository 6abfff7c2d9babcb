//! A server that sends nonsense, and more than anything can hold: the process stays up, its memory bounded, the error has its code.

use std::time::{Duration, Instant};

use walstream::model::{Code, Kind};

use crate::support::fake::{error, message};
use crate::support::frames::*;
use crate::support::host::Fault;
use crate::support::{Fake, Got, Host, alone, wait_until};

pub const OPTIONS: [(&str, &str); 5] = [
    ("slot", "s"),
    ("publication", "pub"),
    ("retry.initial_ms", "1"),
    ("retry.max_ms", "1"),
    ("retry.max_elapsed_ms", "1"),
];

/// Where memory is looked at.
const SMALL: (&str, &str) = ("queue.max_bytes", "1MB");
const SMALL_QUEUE: u64 = 1 << 20;

pub fn open(fake: &Fake, more: &[(&str, &str)]) -> Host {
    let options = OPTIONS.iter().chain(more).copied().collect::<Vec<_>>();
    Host::open(&fake.conninfo(), &options)
}

pub fn start(fake: &Fake, more: &[(&str, &str)]) -> Host {
    let host = open(fake, more);
    host.start(0);
    host
}

/// Streams these frames to the first connection, then waits.
fn streaming(frames: Vec<Vec<u8>>) -> Fake {
    raw(frames.iter().flat_map(|frame| message(b'd', frame)).collect())
}

fn raw(bytes: Vec<u8>) -> Fake {
    Fake::new(1, move |_, peer| {
        peer.handshake()?;
        peer.send(&bytes)?;
        peer.linger();
        Ok(())
    })
}

/// What ends a stream of these frames.
fn end_of(frames: Vec<Vec<u8>>) -> Fault {
    let fake = streaming(frames);
    start(&fake, &[]).failure()
}

pub fn transaction(rows: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut frames = vec![data(200, &begin(300, 5)), data(0, &relation(7))];
    frames.extend(rows.iter().map(|row| data(210, row)));
    frames.push(data(310, &commit(300, 310)));
    frames
}

/// A Relation of `announced` columns, of which `sent` follow.
fn wide(announced: u16, sent: u16, name: &str) -> Vec<u8> {
    let mut bytes = [b"R", &7_u32.to_be_bytes()[..], b"\0", name.as_bytes(), b"\0d"].concat();
    bytes.extend(announced.to_be_bytes());
    for _ in 0..sent {
        bytes.extend(b"\x01");
        bytes.extend(name.as_bytes());
        bytes.extend(b"\0\0\0\0\x19\xff\xff\xff\xff");
    }
    bytes
}

fn row_of(count: u16, value: &[u8]) -> Vec<u8> {
    [b"I", &7_u32.to_be_bytes()[..], b"N", &count.to_be_bytes(), &value.repeat(count.into())].concat()
}

#[test]
fn bytes_that_break_the_protocol_end_the_stream() {
    let long =
        |length: i32| [b"I", &7_u32.to_be_bytes()[..], b"N\0\x01t", &length.to_be_bytes(), b"abc"].concat();
    let plain = |message: Vec<u8>| vec![data(200, &message)];
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("an unknown frame", vec![b"x".to_vec()]),
        ("an XLogData without its head", vec![b"w1234".to_vec()]),
        ("a keepalive that is too long", vec![[&keepalive(1, false)[..], b"x"].concat()]),
        ("an XLogData without a message", vec![data(200, b"")]),
        ("an unknown message", plain(b"Z123".to_vec())),
        ("a row of no relation", vec![data(200, &begin(300, 5)), data(200, &insert(9, "a"))]),
        ("a row outside of a transaction", plain(insert(7, "a"))),
        ("a value of 2 GB in 3 bytes", transaction(&[long(i32::MAX)])),
        ("a value of a negative length", transaction(&[long(-2)])),
        ("a row of two columns for one", transaction(&[row_of(2, b"n")])),
        ("a row of 65535 columns for one", transaction(&[row_of(65_535, b"n")])),
        ("a row of no columns", transaction(&[row_of(0, b"n")])),
        ("an unknown kind of value", transaction(&[row_of(1, b"x")])),
        ("65535 columns of which one is there", transaction(&[wide(65_535, 1, "a")])),
        ("a redefinition that a row does not follow", transaction(&[wide(2, 2, "a"), insert(7, "a")])),
        ("a truncate of 4 billion", transaction(&[b"T\xff\xff\xff\xff\0".to_vec()])),
        ("a prefix without an end", plain(b"M\0\0\0\0\0\0\0\0\x01prefix".to_vec())),
        ("a commit of another transaction", vec![data(200, &begin(300, 5)), data(200, &commit(301, 310))]),
        ("a position of zero", vec![data(200, &begin(0, 5)), data(200, &commit(0, 0))]),
        ("a transaction in another", vec![data(200, &begin(300, 5)), data(200, &begin(400, 6))]),
        ("a block in a block", vec![data(200, &stream_start(5, true)); 2]),
        ("an end without a beginning", plain(stream_stop())),
    ];
    for (what, frames) in cases {
        let fault = end_of(frames);
        assert!(fault.is(Code::E_PROTOCOL), "{what}: {fault:?}");
    }
}

#[test]
fn positions_that_go_backwards_or_wild() {
    let mut frames = transaction(&[insert(7, "a")]);
    frames.extend([data(90, &begin(290, 6)), data(90, &insert(7, "b")), data(90, &commit(290, 300))]);
    let fake = streaming(frames);
    let host = start(&fake, &[]);
    let first = host.until(Kind::COMMIT);
    assert_eq!(first.last().unwrap().ack_lsn, 310);
    assert!(host.failure().is(Code::E_PROTOCOL));
    assert!(host.stats().confirmed_lsn <= 310);

    // The end of all positions: taken, handed out, and nothing can follow it.
    let max = u64::MAX;
    let frames = vec![
        keepalive(max, true),
        data(max, &begin(max, 5)),
        data(max, &relation(7)),
        data(max, &insert(7, "a")),
        data(max, &commit(max, max)),
        data(max, &begin(max, 6)),
        data(max, &insert(7, "b")),
        data(max, &commit(max, max)),
    ];
    let fake = streaming(frames);
    let host = start(&fake, &[]);
    let commit = host.until(Kind::COMMIT).pop().unwrap();
    // Refused with E_STATE when the stream has failed by now.
    let _ = host.try_ack(commit.ack_lsn);
    assert!(host.failure().is(Code::E_PROTOCOL));
}

#[test]
fn names_without_letters_and_as_many_columns_as_a_count_can_say() {
    let most = 65_535;
    let rows = [
        wide(1, 1, ""),
        insert(7, ""),
        wide(most, most, "c"),
        row_of(most, b"n"),
        row_of(most, b"t\0\0\0\x01x"),
        row_of(most, b"u"),
        wide(0, 0, "none"),
        row_of(0, b""),
    ];
    let fake = streaming(transaction(&rows));
    let events = start(&fake, &[("queue.max_bytes", "64kB")]).until(Kind::COMMIT);
    let columns: Vec<_> =
        events.iter().filter(|e| e.is(Kind::RELATION)).map(|e| (e.table.as_str(), e.columns.len())).collect();
    assert_eq!(columns, [("pg_catalog.", 1), ("pg_catalog.c", 65_535), ("pg_catalog.none", 0)]);
    let widths: Vec<_> = events.iter().filter(|e| e.is(Kind::INSERT)).map(|e| e.new.len()).collect();
    assert_eq!(widths, [1, 65_535, 65_535, 65_535, 0]);
}

/// A relation may change between two rows: each row has the definition that it was written with.
#[test]
fn a_relation_redefined_between_two_rows() {
    let rows = [insert(7, "a"), wide(2, 2, "other"), row_of(2, b"n"), relation(7), insert(7, "b")];
    let fake = streaming(transaction(&rows));
    let events = start(&fake, &[]).until(Kind::COMMIT);
    let seen: Vec<_> = events.iter().filter(|e| !e.columns.is_empty()).map(|e| e.columns.len()).collect();
    assert_eq!(seen, [1, 1, 2, 2, 1, 1], "RELATION and row, three times");
}

/// More than anything can hold: the server is made to wait.
#[test]
fn endless_frames_meet_a_full_queue() {
    alone("hostile::endless_frames_meet_a_full_queue", SMALL_QUEUE, endless_frames);
}

fn endless_frames() {
    type Frames = fn(u32) -> Vec<Vec<u8>>;
    const KINDS: [Frames; 3] = [
        // One transaction without an end.
        |number| {
            let head =
                if number == 0 { vec![data(200, &begin(300, 5)), data(200, &relation(7))] } else { vec![] };
            [head, vec![data(200, &insert(7, &"x".repeat(1000)))]].concat()
        },
        // One after the other.
        |number| {
            let at = 300 + u64::from(number) * 20;
            vec![
                data(at, &begin(at, number + 5)),
                data(at, &relation(7)),
                data(at, &insert(7, &"x".repeat(1000))),
                data(at, &commit(at, at + 10)),
            ]
        },
        // Messages.
        |number| {
            let at = 300 + u64::from(number) * 20;
            vec![data(at, &crate::support::frames::message(false, at, &"x".repeat(1000)))]
        },
    ];
    for frames in KINDS {
        let fake = Fake::new(1, move |_, peer| {
            peer.handshake()?;
            for number in 0.. {
                peer.copy(&frames(number))?;
            }
            Ok(())
        });
        let host = start(&fake, &[SMALL]);
        let mut before = 0;
        wait_until(Duration::from_secs(30), "the server is stopped", || {
            std::thread::sleep(Duration::from_millis(300));
            fake.sent() == std::mem::replace(&mut before, fake.sent())
        });
        // Queue, libpq, and the kernel's two socket buffers.
        assert!(fake.sent() < 32 << 20, "{} bytes were taken", fake.sent());
        assert!(host.stats().queue_bytes <= 2 << 20);
        assert!(matches!(host.next(Duration::from_secs(1)), Got::Event(_)));
        let asked = Instant::now();
        host.stop(1000);
        assert!(asked.elapsed() < Duration::from_secs(3));
    }
}

/// Keepalives as fast as they come: no memory, no storm of answers, no deafness for the host.
#[test]
fn endless_keepalives() {
    alone("hostile::endless_keepalives", SMALL_QUEUE, keepalives_without_end);
}

fn keepalives_without_end() {
    let fake = Fake::new(1, |_, peer| {
        peer.handshake()?;
        let many = message(b'd', &keepalive(100, true)).repeat(1000);
        loop {
            peer.send(&many)?;
        }
    });
    let host = start(&fake, &[SMALL]);
    wait_until(Duration::from_secs(30), "a lot came", || fake.sent() > 32 << 20);
    assert_eq!(host.next(Duration::from_millis(100)), Got::Timeout);
    let asked = Instant::now();
    host.stop(500);
    assert!(asked.elapsed() < Duration::from_secs(3));
}

#[test]
fn lengths_of_which_nothing_follows() {
    alone("hostile::lengths_of_which_nothing_follows", SMALL_QUEUE, lengths_alone);
}

fn lengths_alone() {
    for (what, bytes) in [
        ("1 GB", b"d\x3f\xff\xff\xffw".to_vec()),
        ("2 GB", b"d\x7f\xff\xff\xffw".to_vec()),
        ("a negative length", b"d\xff\xff\xff\xffw".to_vec()),
        ("less than itself", b"d\0\0\0\x03".to_vec()),
        ("no message of the protocol", b"\0\0\0\0\0\0\0\0".to_vec()),
        ("a message that does not belong here", message(b'D', &[0xff; 100])),
        ("an error without an end", b"E\x3f\xff\xff\xffSERROR".to_vec()),
        ("a notice of 1 GB", b"N\x3f\xff\xff\xffSERROR".to_vec()),
    ] {
        let fake = raw(bytes);
        let host = open(&fake, &[SMALL, ("receive_timeout_ms", "100")]);
        // What comes together with the answer to START_REPLICATION may spoil that, too.
        let fault = host.try_start(0).err().unwrap_or_else(|| host.failure());
        assert!(fault.is(Code::E_CONNECT) || fault.is(Code::E_PROTOCOL), "{what}: {fault:?}");
    }
}

/// Notices reach the log in one line each, whatever is in them, and their number costs nothing.
#[test]
fn a_flood_of_notices() {
    alone("hostile::a_flood_of_notices", SMALL_QUEUE, notices_in_a_flood);
}

fn notices_in_a_flood() {
    let fake = Fake::new(1, |_, peer| {
        peer.handshake()?;
        let notice = error(b'N', "WARNING", "01000", "a\n0 forged line\u{1b}[2J");
        for _ in 0..200 {
            peer.send(&notice.repeat(1000))?;
        }
        peer.copy(&transaction(&[insert(7, "a")]))?;
        peer.linger();
        Ok(())
    });
    let host = start(&fake, &[SMALL]);
    host.until(Kind::COMMIT);
    let log = host.log();
    assert!(log.iter().any(|line| line.contains("forged line")));
    assert!(log.iter().all(|line| !line.contains(char::is_control)));
}
