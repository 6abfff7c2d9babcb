//! Which fields of walstream_event each kind fills: the source of docs/events.md, and what every live test holds each of
//! its events against. A field that is not named here is 0 or NULL.

use walstream::model::event::EventFlag;
use walstream::model::{Event, Kind};

/// When a field is filled, and with what.
pub enum Filled {
    Always(&'static str, &'static str),
    Sometimes(&'static str, &'static str),
}

use Filled::{Always, Sometimes};

pub struct Row {
    pub kind: Kind,
    pub what: &'static str,
    pub fields: &'static [Filled],
    /// Those that it may have.
    pub flags: &'static [EventFlag],
}

const XID: Filled = Always("xid", "the transaction");
const LSN: Filled = Always("lsn", "where the change is in the write-ahead log");
const COMMIT_LSN: Filled = Always("commit_lsn", "the start of the commit record");
const COMMIT_TIME: Filled = Always("commit_time_us", "when it committed");
const GID: Filled = Always("name", "the GID");
// Of what lies inside a transaction, plain or in a stream block.
const INNER_LSN: Filled = Sometimes("commit_lsn", "as the BEGIN's; 0 in a stream block");
const INNER_TIME: Filled = Sometimes("commit_time_us", "as the BEGIN's; 0 in a stream block");
const SUBXID: Filled =
    Sometimes("subxid", "the subtransaction, equal to xid outside of one; 0 where the server did not stream");
const ROW_LSN: Filled = Sometimes("lsn", "of its table's first change after it");
const RELATION: Filled = Always("relation", "the definition that the row was written under");
const NEW: Filled = Always("new_values", "the row as it is now, new_count values");
const CHANGE_SEQ: Filled = Sometimes("seq", "from 2 on; 0 in a stream block");

const CHANGE_FLAGS: &[EventFlag] = &[EventFlag::STREAMED, EventFlag::NO_IDENTITY];
const BLOCK: &[EventFlag] = &[EventFlag::STREAMED, EventFlag::NO_IDENTITY];
const NO_IDENTITY: &[EventFlag] = &[EventFlag::NO_IDENTITY];
const STREAMED: &[EventFlag] = &[EventFlag::STREAMED];

pub const TABLE: &[Row] = &[
    Row {
        kind: Kind::BEGIN,
        what: "A transaction begins.",
        fields: &[
            COMMIT_LSN,
            Always("seq", "1"),
            Sometimes("lsn", "of its first change; 0 when an ORIGIN follows, or the server streamed it"),
            COMMIT_TIME,
            XID,
        ],
        flags: &[],
    },
    Row {
        kind: Kind::COMMIT,
        what: "It ends: everything in it may be acknowledged.",
        fields: &[
            COMMIT_LSN,
            Always("seq", "UINT64_MAX"),
            Always("lsn", "as commit_lsn"),
            Always("ack_lsn", "the end of the commit record"),
            COMMIT_TIME,
            XID,
        ],
        flags: &[],
    },
    Row {
        kind: Kind::ORIGIN,
        what: "The transaction first happened on another node.",
        fields: &[
            INNER_LSN,
            Sometimes("lsn", "of the message, as the server gave it"),
            INNER_TIME,
            XID,
            SUBXID,
            Always("name", "the origin"),
            Always("detail", "walstream_origin_detail"),
        ],
        flags: BLOCK,
    },
    Row {
        kind: Kind::RELATION,
        what: "A table's definition, before its first row and whenever it changed.",
        fields: &[
            INNER_LSN,
            ROW_LSN,
            INNER_TIME,
            XID,
            SUBXID,
            Always("relation", "the definition, with a version of its own"),
        ],
        flags: BLOCK,
    },
    Row {
        kind: Kind::TYPE,
        what: "A type that is not built in, before the first definition that uses it.",
        fields: &[
            INNER_LSN,
            Sometimes("lsn", "of the message; 0 as a rule"),
            INNER_TIME,
            XID,
            SUBXID,
            Always("detail", "walstream_type_detail"),
        ],
        flags: BLOCK,
    },
    Row {
        kind: Kind::INSERT,
        what: "A row is there.",
        fields: &[INNER_LSN, CHANGE_SEQ, LSN, INNER_TIME, XID, SUBXID, RELATION, NEW],
        flags: CHANGE_FLAGS,
    },
    Row {
        kind: Kind::UPDATE,
        what: "A row is another one now. Columns that were not sent are UNCHANGED in new_values.",
        fields: &[
            INNER_LSN,
            CHANGE_SEQ,
            LSN,
            INNER_TIME,
            XID,
            SUBXID,
            RELATION,
            NEW,
            Sometimes("old_values", "the old row or key, old_count values; none when the key did not change"),
        ],
        flags: CHANGE_FLAGS,
    },
    Row {
        kind: Kind::DELETE,
        what: "A row is gone.",
        fields: &[
            INNER_LSN,
            CHANGE_SEQ,
            LSN,
            INNER_TIME,
            XID,
            SUBXID,
            RELATION,
            Always("old_values", "the old row or key, old_count values"),
        ],
        flags: CHANGE_FLAGS,
    },
    Row {
        kind: Kind::TRUNCATE,
        what: "All rows of some tables are gone.",
        fields: &[
            INNER_LSN,
            CHANGE_SEQ,
            LSN,
            INNER_TIME,
            XID,
            SUBXID,
            Always("detail", "detail_count pointers to walstream_relation: see walstream_event_relation"),
        ],
        flags: &[
            EventFlag::STREAMED,
            EventFlag::NO_IDENTITY,
            EventFlag::TRUNCATE_CASCADE,
            EventFlag::RESTART_IDENTITY,
        ],
    },
    Row {
        kind: Kind::MESSAGE,
        what: "What pg_logical_emit_message wrote. With the flag TRANSACTIONAL it belongs to its transaction; without, it stands for \
               itself, even if the transaction is rolled back.",
        fields: &[
            Sometimes(
                "commit_lsn",
                "as the BEGIN's; its own lsn when it stands for itself; 0 in a stream block",
            ),
            Sometimes("seq", "from 2 on; 0 when it stands for itself, and in a stream block"),
            Always("lsn", "the end of its record"),
            Sometimes("ack_lsn", "its lsn, when it stands for itself"),
            INNER_TIME,
            Sometimes("xid", "its transaction; 0 when it stands for itself"),
            Always("name", "the prefix"),
            Always("payload", "the content"),
        ],
        flags: &[EventFlag::STREAMED, EventFlag::NO_IDENTITY, EventFlag::TRANSACTIONAL],
    },
    Row {
        kind: Kind::BEGIN_PREPARE,
        what: "A transaction that is prepared begins.",
        fields: &[
            Always("commit_lsn", "the start of the PREPARE's record"),
            Always("seq", "1"),
            Sometimes("lsn", "of its first change; 0 when an ORIGIN follows, or the server streamed it"),
            Always("commit_time_us", "when it was prepared"),
            XID,
            GID,
        ],
        flags: &[],
    },
    Row {
        kind: Kind::PREPARE,
        what: "It is prepared, and neither committed nor rolled back yet.",
        fields: &[
            Always("commit_lsn", "as its BEGIN_PREPARE's"),
            Always("seq", "UINT64_MAX"),
            Always("lsn", "as commit_lsn"),
            Sometimes(
                "ack_lsn",
                "the end of the PREPARE's record; 0 when it was prepared before the slot told of prepares: then COMMIT_PREPARED has it",
            ),
            Always("commit_time_us", "when it was prepared"),
            XID,
            GID,
        ],
        flags: &[],
    },
    Row {
        kind: Kind::COMMIT_PREPARED,
        what: "A prepared transaction committed.",
        fields: &[
            COMMIT_LSN,
            Always("seq", "1"),
            Always("lsn", "as commit_lsn"),
            Always("ack_lsn", "the end of that record"),
            COMMIT_TIME,
            XID,
            GID,
        ],
        flags: &[],
    },
    Row {
        kind: Kind::ROLLBACK_PREPARED,
        what: "A prepared transaction was rolled back.",
        fields: &[
            Always("commit_lsn", "the end of that record"),
            Always("lsn", "as commit_lsn"),
            Always("ack_lsn", "as commit_lsn"),
            Always("commit_time_us", "when it was rolled back"),
            XID,
            GID,
            Always("detail", "walstream_rollback_detail: which PREPARE"),
        ],
        flags: &[],
    },
    Row {
        kind: Kind::STREAM_START,
        what: "as-sent: a block of a transaction without an end begins. Blocks of several take turns.",
        fields: &[Sometimes("lsn", "of the transaction's first change; 0 when an ORIGIN follows"), XID],
        flags: BLOCK,
    },
    Row {
        kind: Kind::STREAM_STOP,
        what: "as-sent: the block ends.",
        fields: &[Always("lsn", "of the block's last change"), XID],
        flags: BLOCK,
    },
    Row {
        kind: Kind::STREAM_COMMIT,
        what: "as-sent: the transaction of all those blocks committed.",
        fields: &[
            COMMIT_LSN,
            Always("seq", "UINT64_MAX"),
            Always("lsn", "as commit_lsn"),
            Always("ack_lsn", "the end of the commit record"),
            COMMIT_TIME,
            XID,
        ],
        flags: STREAMED,
    },
    Row {
        kind: Kind::STREAM_ABORT,
        what: "as-sent: a subtransaction was rolled back, or the transaction itself. Forget what it sent, and what came after it in \
               its subtransaction's parents; one that sent nothing may be told, too.",
        fields: &[
            Always("lsn", "of the abort with streaming=parallel, else of the message"),
            Sometimes("commit_time_us", "when, with streaming=parallel"),
            XID,
            Always("subxid", "what was rolled back; equal to xid: all"),
        ],
        flags: BLOCK,
    },
    Row {
        kind: Kind::STREAM_PREPARE,
        what: "as-sent: the transaction of all those blocks is prepared.",
        fields: &[
            Always("commit_lsn", "the start of the PREPARE's record"),
            Always("seq", "UINT64_MAX"),
            Always("lsn", "as commit_lsn"),
            Sometimes("ack_lsn", "as PREPARE's"),
            Always("commit_time_us", "when it was prepared"),
            XID,
            GID,
        ],
        flags: STREAMED,
    },
    Row {
        kind: Kind::INTERRUPTED,
        what: "as-sent and RAW: the connection was lost. Forget all transactions without an end: each comes again whole, or never.",
        fields: &[],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::POSITION,
        what: "idle_advance=host: nothing is pending up to here.",
        fields: &[Always("lsn", "the server's position"), Always("ack_lsn", "as lsn")],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::RAW,
        what: "What another output plugin wrote.",
        fields: &[
            Sometimes("lsn", "the position that the server gave with it"),
            Sometimes("ack_lsn", "as lsn; only that of a transaction's last event confirms the transaction"),
            Always("payload", "the output"),
        ],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::WAL,
        what: "Physical replication: a piece of the write-ahead log.",
        fields: &[
            Always("lsn", "where the payload begins"),
            Always("ack_lsn", "where it ends"),
            Always("commit_time_us", "when it was sent"),
            Always("payload", "the bytes"),
            Always("detail", "walstream_timeline_detail with the timeline"),
        ],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::TIMELINE,
        what: "Physical replication: the server went over to another timeline.",
        fields: &[
            Always("lsn", "where the new one begins"),
            Always("name", "the history file's name"),
            Always("payload", "its content"),
            Always("detail", "walstream_timeline_detail"),
        ],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::BACKUP_START,
        what: "Base backup: it begins.",
        fields: &[
            Always("lsn", "from here on the write-ahead log is needed"),
            Always("detail", "walstream_backup_detail: timeline and tablespaces"),
        ],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::ARCHIVE_BEGIN,
        what: "Base backup: an archive begins.",
        fields: &[
            Always("name", "its file name"),
            Always("detail", "walstream_tablespace_detail: whose it is"),
        ],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::BACKUP_DATA,
        what: "Base backup: the next piece of the archive or manifest.",
        fields: &[Always("payload", "the bytes")],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::BACKUP_PROGRESS,
        what: "Base backup: how far it is.",
        fields: &[Always("detail", "walstream_progress_detail")],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::MANIFEST_BEGIN,
        what: "Base backup: the manifest begins.",
        fields: &[Always("name", "its file name")],
        flags: NO_IDENTITY,
    },
    Row {
        kind: Kind::BACKUP_END,
        what: "Base backup: all was sent.",
        fields: &[
            Always("lsn", "up to here the write-ahead log is needed"),
            Always("detail", "walstream_backup_detail: the timeline, and no tablespaces"),
        ],
        flags: NO_IDENTITY,
    },
];

impl Filled {
    pub fn name(&self) -> &'static str {
        match self {
            Always(name, _) | Sometimes(name, _) => name,
        }
    }
}

/// Every field beside kind and flags, and whether the event has it.
pub fn filled(event: &Event) -> [(&'static str, bool); 13] {
    [
        ("commit_lsn", event.commit_lsn != 0),
        ("seq", event.seq != 0),
        ("lsn", event.lsn != 0),
        ("ack_lsn", event.ack_lsn != 0),
        ("commit_time_us", event.commit_time_us != 0),
        ("xid", event.xid != 0),
        ("subxid", event.subxid != 0),
        ("relation", !event.relation.is_null()),
        ("new_values", !event.new_values.is_null()),
        ("old_values", !event.old_values.is_null()),
        ("detail", !event.detail.is_null()),
        ("name", !event.name.is_null()),
        ("payload", !event.payload.is_null()),
    ]
}

/// Holds an event against the table.
pub fn check(event: &Event) {
    let row = TABLE.iter().find(|row| row.kind as u32 == event.kind).expect("a known kind");
    // A table may have no columns, and a row of it no values.
    // SAFETY: the event is alive, and its relation with it.
    let bare = unsafe { event.relation.as_ref() }.is_some_and(|relation| relation.column_count == 0);
    for (name, there) in filled(event) {
        match row.fields.iter().find(|field| field.name() == name) {
            Some(Always(..)) => assert!(there || bare, "{name} is missing: {:?} {event:?}", row.kind),
            Some(Sometimes(..)) => {}
            None => assert!(!there, "{name} is filled: {:?} {event:?}", row.kind),
        }
    }
    let allowed = row.flags.iter().fold(0, |flags, flag| flags | *flag as u32);
    assert_eq!(event.flags & !allowed, 0, "flags of {:?}: {event:?}", row.kind);
    for (values, count) in [("new_values", event.new_count), ("old_values", event.old_count)] {
        let there = filled(event).iter().any(|(name, there)| *name == values && *there);
        assert_eq!(there, count > 0, "{values} and their count: {event:?}");
    }
    assert_eq!(
        event.old_kind != 0,
        !event.old_values.is_null() || (bare && event.old_kind != 0),
        "{event:?}"
    );
}
