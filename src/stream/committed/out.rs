//! What handing out works on, and the ends of prepared transactions, which are the same in both kinds of delivery.

#![forbid(unsafe_code)]

use crate::lsn::Lsn;
use crate::model::{Event, Kind};
use crate::stream::error::Failure;
use crate::stream::ledger::Ledger;
use crate::stream::outbox::Outbox;
use crate::wire;

/// Everything that handing out works on.
pub struct Out<'a> {
    /// Towards the host.
    pub outbox: &'a mut Outbox,
    /// Towards the server.
    pub ledger: &'a mut Ledger,
    /// Up to here all is read: as good as a keepalive's position. Set by what ends without an entry.
    pub passed: &'a mut Lsn,
}

impl Out<'_> {
    /// Is a prepare that ends at `end` one from before the slot decoded prepares, sent at its commit? Its
    /// COMMIT_PREPARED is the entry (rule 12).
    pub fn is_late(&self, end: Lsn) -> bool {
        end <= self.ledger.resume_at()
    }

    /// COMMIT PREPARED.
    pub fn commit_prepared(&mut self, commit: &wire::CommitPrepared, body: &[u8]) -> Result<(), Failure> {
        self.ledger.complete(commit.end_lsn)?;
        let event = Event {
            commit_lsn: commit.commit_lsn.0,
            seq: 1,
            lsn: commit.commit_lsn.0,
            ack_lsn: commit.end_lsn.0,
            commit_time_us: commit.commit_time.unix_us(),
            xid: commit.xid.0,
            ..Event::new(Kind::COMMIT_PREPARED)
        };
        self.outbox.named(event, body, Some(commit.gid), None)
    }

    /// ROLLBACK PREPARED.
    pub fn rollback_prepared(
        &mut self,
        rollback: &wire::RollbackPrepared,
        body: &[u8],
    ) -> Result<(), Failure> {
        self.ledger.complete(rollback.rollback_end_lsn)?;
        let event = Event {
            commit_lsn: rollback.rollback_end_lsn.0,
            lsn: rollback.rollback_end_lsn.0,
            ack_lsn: rollback.rollback_end_lsn.0,
            commit_time_us: rollback.rollback_time.unix_us(),
            xid: rollback.xid.0,
            ..Event::new(Kind::ROLLBACK_PREPARED)
        };
        self.outbox.rollback_prepared(event, body, rollback)
    }
}
