//! What may be confirmed to the server: the one thing between a bug and silent loss (delivery-rules.md, 6 to 10, 17).
//!
//! Counts what was read and not acknowledged. An entry is a completed transaction, prepare, COMMIT or ROLLBACK
//! PREPARED, a message of its own or a POSITION. Entries end at records of the write-ahead log, each behind the one
//! before; so the newest entry's end and the highest acknowledgement tell all, whatever number of entries lie between.
//! The positions of messages inside transactions play no part.

#![forbid(unsafe_code)]

use crate::lsn::Lsn;

/// See the file's head.
#[derive(Debug, Default)]
pub struct Ledger {
    /// End of the newest entry that was read, or where the stream started.
    completed: Lsn,
    /// Highest position that the host declared safe.
    acknowledged: Lsn,
    /// Highest position confirmed while nothing was pending.
    idle: Lsn,
    /// Behind this the server's positions may be confirmed (rule 9).
    start: Lsn,
    /// The slot's own position at the last connect: never confirmed less (rule 10).
    slot: Lsn,
    /// The same at the first connect.
    slot_at_start: Lsn,
    /// There was a first connect.
    started: bool,
    /// A transaction is half read.
    half: bool,
}

/// An entry that does not end behind the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry that ends at {end} came after one that ends at {before}")]
pub struct OutOfOrder {
    /// Of the new one.
    pub end: Lsn,
    /// Of the one before.
    pub before: Lsn,
}

impl Ledger {
    /// A connection starts to stream. `start` is where the host wants to go on, 0: where the slot stands.
    pub fn connected(&mut self, slot: Lsn, start: Lsn) {
        self.slot = self.slot.max(slot);
        if !std::mem::replace(&mut self.started, true) {
            self.slot_at_start = slot;
            // Later on the slot is where this process had it moved, perhaps past what was none of ours: not read, and not pending.
            self.completed = slot;
        }
        self.start = self.start.max(start);
        self.completed = self.completed.max(start);
        self.half = false;
    }

    /// The timeline that was read ended at `end` for the server: its positions behind that are another's now. What was read lies before.
    pub fn left_timeline(&mut self, end: Lsn) {
        for confirmed in [&mut self.idle, &mut self.slot, &mut self.acknowledged] {
            *confirmed = (*confirmed).min(end);
        }
    }

    /// Where a new connection is to start: behind everything that was read to its end.
    pub fn resume_at(&self) -> Lsn {
        self.completed
    }

    /// A transaction's first part was read.
    pub fn begin(&mut self) {
        self.half = true;
    }

    /// What began came to nothing, or counts as part of the entry that follows it.
    pub fn forget(&mut self) {
        self.half = false;
    }

    /// An entry was read to its end.
    pub fn complete(&mut self, end: Lsn) -> Result<(), OutOfOrder> {
        if end <= self.completed {
            return Err(OutOfOrder { end, before: self.completed });
        }
        self.completed = end;
        self.half = false;
        Ok(())
    }

    /// The host declared everything up to `lsn` safe.
    pub fn acknowledge(&mut self, lsn: Lsn) {
        self.acknowledged = self.acknowledged.max(lsn);
    }

    /// Is anything read and not acknowledged?
    #[inline]
    pub fn pending(&self) -> bool {
        // Nothing up to where the stream started was read, so it cannot be pending.
        self.half || self.completed > self.acknowledged.max(self.start).max(self.slot_at_start)
    }

    /// May the server's position `lsn` be confirmed without the host?
    #[inline]
    pub fn may_advance(&self, lsn: Lsn) -> bool {
        !self.pending() && lsn > self.start && lsn > self.confirmed()
    }

    /// Confirms the server's position, which `may_advance` allowed.
    pub fn advance(&mut self, lsn: Lsn) {
        debug_assert!(self.may_advance(lsn));
        self.idle = self.idle.max(lsn);
    }

    /// What the server may forget.
    #[inline]
    pub fn confirmed(&self) -> Lsn {
        // The start is confirmed once the host acknowledges it or the server's position passes it, not before.
        self.acknowledged.max(self.idle).max(self.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(slot: u64) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.connected(Lsn(slot), Lsn::ZERO);
        ledger
    }

    #[test]
    fn rule_6_what_is_read_is_pending_until_acknowledged() {
        let mut ledger = at(100);
        assert!(!ledger.pending());
        ledger.begin();
        assert!(ledger.pending(), "half a transaction is pending");
        ledger.complete(Lsn(200)).unwrap();
        ledger.complete(Lsn(300)).unwrap();
        ledger.acknowledge(Lsn(200));
        assert!(ledger.pending());
        assert_eq!(ledger.confirmed(), Lsn(200));
        ledger.acknowledge(Lsn(300));
        assert!(!ledger.pending());
    }

    #[test]
    fn rule_7_idle_positions_count_only_while_nothing_is_pending() {
        let mut ledger = at(100);
        assert!(ledger.may_advance(Lsn(150)));
        ledger.advance(Lsn(150));
        assert_eq!(ledger.confirmed(), Lsn(150));
        ledger.complete(Lsn(200)).unwrap();
        assert!(!ledger.may_advance(Lsn(400)));
        ledger.acknowledge(Lsn(200));
        assert!(ledger.may_advance(Lsn(400)));
    }

    #[test]
    fn rule_9_no_idle_advance_below_the_start() {
        let mut ledger = Ledger::default();
        ledger.connected(Lsn(100), Lsn(500));
        assert!(!ledger.may_advance(Lsn(400)));
        assert!(!ledger.may_advance(Lsn(500)));
        assert!(ledger.may_advance(Lsn(501)));
    }

    #[test]
    fn rule_10_never_less_than_the_slot_and_on_behind_what_was_read() {
        let mut ledger = at(100);
        ledger.complete(Lsn(200)).unwrap();
        ledger.begin();
        ledger.connected(Lsn(120), Lsn::ZERO);
        assert_eq!((ledger.resume_at(), ledger.confirmed()), (Lsn(200), Lsn(120)));
        assert!(ledger.pending(), "what was queued before the connection was lost");
    }

    #[test]
    fn entries_out_of_order_are_refused() {
        let mut ledger = at(100);
        assert_eq!(ledger.complete(Lsn(100)), Err(OutOfOrder { end: Lsn(100), before: Lsn(100) }));
        ledger.complete(Lsn(101)).unwrap();
    }
}
