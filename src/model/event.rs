//! One event, as C reads it, and what hangs on it by kind.

use std::ffi::{c_char, c_void};
use std::ptr::null;

use super::relation::Relation;
use super::value::Value;

/// walstream_event.kind. A host skips kinds that it does not know: later versions may add some.
/// cbindgen:rename-all=prefix:WALSTREAM_
#[allow(non_camel_case_types, clippy::upper_case_acronyms, missing_docs)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    BEGIN = 1,
    COMMIT = 2,
    ORIGIN = 3,
    /// First row of a relation, or its definition changed. Has no seq of its own.
    RELATION = 4,
    TYPE = 5,
    INSERT = 6,
    UPDATE = 7,
    DELETE = 8,
    TRUNCATE = 9,
    MESSAGE = 10,
    BEGIN_PREPARE = 11,
    PREPARE = 12,
    COMMIT_PREPARED = 13,
    ROLLBACK_PREPARED = 14,
    STREAM_START = 15,
    STREAM_STOP = 16,
    STREAM_COMMIT = 17,
    STREAM_ABORT = 18,
    STREAM_PREPARE = 19,
    /// delivery=as-sent only: forget the unfinished transactions, they come again.
    INTERRUPTED = 20,
    /// idle_advance=host only: nothing is pending; storing and acking ack_lsn loses nothing.
    POSITION = 21,
    /// Output of another plugin, unparsed.
    RAW = 22,
    /// Physical mode: write-ahead log, payload from lsn on. Chunks join without a gap, and may end within a record.
    WAL = 23,
    /// Physical mode: the server went over to a new timeline. WAL goes on from the start of the segment that the switch lies in, on
    /// the new timeline; what came of the old one beyond the switch is void.
    TIMELINE = 24,
    /// Base backup: its start position and tablespaces.
    BACKUP_START = 25,
    /// Base backup: an archive begins; name is its file name, such as base.tar or 16385.tar.gz.
    ARCHIVE_BEGIN = 26,
    /// Base backup: the next piece of the archive or manifest.
    BACKUP_DATA = 27,
    /// Base backup: how far it is.
    BACKUP_PROGRESS = 28,
    /// Base backup: the manifest begins.
    MANIFEST_BEGIN = 29,
    /// Base backup: all was sent; lsn is the position up to which WAL is needed.
    BACKUP_END = 30,
}

impl Kind {
    /// Every kind with its name, in the order of their numbers from 1 on.
    pub const ALL: [(Kind, &'static std::ffi::CStr); 30] = [
        (Kind::BEGIN, c"BEGIN"),
        (Kind::COMMIT, c"COMMIT"),
        (Kind::ORIGIN, c"ORIGIN"),
        (Kind::RELATION, c"RELATION"),
        (Kind::TYPE, c"TYPE"),
        (Kind::INSERT, c"INSERT"),
        (Kind::UPDATE, c"UPDATE"),
        (Kind::DELETE, c"DELETE"),
        (Kind::TRUNCATE, c"TRUNCATE"),
        (Kind::MESSAGE, c"MESSAGE"),
        (Kind::BEGIN_PREPARE, c"BEGIN_PREPARE"),
        (Kind::PREPARE, c"PREPARE"),
        (Kind::COMMIT_PREPARED, c"COMMIT_PREPARED"),
        (Kind::ROLLBACK_PREPARED, c"ROLLBACK_PREPARED"),
        (Kind::STREAM_START, c"STREAM_START"),
        (Kind::STREAM_STOP, c"STREAM_STOP"),
        (Kind::STREAM_COMMIT, c"STREAM_COMMIT"),
        (Kind::STREAM_ABORT, c"STREAM_ABORT"),
        (Kind::STREAM_PREPARE, c"STREAM_PREPARE"),
        (Kind::INTERRUPTED, c"INTERRUPTED"),
        (Kind::POSITION, c"POSITION"),
        (Kind::RAW, c"RAW"),
        (Kind::WAL, c"WAL"),
        (Kind::TIMELINE, c"TIMELINE"),
        (Kind::BACKUP_START, c"BACKUP_START"),
        (Kind::ARCHIVE_BEGIN, c"ARCHIVE_BEGIN"),
        (Kind::BACKUP_DATA, c"BACKUP_DATA"),
        (Kind::BACKUP_PROGRESS, c"BACKUP_PROGRESS"),
        (Kind::MANIFEST_BEGIN, c"MANIFEST_BEGIN"),
        (Kind::BACKUP_END, c"BACKUP_END"),
    ];
}

/// walstream_event.flags
/// cbindgen:rename-all=prefix:WALSTREAM_EVENT_
#[allow(non_camel_case_types, clippy::upper_case_acronyms, missing_docs)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventFlag {
    /// Sent before its commit (delivery=as-sent).
    STREAMED = 1,
    /// MESSAGE: belongs to the transaction. Not set: it stands for itself and survives a rollback.
    TRANSACTIONAL = 2,
    TRUNCATE_CASCADE = 4,
    RESTART_IDENTITY = 8,
    /// RELATION, TYPE, ORIGIN, INTERRUPTED, POSITION, and changes inside stream blocks: commit_lsn and seq identify nothing.
    NO_IDENTITY = 16,
}

/// walstream_event.old_kind
/// cbindgen:rename-all=prefix:WALSTREAM_OLD_
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldKind {
    /// No old row: of an UPDATE it means that its key did not change (identify the row by the key in new_values).
    NONE = 0,
    /// old_values holds the replica identity only, the rest is NOT_SENT.
    KEY = 1,
    /// old_values is the whole old row (REPLICA IDENTITY FULL).
    FULL = 2,
}

/// 128 bytes, two cache lines. Grows at its end only: step through a batch by its stride.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// walstream_kind
    pub kind: u32,
    /// WALSTREAM_EVENT_*
    pub flags: u32,
    /// With seq the identity: the same on each redelivery under the same options, rising. Prepared transactions: the PREPARE's LSN
    /// until COMMIT_PREPARED; a MESSAGE of its own: its lsn; ROLLBACK_PREPARED: the end of that record.
    pub commit_lsn: u64,
    /// BEGIN, BEGIN_PREPARE, COMMIT_PREPARED: 1. Rows, TRUNCATE, transactional MESSAGE: from 2 on. COMMIT, PREPARE: UINT64_MAX.
    /// Non-transactional MESSAGE, ROLLBACK_PREPARED: 0. RELATION, TYPE, ORIGIN: 0 with WALSTREAM_EVENT_NO_IDENTITY.
    pub seq: u64,
    /// Of this change; 0 if the server gave none.
    pub lsn: u64,
    /// Not 0: once everything up to here is safe at the host, ack this number (never lsn or commit_lsn).
    pub ack_lsn: u64,
    /// Microseconds since 1970-01-01 UTC by the server's clock; 0 unknown. WAL: when it was sent.
    pub commit_time_us: i64,
    /// The transaction; 0 if the server gave none.
    pub xid: u32,
    /// Subtransaction; equal to xid, or 0 where the protocol does not tell.
    pub subxid: u32,
    /// Row kinds, RELATION: never NULL. Else NULL.
    pub relation: *const Relation,
    /// new_count values, in the order of relation->columns. NULL when new_count is 0.
    pub new_values: *const Value,
    /// old_count values, in the order of relation->columns. NULL when old_count is 0.
    pub old_values: *const Value,
    /// relation->column_count on INSERT and UPDATE, else 0.
    pub new_count: u32,
    /// relation->column_count when old_kind is not NONE, else 0.
    pub old_count: u32,
    /// WALSTREAM_OLD_*
    pub old_kind: u32,
    /// Elements behind detail.
    pub detail_count: u32,
    /// By kind: TRUNCATE an array of walstream_relation pointers (see walstream_event_relation), TYPE walstream_type_detail,
    /// ORIGIN walstream_origin_detail, ROLLBACK_PREPARED walstream_rollback_detail, WAL and TIMELINE walstream_timeline_detail,
    /// BACKUP_START and BACKUP_END walstream_backup_detail, ARCHIVE_BEGIN walstream_tablespace_detail, BACKUP_PROGRESS
    /// walstream_progress_detail. Else NULL.
    pub detail: *const c_void,
    /// GID, message prefix or origin; NULL where the kind has none.
    pub name: *const c_char,
    /// Message content, RAW output, WAL; a NUL follows. NULL where the kind has none.
    pub payload: *const u8,
    /// Bytes at name, without the NUL.
    pub name_len: u32,
    /// Bytes at payload, without the NUL.
    pub payload_len: u32,
}

/// No seq: the number of the change that ends a transaction.
pub(crate) const LAST_SEQ: u64 = u64::MAX;

impl Event {
    /// An event of which only the kind is set.
    pub fn new(kind: Kind) -> Event {
        Event {
            kind: kind as u32,
            flags: 0,
            commit_lsn: 0,
            seq: 0,
            lsn: 0,
            ack_lsn: 0,
            commit_time_us: 0,
            xid: 0,
            subxid: 0,
            relation: null(),
            new_values: null(),
            old_values: null(),
            new_count: 0,
            old_count: 0,
            old_kind: OldKind::NONE as u32,
            detail_count: 0,
            detail: null(),
            name: null(),
            payload: null(),
            name_len: 0,
            payload_len: 0,
        }
    }
}

/// TYPE: a user-made type of a column that follows. A domain carries its base type's name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TypeDetail {
    /// Never "": pg_catalog is spelt out.
    pub schema: *const c_char,
    /// The type's name.
    pub name: *const c_char,
    /// As in walstream_column.type_oid.
    pub oid: u32,
    /// 0
    pub reserved: u32,
}

/// ORIGIN: the commit at the node that it first happened on; 0 in streamed transactions.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OriginDetail {
    /// A position in that node's write-ahead log, not in this server's.
    pub origin_lsn: u64,
}

/// ROLLBACK_PREPARED: which PREPARE it ends (GIDs are not unique for ever).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RollbackDetail {
    /// The end of the PREPARE's record.
    pub prepare_end_lsn: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub prepare_time_us: i64,
}

/// TIMELINE: the switch. The event's payload is the history file's content, its name the file's name. WAL: only timeline is set.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TimelineDetail {
    /// Where the old timeline ends.
    pub switch_lsn: u64,
    /// The timeline that goes on from there.
    pub timeline: u32,
    /// The timeline that ends.
    pub old_timeline: u32,
}

/// BACKUP_START, BACKUP_END: the log from the one's lsn on this timeline to the other's is needed to make the backup whole.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BackupDetail {
    /// Of the event's lsn.
    pub timeline: u32,
    /// BACKUP_END: 0.
    pub tablespace_count: u32,
    /// The data directory among them; NULL when tablespace_count is 0.
    pub tablespaces: *const TablespaceDetail,
}

/// BACKUP_START, ARCHIVE_BEGIN: one tablespace. The data directory itself has OID 0 and location "".
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TablespaceDetail {
    /// Where it lies on the server; never NULL.
    pub location: *const c_char,
    /// Bytes, as estimated by the server; -1 unknown (progress was not asked for).
    pub size: i64,
    /// pg_tablespace.oid
    pub oid: u32,
    /// Bytes at location, without the NUL.
    pub location_len: u32,
}

/// BACKUP_PROGRESS: bytes of archives, before compression.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProgressDetail {
    /// Sent up to now.
    pub done: u64,
    /// Estimate of all; 0 unknown.
    pub total: u64,
}
