//! From the session to the host: what may wait where, and when a batch goes.

#![forbid(unsafe_code)]

use std::time::Instant;

use super::{Protocol, Worker};
use crate::model::arena::LARGE;
use crate::stream::error::Failure;

/// A batch is handed over when it has grown to a quarter of the queue, however few events it has; within these bounds.
const LEAST_FULL: usize = 256 << 10;
/// About what comes in a nap.
const MOST_FULL: usize = 1 << 20;

impl<P: Protocol> Worker<P> {
    /// Is there room for more?
    pub(super) fn may_read(&mut self) -> bool {
        if self.has_room() {
            return true;
        }
        // Looked at once more behind the flag: the host may have made room in between.
        self.shared.queue.thread_waits();
        self.has_room()
    }

    fn has_room(&mut self) -> bool {
        let waiting = self.session.outbox().bytes();
        // One event may exceed the queue, alone.
        let alone = waiting == 0 && self.shared.queue.is_empty();
        self.parked.is_none() && (alone || self.limit() > waiting)
    }

    /// Bytes that may wait in the outbox: memory is taken by the chunk, and what is taken counts.
    pub(super) fn limit(&self) -> usize {
        self.batch_bytes().min(self.shared.queue.room()).saturating_sub(LARGE)
    }

    fn batch_bytes(&self) -> usize {
        (self.options.queue_max_bytes / 4).clamp(LEAST_FULL, MOST_FULL)
    }

    pub(super) fn note_stall(&mut self, stalled: bool) {
        if !stalled && self.stalled_since.is_none() {
            return;
        }
        let now = Instant::now();
        if let Some(since) = self.stalled_since.take() {
            self.shared.stats.stalled(now - since);
        }
        self.stalled_since = stalled.then_some(now);
    }

    /// Full batches go at once; the open one when nothing comes to fill it (`idle`) and the host has nothing else to do.
    pub(super) fn hand_over(&mut self, idle: bool) -> Result<(), Failure> {
        while let Some(batch) = self.parked.take().or_else(|| self.session.take_full()) {
            if let Some(batch) = self.shared.queue.push(batch) {
                self.parked = Some(batch);
                self.shared.queue.thread_waits();
                return Ok(());
            }
        }
        let full = self.session.is_full(self.batch_bytes() - LARGE);
        if !full && (!idle || self.session.outbox().is_empty()) {
            return Ok(());
        }
        if !full && !self.shared.queue.is_empty() {
            self.shared.queue.thread_waits();
            // The host may have taken the last batch before it could see the flag.
            if !self.shared.queue.is_empty() {
                return Ok(());
            }
        }
        match self.session.outbox().take()? {
            Some(batch) => {
                self.parked = self.shared.queue.push(batch);
                self.pacing.handed_over();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The stream is over: whatever the queue takes goes there.
    pub(super) fn hand_over_all(&mut self) {
        while let Some(batch) = self.parked.take().or_else(|| self.session.outbox().take().ok().flatten()) {
            if self.shared.queue.push(batch).is_some() {
                return;
            }
        }
    }

    pub(super) fn all_handed_over(&mut self) -> bool {
        if self.session.outbox().is_empty() && self.parked.is_none() {
            return true;
        }
        self.shared.queue.thread_waits();
        false
    }
}
