//! Our decoder against the naive one, on what servers sent and on what damage makes of it: the same, or both refuse.

use walstream::wire::{FieldKind, Fields, Message, OldTuple, Position, ReplicaIdentity, Span};

use crate::naive::{self, text};
use crate::{Line, captures};

/// What our decoder says, in the naive one's words.
fn ours(bytes: &[u8], position: Position) -> Option<Vec<String>> {
    let mut fields = Fields::default();
    let decoded = Message::decode(bytes, position, &mut fields).ok()?;
    let mut out = vec![(bytes[0] as char).to_string()];
    out.extend(decoded.subxid.map(|subxid| format!("in {subxid}")));
    let string = |span: Span| text(span.of(bytes));
    let mut add = |texts: &[String]| out.extend_from_slice(texts);
    let tuple = |index: usize, mark: char| {
        let value = |(kind, span): &(FieldKind, Span)| match kind {
            FieldKind::Null => "n".to_owned(),
            FieldKind::Unchanged => "u".to_owned(),
            FieldKind::Text => format!("t {}", string(*span)),
            FieldKind::Binary => format!("b {}", string(*span)),
        };
        std::iter::once(format!("tuple {mark}"))
            .chain(fields.tuple(index).iter().map(value))
            .collect::<Vec<_>>()
    };
    let old = |old| if old == OldTuple::Key { 'K' } else { 'O' };
    /// Numbers as text.
    macro_rules! n {
        ($($number:expr),*) => { &[$($number.to_string()),*] };
    }
    match decoded.message {
        Message::Begin(m) => add(n![m.final_lsn.0, m.commit_time.0, m.xid]),
        Message::Commit(m) => add(n![m.commit_lsn.0, m.end_lsn.0, m.commit_time.0]),
        Message::Origin(m) => add(n![m.lsn.0, string(m.name)]),
        Message::Type(m) => add(n![m.oid, string(m.schema), string(m.name)]),
        Message::StreamStart(m) => add(n![m.xid, u8::from(m.first)]),
        Message::StreamStop => {}
        Message::StreamCommit(m) => add(n![m.xid, m.commit_lsn.0, m.end_lsn.0, m.commit_time.0]),
        Message::StreamAbort(m) => {
            add(n![m.xid, m.subxid]);
            if let Some((lsn, time)) = m.at {
                add(n![lsn.0, time.0]);
            }
        }
        Message::BeginPrepare(m) => {
            add(n![m.prepare_lsn.0, m.end_lsn.0, m.prepare_time.0, m.xid, string(m.gid)]);
        }
        Message::Prepare(m) | Message::StreamPrepare(m) => {
            add(n![m.prepare_lsn.0, m.end_lsn.0, m.prepare_time.0, m.xid, string(m.gid)]);
        }
        Message::CommitPrepared(m) => {
            add(n![m.commit_lsn.0, m.end_lsn.0, m.commit_time.0, m.xid, string(m.gid)]);
        }
        Message::RollbackPrepared(m) => add(n![
            m.prepare_end_lsn.0,
            m.rollback_end_lsn.0,
            m.prepare_time.0,
            m.rollback_time.0,
            m.xid,
            string(m.gid)
        ]),
        Message::Logical(m) => {
            add(n![u8::from(m.transactional), m.lsn.0, string(m.prefix), string(m.content)]);
        }
        Message::Truncate(m) => {
            let (cascade, restart) = (u8::from(m.cascade), u8::from(m.restart_identity));
            add(&[format!("cascade {cascade} restart {restart}")]);
            m.relations.iter().for_each(|oid| add(n![oid]));
        }
        Message::Relation(m) => {
            let identity = match m.replica_identity {
                ReplicaIdentity::Default => 'd',
                ReplicaIdentity::Nothing => 'n',
                ReplicaIdentity::Full => 'f',
                ReplicaIdentity::Index => 'i',
            };
            add(n![m.oid, string(m.schema), string(m.name), identity]);
            for column in &m.columns {
                add(n![column.flags, string(column.name), column.type_oid, column.modifier]);
            }
        }
        Message::Insert(m) => {
            add(n![m.relation]);
            add(&tuple(0, 'N'));
        }
        Message::Update(m) => {
            add(n![m.relation]);
            if m.old != OldTuple::None {
                add(&tuple(0, old(m.old)));
            }
            add(&tuple(fields.tuples() - 1, 'N'));
        }
        Message::Delete(m) => {
            add(n![m.relation]);
            add(&tuple(0, old(m.old)));
        }
    }
    Some(out)
}

/// True: both took it.
fn compare(bytes: &[u8], position: Position) -> bool {
    let (ours, naive) = (ours(bytes, position), naive::decode(bytes, position == Position::InBlock));
    assert_eq!(ours, naive, "{position:?}: {}", text(bytes));
    ours.is_some()
}

fn lines() -> impl Iterator<Item = Line> {
    captures().into_iter().flat_map(|capture| capture.lines)
}

#[test]
fn the_two_decoders_agree_on_captures() {
    for line in lines() {
        assert!(compare(&line.payload, line.position), "{}", text(&line.payload));
        let other = if line.position == Position::Plain { Position::InBlock } else { Position::Plain };
        compare(&line.payload, other);
    }
}

#[test]
fn the_two_decoders_agree_on_damaged_captures() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % below
    };
    let (mut taken, mut refused) = (0, 0);
    for line in lines() {
        for _ in 0..300 {
            let mut bytes = line.payload.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                match random(8) {
                    0 => bytes.truncate(at + 1),
                    1 => bytes.insert(at, random(256) as u8),
                    2 if bytes.len() > 1 => _ = bytes.remove(at),
                    3 => bytes.extend_from_within(at..),
                    _ => bytes[at] = [0, 1, 2, 0x7F, 0x80, 0xFF, b'N', b't', random(256) as u8][random(9)],
                }
            }
            let position = if random(4) == 0 { Position::InBlock } else { line.position };
            if compare(&bytes, position) {
                taken += 1;
            } else {
                refused += 1;
            }
        }
    }
    // Otherwise the damage was too great, or too small, to say anything.
    assert!(taken > 50_000 && refused > 50_000, "{taken} taken, {refused} refused");
}
