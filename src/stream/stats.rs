//! Numbers about a stream: written by its thread, read by any other at any time.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::protocol::Protocol;

/// See the file's head.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "named as in walstream_stats")]
pub struct Stats {
    pub received_lsn: AtomicU64,
    pub confirmed_lsn: AtomicU64,
    pub server_lsn: AtomicU64,
    pub commit_delay_us: AtomicU64,
    pub events: AtomicU64,
    pub bytes: AtomicU64,
    pub spilled_bytes: AtomicU64,
    pub open_transactions: AtomicU64,
    pub reconnects: AtomicU64,
    pub stalled_us: AtomicU64,
    pub naps: AtomicU64,
    pub nap_us: AtomicU64,
}

impl Stats {
    /// As of now.
    pub fn update(&self, session: &mut impl Protocol) {
        let progress = session.progress();
        self.received_lsn.store(progress.received.0, Relaxed);
        self.server_lsn.store(progress.server.0, Relaxed);
        self.commit_delay_us.store(progress.delay_us, Relaxed);
        self.events.store(session.outbox().events(), Relaxed);
        self.bytes.store(progress.bytes, Relaxed);
        self.open_transactions.store(progress.open_transactions as u64, Relaxed);
        self.spilled_bytes.store(progress.spilled_bytes, Relaxed);
    }

    /// This flush position went to the server.
    pub fn confirmed(&self, lsn: u64) {
        self.confirmed_lsn.store(lsn, Relaxed);
    }

    /// What lies behind `end` became void.
    pub fn lower_confirmed(&self, end: u64) {
        self.confirmed_lsn.fetch_min(end, Relaxed);
    }

    /// The flush position that the server knows.
    pub fn confirmed_lsn(&self) -> u64 {
        self.confirmed_lsn.load(Relaxed)
    }

    /// The queue was full for so long.
    pub fn stalled(&self, time: Duration) {
        self.stalled_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// So many naps were begun, the latest to be so long.
    pub fn napped(&self, naps: u64, latest: Duration) {
        self.naps.store(naps, Relaxed);
        self.nap_us.store(u64::try_from(latest.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// A connection was made again.
    pub fn reconnected(&self) {
        self.reconnects.fetch_add(1, Relaxed);
    }
}
