//! One event as one JSON object on one line: docs/json.md, as code.
//!
//! Owns the names and the order of the fields. Same event, same bytes. What an event does not have is left out. The
//! result is always valid JSON in valid UTF-8, whatever the server sent.

#![forbid(unsafe_code)]

mod embedded;
mod row;
mod writer;

use super::event::{Event, EventFlag, Kind, OldKind};
use super::sink::Sink;
use super::view::{ColumnView, EventView, RelationView};
use writer::Object;

/// Writes the object, without a newline.
pub fn write_event(event: &EventView<'_>, sink: &mut dyn Sink) {
    Object::write(sink, |object| {
        let kind = event.kind();
        object.ascii("kind", kind.map_or("unknown", kind_name));
        if let Some(op) = kind.and_then(op) {
            object.ascii("op", op);
        }
        table(event.relation(), object);
        identity(event.fields(), object);
        match kind {
            Some(kind) => body(kind, event, object),
            None => other(event, object),
        }
    });
}

fn kind_name(kind: Kind) -> &'static str {
    let name = Kind::ALL.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name);
    name.and_then(|name| name.to_str().ok()).unwrap_or("unknown")
}

/// What changes data.
fn op(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::INSERT => Some("insert"),
        Kind::UPDATE => Some("update"),
        Kind::DELETE => Some("delete"),
        Kind::TRUNCATE => Some("truncate"),
        _ => None,
    }
}

fn table(relation: Option<RelationView<'_>>, object: &mut Object<'_>) {
    if let Some(relation) = relation {
        object.text("schema", relation.schema());
        object.text("table", relation.name());
    }
}

/// Which change, of which transaction, where and when.
fn identity(event: &Event, object: &mut Object<'_>) {
    object.lsn_unless_0("commit_lsn", event.commit_lsn);
    if event.flags & EventFlag::NO_IDENTITY as u32 == 0 && event.commit_lsn != 0 {
        object.number("seq", event.seq);
    }
    object.lsn_unless_0("lsn", event.lsn);
    object.lsn_unless_0("ack_lsn", event.ack_lsn);
    if event.xid != 0 {
        object.number("xid", event.xid);
    }
    if event.subxid != 0 {
        object.number("subxid", event.subxid);
    }
    object.time_unless_0("commit_time", event.commit_time_us);
    if event.flags & EventFlag::STREAMED as u32 != 0 {
        object.flag("streamed", true);
    }
}

fn body(kind: Kind, event: &EventView<'_>, object: &mut Object<'_>) {
    match kind {
        Kind::INSERT | Kind::UPDATE | Kind::DELETE => row::write(event, object),
        Kind::RELATION => definition(event, object),
        Kind::TRUNCATE => truncate(event, object),
        Kind::MESSAGE => {
            object.flag("transactional", event.fields().flags & EventFlag::TRANSACTIONAL as u32 != 0);
            object.text_if("prefix", event.name());
            object.payload_if("content", event.payload());
        }
        Kind::TYPE => {
            if let Some((schema, name, oid)) = event.type_detail() {
                object.text("schema", schema);
                object.text("type", name);
                object.number("oid", oid);
            }
        }
        Kind::ORIGIN => {
            object.text_if("origin", event.name());
            object.lsn_unless_0("origin_lsn", event.origin_detail().map_or(0, |detail| detail.origin_lsn));
        }
        Kind::BEGIN_PREPARE | Kind::PREPARE | Kind::COMMIT_PREPARED | Kind::STREAM_PREPARE => {
            object.text_if("gid", event.name());
        }
        Kind::ROLLBACK_PREPARED => {
            object.text_if("gid", event.name());
            if let Some(detail) = event.rollback_detail() {
                object.lsn_unless_0("prepare_end_lsn", detail.prepare_end_lsn);
                object.time_unless_0("prepare_time", detail.prepare_time_us);
            }
        }
        Kind::WAL | Kind::BACKUP_DATA => object.base64("payload", event.payload().unwrap_or_default()),
        Kind::TIMELINE => {
            if let Some(detail) = event.timeline_detail() {
                object.number("timeline", detail.timeline);
                object.number("old_timeline", detail.old_timeline);
                object.lsn_unless_0("switch_lsn", detail.switch_lsn);
            }
            other(event, object);
        }
        Kind::BACKUP_START => {
            other(event, object);
            object.array("tablespaces", event.tablespaces(), |(oid, location, size), object| {
                object.number("oid", oid);
                object.text("location", location);
                object.number("size", size);
            });
        }
        Kind::BACKUP_PROGRESS => {
            if let Some(detail) = event.progress_detail() {
                object.number("done", detail.done);
                object.number("total", detail.total);
            }
        }
        _ => other(event, object),
    }
}

/// What any kind may have.
fn other(event: &EventView<'_>, object: &mut Object<'_>) {
    object.text_if("name", event.name());
    object.payload_if("payload", event.payload());
}

fn definition(event: &EventView<'_>, object: &mut Object<'_>) {
    let Some(relation) = event.relation() else { return };
    object.number("oid", relation.fields().oid);
    object.ascii("replica_identity", replica_identity(relation));
    object.array("columns", relation.columns(), column);
}

fn replica_identity(relation: RelationView<'_>) -> &'static str {
    match u8::try_from(relation.fields().replica_identity) {
        Ok(b'd') => "default",
        Ok(b'n') => "nothing",
        Ok(b'f') => "full",
        Ok(b'i') => "index",
        _ => "unknown",
    }
}

fn column(column: ColumnView<'_>, object: &mut Object<'_>) {
    object.text("name", column.name());
    object.text("type", column.type_name());
    object.number("type_oid", column.fields().type_oid);
    if column.fields().type_modifier != -1 {
        object.number("type_modifier", column.fields().type_modifier);
    }
    object.flag("key", column.is_key());
}

fn truncate(event: &EventView<'_>, object: &mut Object<'_>) {
    let flags = event.fields().flags;
    object.flag("cascade", flags & EventFlag::TRUNCATE_CASCADE as u32 != 0);
    object.flag("restart_identity", flags & EventFlag::RESTART_IDENTITY as u32 != 0);
    object.array("relations", event.truncated(), |relation, object| {
        table(Some(relation), object);
        object.number("oid", relation.fields().oid);
    });
}

/// Which of an old row's columns there are.
fn old_kind_name(kind: OldKind) -> Option<&'static str> {
    match kind {
        OldKind::NONE => None,
        OldKind::KEY => Some("key"),
        OldKind::FULL => Some("full"),
    }
}
