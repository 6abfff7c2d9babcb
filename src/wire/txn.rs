//! Where transactions begin and end: Begin, Commit, Origin and the two-phase family. Owns their layout, and the
//! checks of PostgreSQL's own apply worker: flags are 0, positions that matter are not.

#![forbid(unsafe_code)]

use super::error::{Subject, WireError};
use super::reader::{Reader, Span, whole};
use super::tag::Tag;
use crate::lsn::{Lsn, Xid};
use crate::time::PgTime;

/// A committed transaction follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// Where its commit record starts: Commit's `commit_lsn`.
    pub final_lsn: Lsn,
    /// When it was committed.
    pub commit_time: PgTime,
    /// Its number.
    pub xid: Xid,
}

/// The transaction is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Start of the commit record.
    pub commit_lsn: Lsn,
    /// End of the commit record: what to acknowledge.
    pub end_lsn: Lsn,
    /// When it was committed.
    pub commit_time: PgTime,
}

/// The transaction came from another server. Right behind Begin or the first Stream Start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its commit there; zero in a stream block.
    pub lsn: Lsn,
    /// The replication origin's name.
    pub name: Span,
}

/// A prepared transaction follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeginPrepare {
    /// Start of the prepare record.
    pub prepare_lsn: Lsn,
    /// End of the prepare record.
    pub end_lsn: Lsn,
    /// When it was prepared.
    pub prepare_time: PgTime,
    /// Its number.
    pub xid: Xid,
    /// The name that the user gave it.
    pub gid: Span,
}

/// The prepared transaction is complete, and not committed yet. Prepare and Stream Prepare have this same body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// Start of the prepare record.
    pub prepare_lsn: Lsn,
    /// End of the prepare record: what to acknowledge.
    pub end_lsn: Lsn,
    /// When it was prepared.
    pub prepare_time: PgTime,
    /// Its number.
    pub xid: Xid,
    /// The name that the user gave it.
    pub gid: Span,
}

/// A transaction prepared earlier is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitPrepared {
    /// Start of the commit record.
    pub commit_lsn: Lsn,
    /// End of the commit record: what to acknowledge.
    pub end_lsn: Lsn,
    /// When it was committed.
    pub commit_time: PgTime,
    /// Its number.
    pub xid: Xid,
    /// The name that the user gave it.
    pub gid: Span,
}

/// A transaction prepared earlier is rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollbackPrepared {
    /// End of the prepare record: with `prepare_time` it tells whether the prepare was received.
    pub prepare_end_lsn: Lsn,
    /// End of the rollback record: what to acknowledge.
    pub rollback_end_lsn: Lsn,
    /// When it was prepared.
    pub prepare_time: PgTime,
    /// When it was rolled back.
    pub rollback_time: PgTime,
    /// Its number.
    pub xid: Xid,
    /// The name that the user gave it.
    pub gid: Span,
}

impl Begin {
    /// Decodes the body, as [`Message::decode_body`](super::Message::decode_body) does.
    #[inline(always)]
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::without_spans(body, Subject::Message(Tag::Begin));
        match r.exactly::<20>() {
            Some(mut exact) => Begin::read(&mut exact),
            None => Begin::of_another_size(r),
        }
    }

    /// Which field is cut, or what is too much.
    #[cold]
    fn of_another_size(r: Reader<'_>) -> Result<Self, WireError> {
        whole(r, Begin::read)
    }

    #[inline(always)]
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Begin {
            final_lsn: r.nonzero_lsn("final_lsn")?,
            commit_time: r.time("commit time")?,
            xid: r.xid("xid")?,
        })
    }
}

impl Commit {
    /// Decodes the body, as [`Message::decode_body`](super::Message::decode_body) does.
    #[inline(always)]
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::without_spans(body, Subject::Message(Tag::Commit));
        match r.exactly::<25>() {
            Some(mut exact) => Commit::read(&mut exact),
            None => Commit::of_another_size(r),
        }
    }

    /// Which field is cut, or what is too much.
    #[cold]
    fn of_another_size(r: Reader<'_>) -> Result<Self, WireError> {
        whole(r, Commit::read)
    }

    #[inline(always)]
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.flags(0, "flags")?;
        Ok(Commit {
            commit_lsn: r.lsn("commit_lsn")?,
            end_lsn: r.lsn("end_lsn")?,
            commit_time: r.time("commit time")?,
        })
    }
}

impl Origin {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Origin { lsn: r.lsn("origin lsn")?, name: r.cstr("origin name")? })
    }
}

impl BeginPrepare {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(BeginPrepare {
            prepare_lsn: r.nonzero_lsn("prepare_lsn")?,
            end_lsn: r.nonzero_lsn("end_lsn")?,
            prepare_time: r.time("prepare time")?,
            xid: r.xid("xid")?,
            gid: r.cstr("gid")?,
        })
    }
}

impl Prepare {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.flags(0, "flags")?;
        Ok(Prepare {
            prepare_lsn: r.nonzero_lsn("prepare_lsn")?,
            end_lsn: r.nonzero_lsn("end_lsn")?,
            prepare_time: r.time("prepare time")?,
            xid: r.xid("xid")?,
            gid: r.cstr("gid")?,
        })
    }
}

impl CommitPrepared {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.flags(0, "flags")?;
        Ok(CommitPrepared {
            commit_lsn: r.nonzero_lsn("commit_lsn")?,
            end_lsn: r.nonzero_lsn("end_lsn")?,
            commit_time: r.time("commit time")?,
            xid: r.xid("xid")?,
            gid: r.cstr("gid")?,
        })
    }
}

impl RollbackPrepared {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.flags(0, "flags")?;
        Ok(RollbackPrepared {
            prepare_end_lsn: r.nonzero_lsn("prepare_end_lsn")?,
            rollback_end_lsn: r.nonzero_lsn("rollback_end_lsn")?,
            prepare_time: r.time("prepare time")?,
            rollback_time: r.time("rollback time")?,
            xid: r.xid("xid")?,
            gid: r.cstr("gid")?,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::wire::message::Message;
    use crate::wire::samples::{Sample, decode, in_block, plain, refused};

    const BEGIN: Sample = plain(
        "
        42                  tag B
        000000000156A8A0    final_lsn
        0002B24C5A5E0001    commit time
        000002E1            xid",
    );

    const COMMIT: Sample = plain(
        "
        43                  tag C
        00                  flags
        000000000156A8A0    commit_lsn
        000000000156A8D0    end_lsn
        0002B24C5A5E0001    commit time",
    );

    const ORIGIN: Sample = plain(
        "
        4F                  tag O
        00000000000ABCDE    lsn
        7570 00             name",
    );

    const ORIGIN_IN_BLOCK: Sample = in_block(
        "
        4F                  tag O
        0000000000000000    lsn
        7570 00             name",
    );

    const BEGIN_PREPARE: Sample = plain(
        "
        62                  tag b
        000000000156A8A0    prepare_lsn
        000000000156A8D0    end_lsn
        0002B24C5A5E0001    prepare time
        000002E1            xid
        6731 00             gid",
    );

    const PREPARE: Sample = plain(
        "
        50                  tag P
        00                  flags
        000000000156A8A0    prepare_lsn
        000000000156A8D0    end_lsn
        0002B24C5A5E0001    prepare time
        000002E1            xid
        6731 00             gid",
    );

    const COMMIT_PREPARED: Sample = plain(
        "
        4B                  tag K
        00                  flags
        000000000156A900    commit_lsn
        000000000156A930    end_lsn
        0002B24C5A5E0002    commit time
        000002E1            xid
        6731 00             gid",
    );

    const ROLLBACK_PREPARED: Sample = plain(
        "
        72                  tag r
        00                  flags
        000000000156A8D0    prepare_end_lsn
        000000000156A930    rollback_end_lsn
        0002B24C5A5E0001    prepare time
        0002B24C5A5E0002    rollback time
        000002E1            xid
        6731 00             gid",
    );

    pub const SAMPLES: &[Sample] =
        &[BEGIN, COMMIT, ORIGIN, ORIGIN_IN_BLOCK, BEGIN_PREPARE, PREPARE, COMMIT_PREPARED, ROLLBACK_PREPARED];

    const THEN: PgTime = PgTime(0x2_B24C_5A5E_0001);
    const LATER: PgTime = PgTime(0x2_B24C_5A5E_0002);
    const XID: Xid = Xid(0x2E1);

    #[test]
    fn begin_and_commit() {
        assert_eq!(
            decode(BEGIN).message,
            Message::Begin(Begin { final_lsn: Lsn(0x156_A8A0), commit_time: THEN, xid: XID })
        );
        assert_eq!(
            decode(COMMIT).message,
            Message::Commit(Commit {
                commit_lsn: Lsn(0x156_A8A0),
                end_lsn: Lsn(0x156_A8D0),
                commit_time: THEN
            })
        );
    }

    #[test]
    fn origin() {
        let name = Span { start: 9, len: 2 };
        assert_eq!(name.of(&ORIGIN.bytes()), b"up");
        assert_eq!(decode(ORIGIN).message, Message::Origin(Origin { lsn: Lsn(0xA_BCDE), name }));
        assert_eq!(decode(ORIGIN_IN_BLOCK).message, Message::Origin(Origin { lsn: Lsn::ZERO, name }));
    }

    #[test]
    fn two_phase() {
        let gid = Span { start: 29, len: 2 };
        assert_eq!(gid.of(&BEGIN_PREPARE.bytes()), b"g1");
        assert_eq!(
            decode(BEGIN_PREPARE).message,
            Message::BeginPrepare(BeginPrepare {
                prepare_lsn: Lsn(0x156_A8A0),
                end_lsn: Lsn(0x156_A8D0),
                prepare_time: THEN,
                xid: XID,
                gid,
            })
        );
        let gid = Span { start: 30, len: 2 };
        assert_eq!(
            decode(PREPARE).message,
            Message::Prepare(Prepare {
                prepare_lsn: Lsn(0x156_A8A0),
                end_lsn: Lsn(0x156_A8D0),
                prepare_time: THEN,
                xid: XID,
                gid,
            })
        );
        assert_eq!(
            decode(COMMIT_PREPARED).message,
            Message::CommitPrepared(CommitPrepared {
                commit_lsn: Lsn(0x156_A900),
                end_lsn: Lsn(0x156_A930),
                commit_time: LATER,
                xid: XID,
                gid,
            })
        );
        assert_eq!(
            decode(ROLLBACK_PREPARED).message,
            Message::RollbackPrepared(RollbackPrepared {
                prepare_end_lsn: Lsn(0x156_A8D0),
                rollback_end_lsn: Lsn(0x156_A930),
                prepare_time: THEN,
                rollback_time: LATER,
                xid: XID,
                gid: Span { start: 38, len: 2 },
            })
        );
    }

    #[test]
    fn flags_must_be_zero() {
        for (sample, name) in [
            (COMMIT, "Commit"),
            (PREPARE, "Prepare"),
            (COMMIT_PREPARED, "Commit Prepared"),
            (ROLLBACK_PREPARED, "Rollback Prepared"),
        ] {
            let mut bytes = sample.bytes();
            bytes[1] = 1;
            assert_eq!(refused(&bytes), format!("{name}: flags at byte 1: value 1 not allowed"));
        }
    }

    #[test]
    fn positions_that_matter_must_be_set() {
        for (sample, at, field) in [
            (BEGIN, 1, "Begin: final_lsn"),
            (BEGIN_PREPARE, 1, "Begin Prepare: prepare_lsn"),
            (BEGIN_PREPARE, 9, "Begin Prepare: end_lsn"),
            (PREPARE, 2, "Prepare: prepare_lsn"),
            (PREPARE, 10, "Prepare: end_lsn"),
            (COMMIT_PREPARED, 2, "Commit Prepared: commit_lsn"),
            (COMMIT_PREPARED, 10, "Commit Prepared: end_lsn"),
            (ROLLBACK_PREPARED, 2, "Rollback Prepared: prepare_end_lsn"),
            (ROLLBACK_PREPARED, 10, "Rollback Prepared: rollback_end_lsn"),
        ] {
            let mut bytes = sample.bytes();
            bytes[at..at + 8].fill(0);
            assert_eq!(refused(&bytes), format!("{field} at byte {at}: value 0 not allowed"));
        }
    }
}
