//! What rows refer to: Relation, a table's published columns, and Type, the name of a user-made type. Owns their
//! layout; whether a definition is new is the stream floor's to find out.

#![forbid(unsafe_code)]

use super::error::{Fault, WireError};
use super::reader::{Reader, Span};
use crate::lsn::Oid;

/// A table as rows from here on describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Rows name it by this number.
    pub oid: Oid,
    /// Empty means `pg_catalog`.
    pub schema: Span,
    /// The table's name.
    pub name: Span,
    /// What old rows consist of.
    pub replica_identity: ReplicaIdentity,
    /// The published columns, in the order of a row's values.
    pub columns: Vec<Column>,
}

/// One published column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// See [`Column::KEY`].
    pub flags: u8,
    /// The column's name.
    pub name: Span,
    /// The type's number; of a type made by a user a Type message came before.
    pub type_oid: Oid,
    /// The type's modifier (`atttypmod`), -1 for none.
    pub modifier: i32,
}

impl Column {
    /// Flag: part of the replica identity. Under FULL every column is: this is not the primary key.
    pub const KEY: u8 = 1;

    /// Is this column part of the replica identity?
    pub fn is_key(&self) -> bool {
        self.flags & Column::KEY != 0
    }
}

/// `pg_class.relreplident`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReplicaIdentity {
    /// The primary key, if there is one.
    Default = b'd',
    /// Nothing.
    Nothing = b'n',
    /// The whole row.
    Full = b'f',
    /// The columns of a chosen index.
    Index = b'i',
}

/// A type that was made by a user. Of a domain it carries the domain's number and the base type's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    /// Columns name it by this number.
    pub oid: Oid,
    /// Empty means `pg_catalog`.
    pub schema: Span,
    /// The type's name.
    pub name: Span,
}

/// Flags, the NUL of an empty name, type, modifier.
const SMALLEST_COLUMN: usize = 1 + 1 + 4 + 4;

impl Relation {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let oid = r.oid("relation")?;
        let schema = r.cstr("schema")?;
        let name = r.cstr("name")?;
        let replica_identity = ReplicaIdentity::read(r)?;
        let at = r.offset();
        let count = r.u16("column count")?;
        r.expect(count.into(), SMALLEST_COLUMN, "column count", at)?;
        let mut columns = Vec::with_capacity(count.into());
        for _ in 0..count {
            columns.push(Column::read(r)?);
        }
        Ok(Relation { oid, schema, name, replica_identity, columns })
    }
}

impl Column {
    fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Column {
            flags: r.flags(Column::KEY, "column flags")?,
            name: r.cstr("column name")?,
            type_oid: r.oid("column type")?,
            modifier: r.i32("column type modifier")?,
        })
    }
}

impl ReplicaIdentity {
    fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let at = r.offset();
        Ok(match r.u8("replica identity")? {
            b'd' => ReplicaIdentity::Default,
            b'n' => ReplicaIdentity::Nothing,
            b'f' => ReplicaIdentity::Full,
            b'i' => ReplicaIdentity::Index,
            byte => return Err(r.error("replica identity", at, Fault::BadValue(byte.into()))),
        })
    }
}

impl Type {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Type { oid: r.oid("type")?, schema: r.cstr("schema")?, name: r.cstr("name")? })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lsn::Xid;
    use crate::wire::message::Message;
    use crate::wire::samples::{Sample, decode, hex, in_block, plain, refused};

    const RELATION: Sample = plain(
        "
        52              tag R
        00004001        relation
        7368 00         schema
        74 00           name
        64              replica identity d
        0002            columns
        01              key
        6964 00         name
        00000017        int4
        FFFFFFFF        no modifier
        00              no flags
        6E 00           name
        00000413        varchar
        00000018        modifier",
    );

    const RELATION_IN_BLOCK: Sample = in_block(
        "
        52              tag R
        000002E2        subtransaction xid
        00004001        relation
        00              schema pg_catalog
        74 00           name
        66              replica identity f
        0000            columns",
    );

    const TYPE: Sample = plain(
        "
        59              tag Y
        00004007        type
        7368 00         schema
        6D6F6F64 00     name",
    );

    const TYPE_IN_BLOCK: Sample = in_block(
        "
        59              tag Y
        000002E2        subtransaction xid
        00004007        type
        00              schema pg_catalog
        696E7434 00     name",
    );

    pub const SAMPLES: &[Sample] = &[RELATION, RELATION_IN_BLOCK, TYPE, TYPE_IN_BLOCK];

    #[test]
    fn relation() {
        let bytes = RELATION.bytes();
        let Message::Relation(relation) = decode(RELATION).message else { panic!("not a relation") };
        assert_eq!(relation.oid, Oid(0x4001));
        assert_eq!((relation.schema.of(&bytes), relation.name.of(&bytes)), (&b"sh"[..], &b"t"[..]));
        assert_eq!(relation.replica_identity, ReplicaIdentity::Default);
        let [id, n] = relation.columns[..] else { panic!("{} columns", relation.columns.len()) };
        assert_eq!(
            (id.name.of(&bytes), id.is_key(), id.type_oid, id.modifier),
            (&b"id"[..], true, Oid(23), -1)
        );
        assert_eq!(
            (n.name.of(&bytes), n.is_key(), n.type_oid, n.modifier),
            (&b"n"[..], false, Oid(1043), 24)
        );
    }

    #[test]
    fn relation_in_block() {
        let decoded = decode(RELATION_IN_BLOCK);
        assert_eq!(decoded.subxid, Some(Xid(0x2E2)));
        let Message::Relation(relation) = decoded.message else { panic!("not a relation") };
        assert_eq!((relation.oid, relation.schema.len), (Oid(0x4001), 0));
        assert_eq!(relation.replica_identity, ReplicaIdentity::Full);
        assert_eq!(relation.columns, []);
    }

    #[test]
    fn every_replica_identity() {
        let mut bytes = RELATION_IN_BLOCK.bytes();
        let at = bytes.len() - 3;
        for byte in 0..=u8::MAX {
            bytes[at] = byte;
            let decoded = Message::decode(&bytes, RELATION_IN_BLOCK.position, &mut ());
            match decoded.map(|decoded| decoded.message) {
                Ok(Message::Relation(relation)) => assert_eq!(relation.replica_identity as u8, byte),
                Ok(other) => panic!("{other:?}"),
                Err(error) => {
                    assert!(!b"dnfi".contains(&byte), "{error}");
                    assert_eq!((error.offset, error.fault), (at, Fault::BadValue(byte.into())));
                }
            }
        }
    }

    #[test]
    fn types() {
        let bytes = TYPE.bytes();
        let Message::Type(named) = decode(TYPE).message else { panic!("not a type") };
        assert_eq!(named.oid, Oid(0x4007));
        assert_eq!((named.schema.of(&bytes), named.name.of(&bytes)), (&b"sh"[..], &b"mood"[..]));
        let bytes = TYPE_IN_BLOCK.bytes();
        let decoded = decode(TYPE_IN_BLOCK);
        let Message::Type(named) = decoded.message else { panic!("not a type") };
        assert_eq!(decoded.subxid, Some(Xid(0x2E2)));
        assert_eq!((named.oid, named.schema.len, named.name.of(&bytes)), (Oid(0x4007), 0, &b"int4"[..]));
    }

    #[test]
    fn lies_are_refused() {
        for (bytes, error) in [
            ("52 00004001 7368", "Relation: schema at byte 5: string without an end"),
            ("52 00004001 00 74", "Relation: name at byte 6: string without an end"),
            (
                "52 00004001 00 7400 64 FFFF 00 00 00000017 FFFFFFFF",
                "Relation: column count at byte 9: 65535 elements cannot fit into 10 bytes",
            ),
            (
                "52 00004001 00 7400 64 0001 02 00 00000017 FFFFFFFF",
                "Relation: column flags at byte 11: value 2 not allowed",
            ),
        ] {
            assert_eq!(refused(&hex(bytes)), error);
        }
    }
}
