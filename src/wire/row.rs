//! Changes of rows: Insert, Update, Delete, Truncate. Owns which tuples come with which; the columns go to the sink.
//! Does not know the relation, so it cannot check the number of columns.

#![forbid(unsafe_code)]

use super::error::{Fault, Subject, WireError};
use super::reader::Reader;
use super::tag::Tag;
use super::tuple::{self, FieldSink};
use crate::lsn::Oid;

/// A new row: one tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insert {
    /// The row's table.
    pub relation: Oid,
}

/// A changed row: the old tuple if there is one, then the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// The row's table.
    pub relation: Oid,
    /// What was sent of the old row. `None` means that the key is the new row's.
    pub old: OldTuple,
}

/// A row that is gone: one tuple, the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delete {
    /// The row's table.
    pub relation: Oid,
    /// What was sent of the row: never `None`.
    pub old: OldTuple,
}

/// What was sent of a row as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OldTuple {
    /// Nothing.
    None,
    /// The replica identity; other columns look like NULL and mean "not sent".
    Key,
    /// The whole row (REPLICA IDENTITY FULL).
    Full,
}

/// All rows of some tables are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncate {
    /// The tables, those reached by CASCADE included.
    pub relations: Vec<Oid>,
    /// CASCADE was given.
    pub cascade: bool,
    /// RESTART IDENTITY was given.
    pub restart_identity: bool,
}

const CASCADE: u8 = 1;
const RESTART_IDENTITY: u8 = 2;

/// The relation of an Insert, Update or Delete, from its body, before its columns are decoded.
#[inline]
pub fn peek_relation(tag: Tag, body: &[u8]) -> Result<Oid, WireError> {
    Reader::new(body, Subject::Message(tag))?.oid("relation")
}

/// Decodes the body of an Insert, Update or Delete, as [`Message::decode_body`](super::Message::decode_body) does, and tells only what comes
/// with the columns: rows are most of what is sent.
#[inline]
pub fn decode_row<S: FieldSink + ?Sized>(
    tag: Tag,
    body: &[u8],
    fields: &mut S,
) -> Result<OldTuple, WireError> {
    let mut r = Reader::new(body, Subject::Message(tag))?;
    let old = match tag {
        Tag::Update => Update::read(&mut r, fields)?.old,
        Tag::Delete => Delete::read(&mut r, fields)?.old,
        _ => Insert::read(&mut r, fields).map(|_| OldTuple::None)?,
    };
    r.finish()?;
    Ok(old)
}

impl Insert {
    #[inline(always)]
    pub(super) fn read<S: FieldSink + ?Sized>(r: &mut Reader<'_>, fields: &mut S) -> Result<Self, WireError> {
        let relation = r.oid("relation")?;
        let at = r.offset();
        match r.u8("tuple tag")? {
            b'N' => tuple::read(r, fields)?,
            tag => return Err(r.error("tuple tag", at, Fault::BadValue(tag.into()))),
        }
        Ok(Insert { relation })
    }
}

impl Update {
    #[inline(always)]
    pub(super) fn read<S: FieldSink + ?Sized>(r: &mut Reader<'_>, fields: &mut S) -> Result<Self, WireError> {
        let relation = r.oid("relation")?;
        let mut at = r.offset();
        let mut tag = r.u8("tuple tag")?;
        let old = OldTuple::from_tag(tag);
        if old != OldTuple::None {
            tuple::read(r, fields)?;
            at = r.offset();
            tag = r.u8("new tuple tag")?;
        }
        if tag != b'N' {
            return Err(r.error("new tuple tag", at, Fault::BadValue(tag.into())));
        }
        tuple::read(r, fields)?;
        Ok(Update { relation, old })
    }
}

impl Delete {
    #[inline(always)]
    pub(super) fn read<S: FieldSink + ?Sized>(r: &mut Reader<'_>, fields: &mut S) -> Result<Self, WireError> {
        let relation = r.oid("relation")?;
        let at = r.offset();
        let tag = r.u8("old tuple tag")?;
        let old = OldTuple::from_tag(tag);
        if old == OldTuple::None {
            return Err(r.error("old tuple tag", at, Fault::BadValue(tag.into())));
        }
        tuple::read(r, fields)?;
        Ok(Delete { relation, old })
    }
}

impl OldTuple {
    #[inline]
    fn from_tag(tag: u8) -> OldTuple {
        match tag {
            b'K' => OldTuple::Key,
            b'O' => OldTuple::Full,
            _ => OldTuple::None,
        }
    }
}

impl Truncate {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let at = r.offset();
        let count = r.length("relation count")?;
        let flags = r.flags(CASCADE | RESTART_IDENTITY, "flags")?;
        // From an i32 that was not negative.
        r.expect(count as u32, size_of::<Oid>(), "relation count", at)?;
        let relations = (0..count).map(|_| r.oid("relation")).collect::<Result<_, _>>()?;
        Ok(Truncate {
            relations,
            cascade: flags & CASCADE != 0,
            restart_identity: flags & RESTART_IDENTITY != 0,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lsn::Xid;
    use crate::wire::message::Message;
    use crate::wire::reader::Span;
    use crate::wire::samples::{Sample, hex, in_block, plain, refused};
    use crate::wire::tuple::FieldKind::{Null, Text, Unchanged};
    use crate::wire::tuple::Fields;

    const INSERT: Sample = plain(
        "
        49              tag I
        00004001        relation
        4E              new tuple
        0002            columns
        74 00000001     text of 1 byte
        37
        6E              null",
    );

    const INSERT_IN_BLOCK: Sample = in_block(
        "
        49              tag I
        000002E2        subtransaction xid
        00004001        relation
        4E 0001         new tuple, columns
        74 00000001 37  text",
    );

    const UPDATE: Sample = plain(
        "
        55              tag U
        00004001        relation
        4E              new tuple
        0002            columns
        74 00000001 37  text
        75              unchanged",
    );

    const UPDATE_WITH_KEY: Sample = plain(
        "
        55              tag U
        00004001        relation
        4B              old key
        0002            columns
        74 00000001 37  text
        6E              not sent
        4E              new tuple
        0002            columns
        74 00000001 38  text
        75              unchanged",
    );

    const UPDATE_WITH_OLD: Sample = plain(
        "
        55              tag U
        00004001        relation
        4F              old tuple
        0001            columns
        74 00000001 37  text
        4E              new tuple
        0001            columns
        6E              null",
    );

    const DELETE_KEY: Sample = plain(
        "
        44              tag D
        00004001        relation
        4B 0002         old key, columns
        74 00000001 37  text
        6E              not sent",
    );

    const DELETE_OLD: Sample = in_block(
        "
        44              tag D
        000002E2        subtransaction xid
        00004001        relation
        4F 0001         old tuple, columns
        74 00000001 37  text",
    );

    const TRUNCATE: Sample = plain(
        "
        54              tag T
        00000002        relations
        03              cascade, restart identity
        00004001 00004002",
    );

    pub const SAMPLES: &[Sample] = &[
        INSERT,
        INSERT_IN_BLOCK,
        UPDATE,
        UPDATE_WITH_KEY,
        UPDATE_WITH_OLD,
        DELETE_KEY,
        DELETE_OLD,
        TRUNCATE,
    ];

    const RELATION: Oid = Oid(0x4001);

    fn text(start: u32) -> (crate::wire::FieldKind, Span) {
        (Text, Span { start, len: 1 })
    }

    fn rows(sample: Sample) -> (Option<Xid>, Message, Fields) {
        let mut fields = Fields::default();
        let decoded = Message::decode(&sample.bytes(), sample.position, &mut fields).unwrap();
        (decoded.subxid, decoded.message, fields)
    }

    #[test]
    fn insert() {
        let (subxid, message, fields) = rows(INSERT);
        assert_eq!((subxid, message), (None, Message::Insert(Insert { relation: RELATION })));
        assert_eq!(fields.tuple(0), [text(13), (Null, Span::EMPTY)]);
        let (subxid, message, fields) = rows(INSERT_IN_BLOCK);
        assert_eq!((subxid, message), (Some(Xid(0x2E2)), Message::Insert(Insert { relation: RELATION })));
        assert_eq!(fields.tuple(0), [text(17)]);
    }

    #[test]
    fn update() {
        let update = |old| Message::Update(Update { relation: RELATION, old });
        let (_, message, fields) = rows(UPDATE);
        assert_eq!((message, fields.tuples()), (update(OldTuple::None), 1));
        assert_eq!(fields.tuple(0), [text(13), (Unchanged, Span::EMPTY)]);
        let (_, message, fields) = rows(UPDATE_WITH_KEY);
        assert_eq!((message, fields.tuples()), (update(OldTuple::Key), 2));
        assert_eq!(fields.tuple(0), [text(13), (Null, Span::EMPTY)]);
        assert_eq!(fields.tuple(1), [text(23), (Unchanged, Span::EMPTY)]);
        let (_, message, fields) = rows(UPDATE_WITH_OLD);
        assert_eq!((message, fields.tuples()), (update(OldTuple::Full), 2));
        assert_eq!(fields.tuple(0), [text(13)]);
        assert_eq!(fields.tuple(1), [(Null, Span::EMPTY)]);
    }

    #[test]
    fn delete() {
        let (_, message, fields) = rows(DELETE_KEY);
        assert_eq!(message, Message::Delete(Delete { relation: RELATION, old: OldTuple::Key }));
        assert_eq!(fields.tuple(0), [text(13), (Null, Span::EMPTY)]);
        let (subxid, message, fields) = rows(DELETE_OLD);
        assert_eq!(subxid, Some(Xid(0x2E2)));
        assert_eq!(message, Message::Delete(Delete { relation: RELATION, old: OldTuple::Full }));
        assert_eq!(fields.tuple(0), [text(17)]);
    }

    #[test]
    fn truncate() {
        let relations = vec![Oid(0x4001), Oid(0x4002)];
        for (flags, cascade, restart_identity) in
            [(0, false, false), (1, true, false), (2, false, true), (3, true, true)]
        {
            let mut bytes = TRUNCATE.bytes();
            bytes[5] = flags;
            let decoded = Message::decode(&bytes, TRUNCATE.position, &mut ()).unwrap();
            let relations = relations.clone();
            assert_eq!(decoded.message, Message::Truncate(Truncate { relations, cascade, restart_identity }));
        }
    }

    #[test]
    fn lies_are_refused() {
        for (bytes, error) in [
            ("49 00004001 4F 0000", "Insert: tuple tag at byte 5: value 79 not allowed"),
            ("49 00004001 4B 0000", "Insert: tuple tag at byte 5: value 75 not allowed"),
            (
                "49 00004001 4E FFFF 6E",
                "Insert: column count at byte 6: 65535 elements cannot fit into 1 bytes",
            ),
            ("55 00004001 58 0000", "Update: new tuple tag at byte 5: value 88 not allowed"),
            ("55 00004001 4B 0000 4B 0000", "Update: new tuple tag at byte 8: value 75 not allowed"),
            (
                "55 00004001 4B 0000 4E FFFF",
                "Update: column count at byte 9: 65535 elements cannot fit into 0 bytes",
            ),
            ("44 00004001 4E 0000", "Delete: old tuple tag at byte 5: value 78 not allowed"),
            ("54 00000001 04 00004001", "Truncate: flags at byte 5: value 4 not allowed"),
            ("54 FFFFFFFF 00", "Truncate: relation count at byte 1: negative length -1"),
            (
                "54 7FFFFFFF 00 00004001",
                "Truncate: relation count at byte 1: 2147483647 elements cannot fit into 4 bytes",
            ),
        ] {
            assert_eq!(refused(&hex(bytes)), error);
        }
    }
}
