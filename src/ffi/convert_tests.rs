//! The contracts with the host's memory, and an event of each kind as JSON.

use std::ffi::CStr;
use std::ptr::{null, null_mut};

use super::*;
use crate::model::event::{
    BackupDetail, LAST_SEQ, OriginDetail, ProgressDetail, RollbackDetail, TablespaceDetail, TimelineDetail,
    TypeDetail,
};
use crate::model::relation::{ColumnDefinition, Definition};
use crate::model::{EventFlag, Kind, OldKind, Relation, RelationDef, ValueKind};

const OK: i32 = Code::OK as i32;
const REFUSED: i32 = Code::E_ARGUMENT as i32;

fn text(text: &'static CStr) -> Value {
    Value { data: text.as_ptr(), size: text.count_bytes() as u32, kind: ValueKind::TEXT as u32 }
}

fn binary(bytes: &'static [u8]) -> Value {
    Value { data: bytes.as_ptr().cast(), size: bytes.len() as u32, kind: ValueKind::BINARY as u32 }
}

fn empty(kind: ValueKind) -> Value {
    Value { data: null(), size: 0, kind: kind as u32 }
}

fn json(event: &Event) -> String {
    let mut buffer = [0x55_u8; 2000];
    let mut needed = 0;
    // SAFETY: an event that is alive, a buffer of that size.
    let code =
        unsafe { walstream_event_to_json(event, buffer.as_mut_ptr().cast(), buffer.len(), &mut needed) };
    assert_eq!(code, OK);
    assert_eq!(buffer[needed], 0);
    String::from_utf8(buffer[..needed].to_vec()).unwrap()
}

fn column(name: &'static str, type_oid: u32, key: bool) -> ColumnDefinition<'static> {
    ColumnDefinition { name: name.as_bytes(), type_name: b"", type_oid, type_modifier: -1, key }
}

fn relation(replica_identity: u8, columns: Vec<ColumnDefinition<'_>>) -> RelationDef {
    let definition = Definition { oid: 16_400, schema: b"public", name: b"t\"x", replica_identity, columns };
    RelationDef::new(&definition).unwrap()
}

fn change(kind: Kind) -> Event {
    Event { commit_lsn: 0x1_0000_0010, seq: 2, lsn: 0x1_0000_0000, xid: 700, ..Event::new(kind) }
}

const IDENTITY: &str = r#""commit_lsn":"1/10","seq":2,"lsn":"1/0","xid":700"#;

#[test]
fn what_is_refused_leaves_the_result_alone() {
    let number = text(c"12");
    let mut out = 7_i64;
    // SAFETY: values and places that are alive, or NULL.
    unsafe {
        assert_eq!(walstream_value_to_int64(null(), 20, &mut out), REFUSED);
        assert_eq!(walstream_value_to_int64(&number, 20, null_mut()), REFUSED);
        assert_eq!(walstream_value_to_int64(&number, 25, &mut out), REFUSED);
        for kind in [ValueKind::NULL, ValueKind::UNCHANGED, ValueKind::NOT_SENT] {
            assert_eq!(walstream_value_to_int64(&empty(kind), 20, &mut out), REFUSED);
        }
        assert_eq!(walstream_value_to_int64(&Value { kind: 99, ..number }, 20, &mut out), REFUSED);
        assert_eq!(walstream_value_to_int64(&Value { data: null(), ..number }, 20, &mut out), REFUSED);
        assert_eq!(out, 7);
        assert_eq!(walstream_value_to_int64(&number, 20, &mut out), OK);
    }
    assert_eq!(out, 12);
}

#[test]
fn bytes_come_whole_or_not_at_all() {
    let value = text(c"\\x00ff10");
    let mut buffer = [0x55; 4];
    let mut needed = 0;
    // SAFETY: as above.
    unsafe {
        assert_eq!(walstream_value_to_bytes(&value, 17, null_mut(), 0, &mut needed), OK);
        assert_eq!(needed, 3);
        assert_eq!(walstream_value_to_bytes(&value, 17, buffer.as_mut_ptr(), 2, &mut needed), OK);
        assert_eq!((needed, buffer), (3, [0x55; 4]));
        assert_eq!(walstream_value_to_bytes(&value, 17, buffer.as_mut_ptr(), 3, null_mut()), OK);
        assert_eq!(buffer, [0, 0xFF, 0x10, 0x55]);
        needed = 7;
        assert_eq!(
            walstream_value_to_bytes(&text(c"\\x0"), 17, buffer.as_mut_ptr(), 4, &mut needed),
            REFUSED
        );
        assert_eq!(walstream_value_to_bytes(&value, 17, null_mut(), 4, &mut needed), REFUSED);
    }
    assert_eq!((needed, buffer), (7, [0, 0xFF, 0x10, 0x55]));
}

#[test]
fn text_comes_whole_or_not_at_all() {
    let value = binary(&[0, 0, 4, 0]);
    let mut buffer = [0x55_i8; 6];
    let mut needed = 0;
    // SAFETY: as above.
    unsafe {
        assert_eq!(walstream_value_to_text(&value, 23, null_mut(), 0, &mut needed), OK);
        assert_eq!(needed, 4);
        assert_eq!(walstream_value_to_text(&value, 23, buffer.as_mut_ptr(), 4, null_mut()), OK);
        assert_eq!(buffer[0], 0);
        assert_eq!(walstream_value_to_text(&value, 23, buffer.as_mut_ptr(), 5, null_mut()), OK);
        assert_eq!(buffer.map(|byte| byte as u8), *b"1024\0U");
        assert_eq!(walstream_value_to_text(&value, 16_384, buffer.as_mut_ptr(), 5, &mut needed), REFUSED);
        assert_eq!(walstream_value_to_text(&value, 23, null_mut(), 1, &mut needed), REFUSED);
        assert_eq!(buffer.map(|byte| byte as u8), *b"1024\0U");
    }
}

#[test]
fn json_counts_what_it_needs() {
    let event = Event::new(Kind::STREAM_STOP);
    let expected = r#"{"kind":"STREAM_STOP"}"#;
    let mut needed = 0;
    let mut buffer = [0x55_i8; 40];
    // SAFETY: as above.
    unsafe {
        assert_eq!(walstream_event_to_json(&event, null_mut(), 0, &mut needed), OK);
        assert_eq!(needed, expected.len());
        assert_eq!(walstream_event_to_json(&event, buffer.as_mut_ptr(), needed, &mut needed), OK);
        assert_eq!(buffer[0], 0);
        assert_eq!(walstream_event_to_json(&event, buffer.as_mut_ptr(), needed + 1, null_mut()), OK);
        assert_eq!(CStr::from_ptr(buffer.as_ptr()).to_str(), Ok(expected));
        assert_eq!(buffer[needed + 1], 0x55);
        assert_eq!(walstream_event_to_json(null(), null_mut(), 0, &mut needed), REFUSED);
        assert_eq!(walstream_event_to_json(&event, null_mut(), 10, &mut needed), REFUSED);
    }
}

#[test]
fn begin_and_commit() {
    let time = 1_714_558_830_123_456;
    let begin = Event { seq: 1, commit_time_us: time, ..change(Kind::BEGIN) };
    let expected = r#"{"kind":"BEGIN","commit_lsn":"1/10","seq":1,"lsn":"1/0","xid":700,"commit_time":"2024-05-01T10:20:30.123456Z"}"#;
    assert_eq!(json(&begin), expected);
    let commit = Event { seq: LAST_SEQ, ack_lsn: 0x1_0000_0040, ..change(Kind::COMMIT) };
    let expected = r#"{"kind":"COMMIT","commit_lsn":"1/10","seq":18446744073709551615,"lsn":"1/0","ack_lsn":"1/40","xid":700}"#;
    assert_eq!(json(&commit), expected);
}

/// An INSERT with one column of this type.
fn value_json(type_oid: u32, value: Value) -> String {
    let relation = relation(b'n', vec![column("c", type_oid, false)]);
    let event =
        Event { relation: relation.as_c(), new_values: &value, new_count: 1, ..Event::new(Kind::INSERT) };
    let json = json(&event);
    let head = r#"{"kind":"INSERT","op":"insert","schema":"public","table":"t\"x","after":{"c":"#;
    let value = json.strip_prefix(head).and_then(|rest| rest.strip_suffix("}}"));
    value.unwrap_or_else(|| panic!("{json}")).to_owned()
}

#[test]
fn values_keep_their_types() {
    for (type_oid, value, expected) in [
        (16, text(c"t"), "true"),
        (16, binary(&[0]), "false"),
        (16, text(c"maybe"), r#""maybe""#),
        (21, text(c"-5"), "-5"),
        (23, binary(&[0, 0, 0, 5]), "5"),
        (20, text(c"9223372036854775807"), "9223372036854775807"),
        (26, text(c"4294967295"), "4294967295"),
        (23, text(c"x"), r#""x""#),
        (23, binary(&[1, 2, 3]), r#"{"base64":"AQID"}"#),
        (700, text(c"1e+20"), "1e+20"),
        (701, text(c"NaN"), r#""NaN""#),
        (701, binary(&[0x7F, 0xF0, 0, 0, 0, 0, 0, 0]), r#""Infinity""#),
        (701, binary(&[0x3F, 0xB9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A]), "0.1"),
        (1700, text(c"12345678901234567890.1234567890"), "12345678901234567890.1234567890"),
        (1700, text(c"NaN"), r#""NaN""#),
        (1700, binary(&[0, 1, 0, 0, 0x40, 0, 0, 2, 0, 12]), "-12.00"),
        (1700, binary(&[0, 0, 0, 0, 0xC0, 0, 0, 0]), r#""NaN""#),
        (114, text(c"{\"a\":\n [1, 2.50]}"), r#"{"a":[1,2.50]}"#),
        (3802, binary(b"\x01[null, \"a b\"]"), r#"[null,"a b"]"#),
        (3802, text(c"null"), "null"),
        (114, text(c"{\"a\":\"\\ud800\"}"), r#""{\"a\":\"\\ud800\"}""#),
        (114, text(c"\xE4"), "\"\u{FFFD}\""),
        (25, text(c"a\tb"), r#""a\tb""#),
        (25, binary("ä".as_bytes()), r#""ä""#),
        (1184, text(c"2024-05-01 10:20:30+00"), r#""2024-05-01 10:20:30+00""#),
        (1082, binary(&[0, 0, 0, 0]), r#""2000-01-01""#),
        (17, binary(&[0, 255]), r#""\\x00ff""#),
        (1007, text(c"{1,2}"), r#""{1,2}""#),
        (16_385, text(c"glad"), r#""glad""#),
        (16_385, binary(b"glad"), r#"{"base64":"Z2xhZA=="}"#),
        (25, empty(ValueKind::NULL), "null"),
    ] {
        assert_eq!(value_json(type_oid, value), expected, "{type_oid}");
    }
}

#[test]
fn rows_tell_null_unchanged_and_not_sent_apart() {
    let relation =
        relation(b'd', vec![column("id", 23, true), column("wide", 25, false), column("note", 25, false)]);
    let new = [text(c"1"), empty(ValueKind::UNCHANGED), empty(ValueKind::NULL)];
    let old = [text(c"2"), empty(ValueKind::NOT_SENT), empty(ValueKind::NOT_SENT)];
    let update = Event {
        relation: relation.as_c(),
        new_values: new.as_ptr(),
        new_count: 3,
        old_values: old.as_ptr(),
        old_count: 3,
        old_kind: OldKind::KEY as u32,
        ..change(Kind::UPDATE)
    };
    let head = |kind, op| {
        format!(r#"{{"kind":"{kind}","op":"{op}","schema":"public","table":"t\"x",{IDENTITY},"key":["id"]"#)
    };
    let expected =
        r#","old_kind":"key","before":{"id":2},"after":{"id":1,"note":null},"unchanged":["wide"]}"#;
    assert_eq!(json(&update), head("UPDATE", "update") + expected);

    let plain = Event { old_values: null(), old_count: 0, old_kind: OldKind::NONE as u32, ..update };
    assert_eq!(
        json(&plain),
        head("UPDATE", "update") + r#","after":{"id":1,"note":null},"unchanged":["wide"]}"#
    );

    let delete = Event { kind: Kind::DELETE as u32, new_values: null(), new_count: 0, ..update };
    assert_eq!(json(&delete), head("DELETE", "delete") + r#","old_kind":"key","before":{"id":2}}"#);
}

#[test]
fn full_old_rows_have_no_key() {
    let relation = relation(b'f', vec![column("id", 23, true)]);
    let old = [text(c"2")];
    let flags = EventFlag::STREAMED as u32 | EventFlag::NO_IDENTITY as u32;
    let delete = Event {
        flags,
        relation: relation.as_c(),
        old_values: old.as_ptr(),
        old_count: 1,
        old_kind: OldKind::FULL as u32,
        subxid: 701,
        ..Event { commit_lsn: 0, ..change(Kind::DELETE) }
    };
    let expected = concat!(
        r#"{"kind":"DELETE","op":"delete","schema":"public","table":"t\"x","lsn":"1/0","xid":700,"subxid":701,"streamed":true,"#,
        r#""old_kind":"full","before":{"id":2}}"#
    );
    assert_eq!(json(&delete), expected);
}

#[test]
fn definitions() {
    let typed = ColumnDefinition { type_name: b"varchar", type_modifier: 24, ..column("name", 1043, false) };
    let relation = relation(b'i', vec![column("id", 23, true), typed]);
    let event = Event {
        flags: EventFlag::NO_IDENTITY as u32,
        seq: 0,
        relation: relation.as_c(),
        ..change(Kind::RELATION)
    };
    let expected = concat!(
        r#"{"kind":"RELATION","schema":"public","table":"t\"x","commit_lsn":"1/10","lsn":"1/0","xid":700,"oid":16400,"#,
        r#""replica_identity":"index","columns":[{"name":"id","type":"","type_oid":23,"key":true},"#,
        r#"{"name":"name","type":"varchar","type_oid":1043,"type_modifier":24,"key":false}]}"#
    );
    assert_eq!(json(&event), expected);

    let detail = TypeDetail { schema: c"public".as_ptr(), name: c"mood".as_ptr(), oid: 16_385, reserved: 0 };
    let event = Event { detail: (&raw const detail).cast(), detail_count: 1, ..Event::new(Kind::TYPE) };
    assert_eq!(json(&event), r#"{"kind":"TYPE","schema":"public","type":"mood","oid":16385}"#);
}

#[test]
fn truncate() {
    let relations = [relation(b'd', vec![]), relation(b'd', vec![])];
    let pointers: [*const Relation; 2] = [relations[0].as_c(), relations[1].as_c()];
    let event = Event {
        flags: EventFlag::RESTART_IDENTITY as u32,
        detail: pointers.as_ptr().cast(),
        detail_count: 2,
        ..change(Kind::TRUNCATE)
    };
    let one = r#"{"schema":"public","table":"t\"x","oid":16400}"#;
    let expected = format!(
        r#"{{"kind":"TRUNCATE","op":"truncate",{IDENTITY},"cascade":false,"restart_identity":true,"relations":[{one},{one}]}}"#
    );
    assert_eq!(json(&event), expected);
}

/// `event` with a name and a payload.
fn with(event: Event, name: &'static CStr, payload: &'static [u8]) -> Event {
    let (payload_len, name_len) = (payload.len() as u32, name.count_bytes() as u32);
    Event { name: name.as_ptr(), name_len, payload: payload.as_ptr(), payload_len, ..event }
}

#[test]
fn messages() {
    let message = Event { flags: EventFlag::TRANSACTIONAL as u32, ..change(Kind::MESSAGE) };
    for (event, expected) in [
        (with(message, c"p", b"{}\0"), r#""transactional":true,"prefix":"p","content":"{}\u0000"}"#),
        (with(message, c"", b""), r#""transactional":true,"prefix":"","content":""}"#),
        (with(message, c"p", b"\xFF"), r#""transactional":true,"prefix":"p","content":{"base64":"/w=="}}"#),
    ] {
        assert_eq!(json(&event), format!(r#"{{"kind":"MESSAGE",{IDENTITY},{expected}"#));
    }
    let alone =
        with(Event { commit_lsn: 16, seq: 0, lsn: 16, ack_lsn: 16, ..Event::new(Kind::MESSAGE) }, c"p", b"x");
    let expected = concat!(
        r#"{"kind":"MESSAGE","commit_lsn":"0/10","seq":0,"lsn":"0/10","ack_lsn":"0/10","#,
        r#""transactional":false,"prefix":"p","content":"x"}"#
    );
    assert_eq!(json(&alone), expected);
}

#[test]
fn two_phase_and_origins() {
    for kind in [Kind::BEGIN_PREPARE, Kind::PREPARE, Kind::COMMIT_PREPARED, Kind::STREAM_PREPARE] {
        let event = Event { payload: null(), ..with(change(kind), c"g'1", b"") };
        assert_eq!(json(&event), format!(r#"{{"kind":"{kind:?}",{IDENTITY},"gid":"g'1"}}"#));
    }
    let detail = RollbackDetail { prepare_end_lsn: 0x20, prepare_time_us: 1 };
    let event =
        Event { detail: (&raw const detail).cast(), detail_count: 1, ..change(Kind::ROLLBACK_PREPARED) };
    let expected = r#""prepare_end_lsn":"0/20","prepare_time":"1970-01-01T00:00:00.000001Z"}"#;
    assert_eq!(json(&event), format!(r#"{{"kind":"ROLLBACK_PREPARED",{IDENTITY},{expected}"#));

    let detail = OriginDetail { origin_lsn: 0x30 };
    let event = Event { detail: (&raw const detail).cast(), detail_count: 1, ..Event::new(Kind::ORIGIN) };
    let event = Event { payload: null(), ..with(event, c"node", b"") };
    assert_eq!(json(&event), r#"{"kind":"ORIGIN","origin":"node","origin_lsn":"0/30"}"#);
}

#[test]
fn physical_kinds() {
    let wal = with(Event { lsn: 16, ..Event::new(Kind::WAL) }, c"", b"abc");
    assert_eq!(
        json(&Event { name: null(), ..wal }),
        r#"{"kind":"WAL","lsn":"0/10","payload":{"base64":"YWJj"}}"#
    );

    let detail = TimelineDetail { switch_lsn: 0x40, timeline: 2, old_timeline: 1 };
    let event = Event { detail: (&raw const detail).cast(), detail_count: 1, ..Event::new(Kind::TIMELINE) };
    let expected = concat!(
        r#"{"kind":"TIMELINE","timeline":2,"old_timeline":1,"switch_lsn":"0/40","name":"00000002.history","#,
        r#""payload":"1\t0/40\n"}"#
    );
    assert_eq!(json(&with(event, c"00000002.history", b"1\t0/40\n")), expected);

    let spaces = [(c"", -1, 0), (c"/a b", 5, 16_500)].map(|(location, size, oid)| TablespaceDetail {
        location: location.as_ptr(),
        size,
        oid,
        location_len: location.count_bytes() as u32,
    });
    let detail = BackupDetail { timeline: 1, tablespace_count: 2, tablespaces: spaces.as_ptr() };
    let event =
        Event { detail: (&raw const detail).cast(), detail_count: 1, ..Event::new(Kind::BACKUP_START) };
    let expected = concat!(
        r#"{"kind":"BACKUP_START","tablespaces":[{"oid":0,"location":"","size":-1},"#,
        r#"{"oid":16500,"location":"/a b","size":5}]}"#
    );
    assert_eq!(json(&event), expected);

    let detail = ProgressDetail { done: 1, total: 0 };
    let event =
        Event { detail: (&raw const detail).cast(), detail_count: 1, ..Event::new(Kind::BACKUP_PROGRESS) };
    assert_eq!(json(&event), r#"{"kind":"BACKUP_PROGRESS","done":1,"total":0}"#);

    let event = Event { payload: null(), ..with(Event::new(Kind::ARCHIVE_BEGIN), c"base.tar", b"") };
    assert_eq!(json(&event), r#"{"kind":"ARCHIVE_BEGIN","name":"base.tar"}"#);
}

#[test]
fn a_kind_of_no_detail_and_an_unknown_one() {
    for (kind, _) in Kind::ALL {
        assert!(json(&Event::new(kind)).starts_with(&format!(r#"{{"kind":"{kind:?}""#)));
    }
    assert_eq!(json(&Event { kind: 999, ..Event::new(Kind::BEGIN) }), r#"{"kind":"unknown"}"#);
}

#[test]
fn every_kind_has_an_example_in_the_manual() {
    let manual = include_str!("../../docs/json.md");
    for (kind, _) in Kind::ALL {
        assert!(manual.contains(&format!("\n{{\"kind\":\"{kind:?}\"")), "{kind:?}");
    }
}
