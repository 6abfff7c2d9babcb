//! The decoder against what real servers sent: every `*.hex` beside this file, written by scripts/capture-pgoutput.

mod differential;
mod naive;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use walstream::lsn::{Lsn, Oid, Xid};
use walstream::wire::{
    Decoded, FieldKind, Fields, Head, Message, OldTuple, Position, ReplicaIdentity, WireError,
};

/// One line of a capture.
struct Line {
    /// Where the server places the message.
    lsn: Lsn,
    payload: Vec<u8>,
    position: Position,
}

struct Capture {
    /// Such as `18-parallel`.
    name: String,
    lines: Vec<Line>,
}

impl Line {
    fn decode(&self, fields: &mut Fields) -> Result<Decoded, WireError> {
        Message::decode(&self.payload, self.position, fields)
    }
}

/// All captures. The position is followed by the tags alone, so that the decoder does not check itself.
fn captures() -> Vec<Capture> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let mut captures = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "hex") {
            continue;
        }
        let mut position = Position::Plain;
        let mut lines = Vec::new();
        for line in fs::read_to_string(&path).unwrap().lines().filter(|line| !line.starts_with('#')) {
            let (lsn, payload) = line.split_once(' ').unwrap();
            let payload = unhex(payload);
            let tag = payload[0];
            lines.push(Line { lsn: lsn.parse().unwrap(), payload, position });
            match tag {
                b'S' => position = Position::InBlock,
                b'E' => position = Position::Plain,
                _ => {}
            }
        }
        assert_eq!(position, Position::Plain, "{path:?} ends inside a block");
        captures.push(Capture { name: path.file_stem().unwrap().to_str().unwrap().to_owned(), lines });
    }
    captures
}

fn capture(name: &str) -> Capture {
    captures().into_iter().find(|capture| capture.name == name).unwrap()
}

fn unhex(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn the_captures_are_there() {
    let names: HashSet<String> = captures().into_iter().map(|capture| capture.name).collect();
    for major in ["14", "16", "18"] {
        for kind in ["plain", "binary", "stream"] {
            assert!(names.contains(&format!("{major}-{kind}")));
        }
        for kind in ["parallel", "twophase"] {
            assert_eq!(names.contains(&format!("{major}-{kind}")), major != "14", "{major}-{kind}");
        }
    }
}

/// Every message decodes, and what it says agrees with the messages around it and with the server's own positions.
#[test]
fn every_message_makes_sense() {
    for Capture { name, lines } in captures() {
        let mut columns: HashMap<Oid, usize> = HashMap::new();
        let mut top = None;
        let mut commit_lsn = None;
        let mut fields = Fields::default();
        for line in &lines {
            fields.clear();
            let context = format!("{name} at {}", line.lsn);
            let decoded = line.decode(&mut fields).unwrap_or_else(|error| panic!("{context}: {error}"));
            if let (Some(subxid), Some(top)) = (decoded.subxid, top) {
                // Subtransactions get their number after their parents.
                assert!(subxid >= top, "{context}");
            }
            let row = |relation: Oid, tuples: usize| {
                assert_eq!(fields.tuples(), tuples, "{context}");
                for index in 0..tuples {
                    assert_eq!(Some(&fields.tuple(index).len()), columns.get(&relation), "{context}");
                }
            };
            match decoded.message {
                Message::Insert(insert) => row(insert.relation, 1),
                Message::Update(update) => {
                    row(update.relation, 1 + usize::from(update.old != OldTuple::None))
                }
                Message::Delete(delete) => row(delete.relation, 1),
                Message::Truncate(truncate) => {
                    assert!(truncate.relations.iter().all(|oid| columns.contains_key(oid)), "{context}");
                }
                Message::Relation(relation) => {
                    assert_eq!(relation.schema.of(&line.payload), b"shop", "{context}");
                    columns.insert(relation.oid, relation.columns.len());
                }
                Message::Begin(begin) => commit_lsn = Some(begin.final_lsn),
                Message::Commit(commit) => {
                    assert_eq!(commit_lsn.take(), Some(commit.commit_lsn), "{context}");
                    assert_eq!(commit.end_lsn, line.lsn, "{context}");
                }
                Message::BeginPrepare(begin) => commit_lsn = Some(begin.prepare_lsn),
                Message::Prepare(prepare) => {
                    assert_eq!(commit_lsn.take(), Some(prepare.prepare_lsn), "{context}");
                    assert_eq!(prepare.end_lsn, line.lsn, "{context}");
                }
                Message::StreamPrepare(prepare) => assert_eq!(prepare.end_lsn, line.lsn, "{context}"),
                Message::CommitPrepared(commit) => assert_eq!(commit.end_lsn, line.lsn, "{context}"),
                Message::RollbackPrepared(rollback) => {
                    assert_eq!(rollback.rollback_end_lsn, line.lsn, "{context}");
                    assert!(rollback.rollback_time >= rollback.prepare_time, "{context}");
                }
                Message::StreamStart(start) => top = Some(start.xid),
                Message::StreamStop => top = None,
                Message::StreamCommit(commit) => assert_eq!(commit.end_lsn, line.lsn, "{context}"),
                Message::StreamAbort(abort) => {
                    assert_eq!(abort.at.is_some(), name.ends_with("parallel"), "{context}");
                    if let Some((lsn, _)) = abort.at {
                        assert_eq!(lsn, line.lsn, "{context}");
                    }
                }
                Message::Logical(message) => {
                    assert_eq!(message.lsn, line.lsn, "{context}");
                    if message.content.len > 0 {
                        assert_eq!(message.prefix.of(&line.payload), b"capture", "{context}");
                    }
                }
                Message::Origin(origin) => {
                    assert_eq!(origin.name.of(&line.payload), b"elsewhere", "{context}");
                    let in_block = line.position == Position::InBlock;
                    assert_eq!(origin.lsn.is_zero(), in_block, "{context}");
                }
                Message::Type(named) => {
                    let name = (named.schema.of(&line.payload), named.name.of(&line.payload));
                    // The domain shop.age comes with its base type's name, and pg_catalog as nothing.
                    assert!(name == (b"shop", b"mood") || name == (b"", b"int4"), "{context}: {name:?}");
                }
            }
        }
    }
}

/// Streamed and plain delivery of one slot: the same committed rows, once what was aborted is left out.
#[test]
fn streamed_rows_are_the_plain_ones() {
    for major in ["14", "16", "18"] {
        assert_eq!(committed_rows(&format!("{major}-stream")), committed_rows(&format!("{major}-plain")));
    }
    assert_eq!(committed_rows("18-parallel"), committed_rows("18-binary"));
    assert!(committed_rows("18-parallel").len() > 40);
}

/// Tag and body of each row, transaction by transaction in commit order.
fn committed_rows(name: &str) -> Vec<(u8, Vec<u8>)> {
    let mut committed = Vec::new();
    let mut open: HashMap<Xid, Vec<(Xid, u8, Vec<u8>)>> = HashMap::new();
    let mut top = Xid(0);
    for line in capture(name).lines {
        let head = Head::peek(&line.payload, line.position).unwrap();
        let body = line.payload[head.body_start..].to_vec();
        match line.decode(&mut Fields::default()).unwrap().message {
            Message::StreamStart(start) => top = start.xid,
            Message::StreamAbort(abort) => {
                let rows = open.entry(abort.xid).or_default();
                let end = rows.iter().position(|row| row.0 == abort.subxid).unwrap_or(rows.len());
                rows.truncate(if abort.subxid == abort.xid { 0 } else { end });
            }
            Message::StreamCommit(commit) => {
                let rows = open.remove(&commit.xid).unwrap();
                committed.extend(rows.into_iter().map(|(_, tag, body)| (tag, body)));
            }
            Message::Insert(_) | Message::Update(_) | Message::Delete(_) | Message::Truncate(_) => {
                match head.subxid {
                    Some(subxid) => open.entry(top).or_default().push((subxid, head.tag as u8, body)),
                    None => committed.push((head.tag as u8, body)),
                }
            }
            _ => {}
        }
    }
    committed
}

#[test]
fn the_first_row_is_what_was_inserted() {
    use FieldKind::{Binary, Null, Text};
    let grant = &b"postgres=r/postgres"[..];
    for (name, first, second) in [
        (
            "18-plain",
            [(Text, &b"1"[..]), (Text, b"Ada"), (Text, b"happy"), (Text, b"36"), (Text, grant)],
            [(Text, &b"2"[..]), (Text, "Grüße".as_bytes()), (Null, b""), (Null, b""), (Null, b"")],
        ),
        (
            // aclitem has no binary form, so one row has both.
            "18-binary",
            [
                (Binary, b"\0\0\0\x01"),
                (Binary, b"Ada"),
                (Binary, b"happy"),
                (Binary, b"\0\0\0\x24"),
                (Text, grant),
            ],
            [(Binary, b"\0\0\0\x02"), (Binary, "Grüße".as_bytes()), (Null, b""), (Null, b""), (Null, b"")],
        ),
    ] {
        let lines = capture(name).lines;
        let mut inserts = lines.iter().filter(|line| line.payload[0] == b'I');
        for expected in [first, second] {
            let line = inserts.next().unwrap();
            let mut fields = Fields::default();
            line.decode(&mut fields).unwrap();
            let values: Vec<_> =
                fields.tuple(0).iter().map(|(kind, span)| (*kind, span.of(&line.payload))).collect();
            assert_eq!(values, expected, "{name}");
        }
    }
}

/// The captures would be worth little if a form were missing from them.
#[test]
fn every_form_was_captured() {
    let mut seen = HashSet::new();
    for line in captures().into_iter().flat_map(|capture| capture.lines) {
        let mut fields = Fields::default();
        let decoded = line.decode(&mut fields).unwrap();
        let in_block = if decoded.subxid.is_some() { " in block" } else { "" };
        seen.insert(format!("{}{in_block}", line.payload[0] as char));
        for (kind, _) in (0..fields.tuples()).flat_map(|index| fields.tuple(index)) {
            seen.insert(format!("{kind:?}"));
        }
        match decoded.message {
            Message::Update(update) => _ = seen.insert(format!("U {:?}", update.old)),
            Message::Delete(delete) => _ = seen.insert(format!("D {:?}", delete.old)),
            Message::Truncate(truncate) => {
                seen.insert(format!("T {} {}", truncate.cascade, truncate.restart_identity));
                seen.insert(format!("T of {}", truncate.relations.len()));
            }
            Message::Relation(relation) => _ = seen.insert(format!("R {:?}", relation.replica_identity)),
            Message::Logical(message) => _ = seen.insert(format!("M {}", message.transactional)),
            Message::StreamStart(start) => _ = seen.insert(format!("S {}", start.first)),
            Message::StreamAbort(abort) => {
                seen.insert(format!("A {} {}", abort.subxid == abort.xid, line.payload.len()));
            }
            _ => {}
        }
    }
    let mut expected: HashSet<String> = "BCORYIUDTMSEcApbPKr".chars().map(String::from).collect();
    expected.extend("RYIUDTM".chars().map(|tag| format!("{tag} in block")));
    expected.extend(["Null", "Unchanged", "Text", "Binary"].map(String::from));
    expected.extend([OldTuple::None, OldTuple::Key, OldTuple::Full].map(|old| format!("U {old:?}")));
    expected.extend([OldTuple::Key, OldTuple::Full].map(|old| format!("D {old:?}")));
    expected.extend(
        ["T of 1", "T of 2", "T false false", "T true false", "T false true", "T true true"]
            .map(String::from),
    );
    use ReplicaIdentity::{Default, Full, Index, Nothing};
    expected.extend([Default, Full, Index, Nothing].map(|identity| format!("R {identity:?}")));
    expected.extend(["M true", "M false", "S true", "S false"].map(String::from));
    expected.extend(["A true 9", "A false 9", "A true 25", "A false 25"].map(String::from));
    assert_eq!(seen, expected);
}

#[test]
fn nothing_shorter_or_longer_is_a_message() {
    for Capture { name, lines } in captures() {
        for mut line in lines {
            let is_long_abort = line.payload[0] == b'A' && line.payload.len() == 25;
            for len in 0..line.payload.len() {
                let decoded = Message::decode(&line.payload[..len], line.position, &mut ());
                assert_eq!(decoded.is_ok(), is_long_abort && len == 9, "{name} at {}: {len} bytes", line.lsn);
            }
            line.payload.push(0);
            assert!(line.decode(&mut Fields::default()).is_err(), "{name} at {}", line.lsn);
        }
    }
}
