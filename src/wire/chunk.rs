//! Transactions that are sent before their commit, in chunks: Stream Start, Stop, Commit and Abort. Owns their
//! layout; Stream Prepare has Prepare's. Does not know which transactions are open.

#![forbid(unsafe_code)]

use super::error::WireError;
use super::reader::Reader;
use crate::lsn::{Lsn, Xid};
use crate::time::PgTime;

/// A stream block of this transaction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamStart {
    /// The top transaction.
    pub xid: Xid,
    /// It is this transaction's first block.
    pub first: bool,
}

/// A streamed transaction is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamCommit {
    /// The top transaction.
    pub xid: Xid,
    /// Start of the commit record.
    pub commit_lsn: Lsn,
    /// End of the commit record: what to acknowledge.
    pub end_lsn: Lsn,
    /// When it was committed.
    pub commit_time: PgTime,
}

/// A streamed transaction, or a subtransaction of it, is rolled back. It may be one that was never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamAbort {
    /// The top transaction.
    pub xid: Xid,
    /// What is rolled back; the same as `xid` when all is.
    pub subxid: Xid,
    /// Where and when. Sent only if the option `streaming=parallel` was, whatever the protocol's version.
    pub at: Option<(Lsn, PgTime)>,
}

impl StreamStart {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let xid = r.nonzero_xid("xid")?;
        let first = r.flags(1, "first block")? == 1;
        Ok(StreamStart { xid, first })
    }
}

impl StreamCommit {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let xid = r.xid("xid")?;
        r.flags(0, "flags")?;
        Ok(StreamCommit {
            xid,
            commit_lsn: r.lsn("commit_lsn")?,
            end_lsn: r.lsn("end_lsn")?,
            commit_time: r.time("commit time")?,
        })
    }
}

impl StreamAbort {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let xid = r.xid("xid")?;
        let subxid = r.xid("subtransaction xid")?;
        let at = match r.remaining() {
            0 => None,
            _ => Some((r.lsn("abort lsn")?, r.time("abort time")?)),
        };
        Ok(StreamAbort { xid, subxid, at })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::wire::message::Message;
    use crate::wire::reader::Span;
    use crate::wire::samples::{Sample, decode, hex, in_block, plain, refused};
    use crate::wire::txn::Prepare;

    const START: Sample = plain(
        "
        53                  tag S
        000002E1            xid
        01                  first block",
    );

    const STOP: Sample = in_block(
        "
        45                  tag E",
    );

    const COMMIT: Sample = plain(
        "
        63                  tag c
        000002E1            xid
        00                  flags
        000000000156A8A0    commit_lsn
        000000000156A8D0    end_lsn
        0002B24C5A5E0001    commit time",
    );

    const ABORT: Sample = plain(
        "
        41                  tag A
        000002E1            xid
        000002E2            subtransaction xid",
    );

    pub const ABORT_PARALLEL: Sample = plain(
        "
        41                  tag A
        000002E1            xid
        000002E2            subtransaction xid
        000000000156A8A0    abort lsn
        0002B24C5A5E0001    abort time",
    );

    const PREPARE: Sample = plain(
        "
        70                  tag p
        00                  flags
        000000000156A8A0    prepare_lsn
        000000000156A8D0    end_lsn
        0002B24C5A5E0001    prepare time
        000002E1            xid
        6731 00             gid",
    );

    pub const SAMPLES: &[Sample] = &[START, STOP, COMMIT, ABORT, ABORT_PARALLEL, PREPARE];

    const THEN: PgTime = PgTime(0x2_B24C_5A5E_0001);
    const XID: Xid = Xid(0x2E1);

    #[test]
    fn start_and_stop() {
        assert_eq!(decode(START).message, Message::StreamStart(StreamStart { xid: XID, first: true }));
        let mut bytes = START.bytes();
        bytes[5] = 0;
        let again = Message::decode(&bytes, START.position, &mut ()).unwrap().message;
        assert_eq!(again, Message::StreamStart(StreamStart { xid: XID, first: false }));
        assert_eq!(decode(STOP).message, Message::StreamStop);
    }

    #[test]
    fn commit() {
        assert_eq!(
            decode(COMMIT).message,
            Message::StreamCommit(StreamCommit {
                xid: XID,
                commit_lsn: Lsn(0x156_A8A0),
                end_lsn: Lsn(0x156_A8D0),
                commit_time: THEN,
            })
        );
    }

    #[test]
    fn abort_in_both_forms() {
        let abort = |at| Message::StreamAbort(StreamAbort { xid: XID, subxid: Xid(0x2E2), at });
        assert_eq!(ABORT.bytes().len(), 9);
        assert_eq!(decode(ABORT).message, abort(None));
        assert_eq!(ABORT_PARALLEL.bytes().len(), 25);
        assert_eq!(decode(ABORT_PARALLEL).message, abort(Some((Lsn(0x156_A8A0), THEN))));
    }

    #[test]
    fn prepare() {
        assert_eq!(
            decode(PREPARE).message,
            Message::StreamPrepare(Prepare {
                prepare_lsn: Lsn(0x156_A8A0),
                end_lsn: Lsn(0x156_A8D0),
                prepare_time: THEN,
                xid: XID,
                gid: Span { start: 30, len: 2 },
            })
        );
    }

    #[test]
    fn lies_are_refused() {
        for (bytes, error) in [
            ("53 00000000 01", "Stream Start: xid at byte 1: value 0 not allowed"),
            ("53 000002E1 02", "Stream Start: first block at byte 5: value 2 not allowed"),
            ("63 000002E1 01", "Stream Commit: flags at byte 5: value 1 not allowed"),
            ("41 000002E1 000002E2 0000", "Stream Abort: abort lsn at byte 9: needs 8 bytes, 2 left"),
            ("70 01", "Stream Prepare: flags at byte 1: value 1 not allowed"),
        ] {
            assert_eq!(refused(&hex(bytes)), error);
        }
    }
}
