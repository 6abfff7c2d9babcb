//! The host's acknowledgements on their way to the replication thread: the highest position, and whether it is news.
//!
//! The same rule as in queue.rs, and run through every order by tests/loom, too.

#![forbid(unsafe_code)]

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use crate::lsn::Lsn;

/// See the file's head.
#[derive(Debug, Default)]
pub struct Acknowledged {
    highest: AtomicU64,
    /// One that the thread has not taken in.
    waits: AtomicBool,
}

impl Acknowledged {
    /// From any of the host's threads. True: the thread is to be woken.
    pub fn raise(&self, lsn: Lsn) -> bool {
        let before = self.highest.fetch_max(lsn.0, SeqCst);
        lsn.0 > before && !self.waits.swap(true, SeqCst)
    }

    /// What lies behind `end` became void: it counts as not acknowledged.
    pub fn lower(&self, end: Lsn) {
        self.highest.fetch_min(end.0, SeqCst);
    }

    /// The highest that the host acknowledged.
    pub fn highest(&self) -> Lsn {
        Lsn(self.highest.load(SeqCst))
    }

    /// The same, for the thread: it takes it in.
    pub fn take(&self) -> Lsn {
        self.waits.swap(false, SeqCst);
        self.highest()
    }
}
