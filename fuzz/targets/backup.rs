//! Base backups, physical replication, and the history of a timeline: what comes is handed on byte by byte, or refused.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use walstream::lsn::Lsn;
use walstream::model::Kind;
use walstream::pg::TimelineFile;
use walstream::stream::Options;
use walstream::stream::backup::Backup;
use walstream::stream::physical::Physical;
use walstream::stream::protocol::Protocol;
use walstream::stream::session::{Connected, Now};
use walstream::wire::BackupMessage;
use walstream_fuzz::Input;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    match choice % 4 {
        0 => history(rest),
        1 => message(rest),
        2 => drive::<Backup>(rest, Kind::BACKUP_DATA),
        _ => drive::<Physical>(rest, Kind::WAL),
    }
});

fn history(content: &[u8]) {
    let file = TimelineFile { name: "00000002.history".to_owned(), content: content.to_vec() };
    if let Ok(switches) = file.switches() {
        let lines: String =
            switches.iter().map(|switch| format!("{}\t{}\twhy\n", switch.timeline, switch.lsn)).collect();
        let again = TimelineFile { content: lines.into_bytes(), ..file };
        assert_eq!(again.switches().unwrap(), switches);
    }
}

fn message(bytes: &[u8]) {
    match BackupMessage::decode(bytes) {
        Ok(BackupMessage::Archive { name, location }) => {
            assert_eq!([b"n", name.of(bytes), b"\0", location.of(bytes), b"\0"].concat(), bytes);
        }
        Ok(BackupMessage::Data(data)) => assert_eq!(data.of(bytes), &bytes[1..]),
        Ok(BackupMessage::Manifest) => assert_eq!(bytes, b"m"),
        Ok(BackupMessage::Progress(done)) => assert_eq!(bytes[1..], done.to_be_bytes()),
        Err(_) => {}
    }
}

/// Frames of any kind: what is handed out is what came in, in order.
fn drive<P: Protocol>(input: &[u8], data: Kind) {
    let mut input = Input(input);
    let now = Now { instant: Instant::now(), unix_us: 0 };
    let mut stream = P::new(&Arc::new(Options::default()), now, Arc::default());
    let connected = Connected {
        slot: Lsn::ZERO,
        start: Lsn::ZERO,
        wal_sender_timeout: Duration::from_secs(60),
        streaming: false,
        left_at: None,
    };
    stream.connected(now, &connected).unwrap();
    let wal = data == Kind::WAL;
    let (mut next, mut sent, mut got) = (0_u64, Vec::new(), Vec::new());
    while !input.is_empty() {
        let choice = input.u8();
        let block = input.block();
        let frame = match (choice % 4, wal) {
            (0, _) => block.to_vec(),
            (_, true) => [b"w", &next.to_be_bytes()[..], &[0; 16], block].concat(),
            (_, false) => [b"d", block].concat(),
        };
        if stream.handle_frame(now, &frame).is_err() {
            break;
        }
        let payload = if wal { 25 } else { 1 };
        if frame[0] == if wal { b'w' } else { b'd' } {
            sent.extend_from_slice(&frame[payload..]);
            next += (frame.len() - payload) as u64;
        }
        let _ = stream.poll_feedback(now, true);
        while let Some(batch) = stream.outbox().take().unwrap() {
            for event in batch.events().iter().filter(|event| event.kind == data as u32) {
                // SAFETY: a payload lives as long as its batch.
                let bytes = unsafe { payload_of(event.payload.cast(), event.payload_len as usize) };
                got.extend_from_slice(bytes);
            }
        }
    }
    assert!(sent == got);
}

unsafe fn payload_of<'a>(at: *const u8, length: usize) -> &'a [u8] {
    if at.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(at, length) } }
}
