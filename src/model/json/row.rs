//! A changed row: its key's names, the old and the new values, and which values did not come.

#![forbid(unsafe_code)]

use super::writer::{Object, escape_into};
use super::{embedded, old_kind_name};
use crate::model::convert::{self, oid};
use crate::model::event::OldKind;
use crate::model::sink::Sink;
use crate::model::view::{ColumnView, Datum, EventView};

/// The part of an INSERT, UPDATE or DELETE that is about its row.
pub fn write(event: &EventView<'_>, object: &mut Object<'_>) {
    key(event, object);
    if let Some(kind) = old_kind_name(event.old_kind()) {
        object.ascii("old_kind", kind);
    }
    if event.old_kind() != OldKind::NONE {
        object.object("before", |object| values(event.old_values(), object));
    }
    if event.fields().new_count > 0 {
        object.object("after", |object| values(event.new_values(), object));
    }
    let unchanged = |(_, datum): &(_, _)| *datum == Datum::Unchanged;
    if event.new_values().any(|value| unchanged(&value)) {
        object.texts("unchanged", event.new_values().filter(unchanged).map(|(column, _)| column.name()));
    }
}

/// Under REPLICA IDENTITY FULL every column has the flag, and none is a key.
fn key(event: &EventView<'_>, object: &mut Object<'_>) {
    let Some(relation) = event.relation() else { return };
    if relation.fields().key_count > 0 && relation.fields().replica_identity != u32::from(b'f') {
        object.texts("key", relation.columns().filter(ColumnView::is_key).map(|column| column.name()));
    }
}

fn values<'a>(row: impl Iterator<Item = (ColumnView<'a>, Datum<'a>)>, object: &mut Object<'_>) {
    for (column, datum) in row {
        if !matches!(datum, Datum::Unchanged | Datum::NotSent) {
            value(datum, column.fields().type_oid, object.field(column.name()));
        }
    }
}

/// By its type: a JSON value as such, everything that JSON has no word for as a string.
fn value(datum: Datum<'_>, type_oid: u32, sink: &mut dyn Sink) {
    let mark = sink.mark();
    let result = match (datum, type_oid) {
        (Datum::Null, _) => {
            sink.put(b"null");
            Ok(())
        }
        (_, oid::BOOL) => convert::to_bool(datum, type_oid).map(|value| {
            let word: &[u8] = if value { b"true" } else { b"false" };
            sink.put(word);
        }),
        (_, oid::INT2 | oid::INT4 | oid::INT8 | oid::OID | oid::FLOAT4 | oid::FLOAT8 | oid::NUMERIC) => {
            number(datum, type_oid, sink)
        }
        (Datum::Text(text), oid::JSON | oid::JSONB) | (Datum::Binary(text), oid::JSON) => {
            embed(text, sink);
            Ok(())
        }
        (Datum::Binary([1, text @ ..]), oid::JSONB) => {
            embed(text, sink);
            Ok(())
        }
        _ => string(datum, type_oid, sink),
    };
    if result.is_err() {
        // A binary form that nobody here knows, or bytes that are not what their type says.
        sink.rewind(mark);
        match datum {
            Datum::Text(text) => escape_into(text, sink),
            Datum::Binary(bytes) => super::writer::base64_into(bytes, sink),
            _ => sink.put(b"null"),
        }
    }
}

fn number(datum: Datum<'_>, type_oid: u32, sink: &mut dyn Sink) -> Result<(), convert::ConvertError> {
    match datum {
        Datum::Text(text) if embedded::is_number(text) => {
            sink.put(text);
            Ok(())
        }
        Datum::Binary(_) if convert::is_finite(datum, type_oid) => convert::to_text(datum, type_oid, sink),
        _ => string(datum, type_oid, sink),
    }
}

/// A json column of a SQL_ASCII database may hold anything.
fn embed(text: &[u8], sink: &mut dyn Sink) {
    if embedded::is_valid(text) { embedded::write_compact(text, sink) } else { escape_into(text, sink) }
}

fn string(datum: Datum<'_>, type_oid: u32, sink: &mut dyn Sink) -> Result<(), convert::ConvertError> {
    if let Datum::Text(text) = datum {
        escape_into(text, sink);
        return Ok(());
    }
    // Whole before it is escaped: a character may not be cut in two.
    let mut text = Vec::new();
    convert::to_text(datum, type_oid, &mut text)?;
    escape_into(&text, sink);
    Ok(())
}
