//! A session fed frames by hand, with a `now` that the test moves: what the host gets, what the server is told.

mod definitions;
mod delivery;
mod feedback;
mod frames;
mod late;
mod resent;
mod spilled;

use std::sync::Arc;
use std::time::{Duration, Instant};

use frames::*;

use super::*;
use crate::model::Code;

/// One event, without what a pointer would have to be followed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    kind: u32,
    commit_lsn: u64,
    seq: u64,
    ack_lsn: u64,
    xid: u32,
    identified: bool,
}

/// A session, its server and its host.
struct Bench {
    session: Session,
    now: Now,
    wal_sender_timeout: Duration,
    seen: Vec<Seen>,
}

impl Bench {
    /// Connected to a slot at 100.
    fn new(options: &[(&str, &str)]) -> Bench {
        let mut bench = Bench::unconnected(options);
        bench.connect(100, 0);
        bench
    }

    fn unconnected(pairs: &[(&str, &str)]) -> Bench {
        let mut options = Options::default();
        for (key, value) in pairs {
            options.set(key, Some(value)).unwrap();
        }
        let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
        Bench {
            session: Session::new(&options, now, Arc::default()),
            now,
            wal_sender_timeout: Duration::from_secs(60),
            seen: Vec::new(),
        }
    }

    fn connect(&mut self, slot: u64, start: u64) {
        self.connect_to(slot, start, None);
    }

    fn connect_to(&mut self, slot: u64, start: u64, left_at: Option<Lsn>) {
        let connected = Connected {
            slot: Lsn(slot),
            start: Lsn(start),
            wal_sender_timeout: self.wal_sender_timeout,
            streaming: true,
            left_at,
        };
        self.session.connected(self.now, &connected).unwrap();
    }

    /// The connection is lost and made again; nobody else touched the slot.
    fn reconnect(&mut self) {
        self.connect(self.session.confirmed().0, 0);
    }

    fn later(&mut self, ms: u64) {
        self.now.instant += Duration::from_millis(ms);
        self.now.unix_us += ms as i64 * 1000;
    }

    /// One frame, and what comes of it.
    fn try_feed(&mut self, frame: &[u8]) -> Result<Vec<Seen>, Failure> {
        let before = self.seen.len();
        let outcome = self.session.handle_frame(self.now, frame).and_then(|()| {
            while self.session.replaying() {
                self.session.replay(self.now, usize::MAX)?;
            }
            Ok(())
        });
        self.hand_over();
        outcome.map(|()| self.seen[before..].to_vec())
    }

    fn hand_over(&mut self) {
        while let Some(batch) = self.session.outbox().take().unwrap() {
            self.seen.extend(batch.events().iter().map(seen));
        }
    }

    /// One more step of handing out what was held back, to a host that takes `bytes` at once.
    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        let outcome = self.session.replay(self.now, bytes);
        self.hand_over();
        outcome
    }

    fn feed(&mut self, frame: &[u8]) -> Vec<Seen> {
        self.try_feed(frame).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Several messages, each at the same position.
    fn messages(&mut self, lsn: u64, messages: &[Vec<u8>]) -> Vec<Seen> {
        messages.iter().flat_map(|message| self.feed(&data(lsn, message))).collect()
    }

    fn refused(&mut self, frame: &[u8]) -> Failure {
        match self.try_feed(frame) {
            Ok(seen) => panic!("taken: {seen:?}"),
            Err(failure) => failure,
        }
    }

    fn ack(&mut self, lsn: u64) {
        self.session.acknowledge(Lsn(lsn)).unwrap();
    }

    /// Write and flush position of the status update that is due now, if one is.
    fn update(&mut self) -> Option<(u64, u64)> {
        let (update, dead) = self.session.poll_feedback(self.now, true);
        assert!(!dead);
        update.map(|update| {
            assert_eq!(update.apply, update.flush);
            (update.write.0, update.flush.0)
        })
    }
}

fn seen(event: &Event) -> Seen {
    Seen {
        kind: event.kind,
        commit_lsn: event.commit_lsn,
        seq: event.seq,
        ack_lsn: event.ack_lsn,
        xid: event.xid,
        identified: event.flags & crate::model::event::EventFlag::NO_IDENTITY as u32 == 0,
    }
}

/// Kind and seq of what has an identity.
fn parts(events: &[Seen]) -> Vec<(Kind, u64)> {
    let kind = |seen: &Seen| {
        let (kind, _) = Kind::ALL.into_iter().find(|(kind, _)| *kind as u32 == seen.kind).unwrap();
        kind
    };
    events.iter().filter(|seen| seen.identified).map(|seen| (kind(seen), seen.seq)).collect()
}

fn kinds(events: &[Seen]) -> Vec<u32> {
    events.iter().map(|seen| seen.kind).collect()
}

/// A transaction of these rows, plain.
fn plain(commit_lsn: u64, end: u64, xid: u32, rows: &[&str]) -> Vec<Vec<u8>> {
    let rows = rows.iter().map(|row| insert(7, row));
    [begin(commit_lsn, xid), relation(7)].into_iter().chain(rows).chain([commit(commit_lsn, end)]).collect()
}

/// The same, sent before its commit.
fn streamed(commit_lsn: u64, end: u64, xid: u32, rows: &[&str]) -> Vec<Vec<u8>> {
    let rows = rows.iter().map(|row| of(xid, &insert(7, row)));
    let head = [stream_start(xid, true), of(xid, &relation(7))];
    head.into_iter().chain(rows).chain([stream_stop(), stream_commit(xid, commit_lsn, end)]).collect()
}

fn prepared(prepare_lsn: u64, end: u64, xid: u32, rows: &[&str]) -> Vec<Vec<u8>> {
    let rows = rows.iter().map(|row| insert(7, row));
    let head = [begin_prepare(prepare_lsn, end, xid), relation(7)];
    head.into_iter().chain(rows).chain([prepare(prepare_lsn, end, xid)]).collect()
}
