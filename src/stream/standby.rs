//! What a host in the place of a physical standby says besides its flush position, on its way to the thread.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

use super::error::Failure;
use super::handle::Stream;
use super::options::Mode;
use crate::lsn::{Lsn, Xid};
use crate::model::Code;

/// See the file's head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standby {
    /// Written, though not flushed; 0 unknown.
    pub write: Lsn,
    /// Applied; 0 unknown.
    pub apply: Lsn,
    /// Rows that vacuum is to keep. None: the host said nothing so far.
    pub keeps: Option<Keeps>,
}

/// Hot standby feedback's content; zero: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeps {
    /// Oldest transaction whose rows are needed.
    pub xmin: Xid,
    /// How often xids had wrapped around at `xmin`.
    pub xmin_epoch: u32,
    /// The same for catalogs.
    pub catalog_xmin: Xid,
    /// How often xids had wrapped around at `catalog_xmin`.
    pub catalog_xmin_epoch: u32,
}

/// Written by the host's threads, read by the stream's.
#[derive(Debug, Default)]
pub struct StandbyCell {
    standby: Mutex<Standby>,
    waits: AtomicBool,
}

impl Standby {
    /// What lies behind `end` became void.
    pub fn lower(&mut self, end: Lsn) {
        (self.write, self.apply) = (self.write.min(end), self.apply.min(end));
    }
}

impl StandbyCell {
    /// From the host. True: the thread is to be woken.
    pub fn change(&self, change: impl FnOnce(&mut Standby)) -> bool {
        change(&mut self.standby.lock().unwrap_or_else(PoisonError::into_inner));
        !self.waits.swap(true, SeqCst)
    }

    /// What lies behind `end` became void.
    pub fn lower(&self, end: Lsn) {
        self.standby.lock().unwrap_or_else(PoisonError::into_inner).lower(end);
    }

    /// From the thread: what changed since the last look.
    pub fn take(&self) -> Option<Standby> {
        let changed = self.waits.load(SeqCst) && self.waits.swap(false, SeqCst);
        changed.then(|| *self.standby.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stream {
    /// Written, flushed and applied up to these; zero: the host does not know.
    pub fn acknowledge_positions(&self, write: Lsn, flush: Lsn, apply: Lsn) -> Result<(), Failure> {
        self.check_physical()?;
        self.acknowledging(write.max(flush).max(apply), |shared| {
            shared.acknowledge(flush);
            let changed = shared.standby.change(|standby| {
                standby.write = standby.write.max(write);
                standby.apply = standby.apply.max(apply);
            });
            if changed {
                shared.queue.thread().signal();
            }
        })
    }

    /// Rows that the server is to keep from vacuum.
    pub fn keep_rows(&self, keeps: Keeps) -> Result<(), Failure> {
        self.check_physical()?;
        self.acknowledging(Lsn::ZERO, |shared| {
            if shared.standby.change(|standby| standby.keeps = Some(keeps)) {
                shared.queue.thread().signal();
            }
        })
    }

    fn check_physical(&self) -> Result<(), Failure> {
        match self.options.mode {
            Mode::Physical => Ok(()),
            Mode::Logical | Mode::Backup => Err(Failure::new(Code::E_STATE, "this is no physical stream")
                .hint("set mode=physical, or acknowledge with walstream_ack_lsn")),
        }
    }
}
