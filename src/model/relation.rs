//! A table's definition as it stood at one point of the stream: built once, never changed, shared by `Arc`.

use std::ffi::c_char;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

use super::OutOfMemory;
use super::arena::Chunk;

/// walstream_column.flags
/// cbindgen:rename-all=prefix:WALSTREAM_COLUMN_
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnFlag {
    /// Part of the replica identity. Under FULL every column is: this is not the primary key.
    KEY = 1,
}

/// Step by walstream_relation.column_size.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Never NULL.
    pub name: *const c_char,
    /// Never NULL: "" when the server named no type and the OID is not a built-in's.
    pub type_name: *const c_char,
    /// Bytes at name, without the NUL.
    pub name_len: u32,
    /// Bytes at type_name, without the NUL.
    pub type_name_len: u32,
    /// pg_type.oid
    pub type_oid: u32,
    /// -1: none
    pub type_modifier: i32,
    /// WALSTREAM_COLUMN_*
    pub flags: u32,
    /// 0
    pub reserved: u32,
}

/// A table's published columns at one point of the stream.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Relation {
    /// sizeof of the library's walstream_relation.
    pub struct_size: u32,
    /// pg_class.oid
    pub oid: u32,
    /// Never "": pg_catalog is spelt out.
    pub schema: *const c_char,
    /// Never NULL.
    pub name: *const c_char,
    /// column_count columns, column_size bytes apart.
    pub columns: *const Column,
    /// Bytes at schema, without the NUL.
    pub schema_len: u32,
    /// Bytes at name, without the NUL.
    pub name_len: u32,
    /// Published columns only.
    pub column_count: u32,
    /// Bytes from one column to the next; at least sizeof(walstream_column) of the header you use.
    pub column_size: u32,
    /// 'd' default, 'n' nothing, 'f' full, 'i' index
    pub replica_identity: u32,
    /// Columns with WALSTREAM_COLUMN_KEY.
    pub key_count: u32,
    /// Names this definition of this relation in this process: equal version, equal contents. Cache by it, not by address.
    pub version: u64,
}

/// What a definition says, borrowed from wherever it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition<'a> {
    /// pg_class.oid
    pub oid: u32,
    /// Spelt out.
    pub schema: &'a [u8],
    /// The table's name.
    pub name: &'a [u8],
    /// 'd', 'n', 'f' or 'i'
    pub replica_identity: u8,
    /// In the order of the tuples.
    pub columns: Vec<ColumnDefinition<'a>>,
}

/// One column of a `Definition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnDefinition<'a> {
    /// The column's name.
    pub name: &'a [u8],
    /// "" unknown
    pub type_name: &'a [u8],
    /// pg_type.oid
    pub type_oid: u32,
    /// -1: none
    pub type_modifier: i32,
    /// Part of the replica identity?
    pub key: bool,
}

/// Versions are unique in the process, over all streams: a host may cache by them alone.
static NEXT_VERSION: AtomicU64 = AtomicU64::new(1);

/// Owns a `Relation` and everything that it points to, in one chunk.
#[derive(Debug)]
pub struct RelationDef {
    relation: NonNull<Relation>,
    _memory: Chunk,
}

// SAFETY: the chunk is owned, written before `new` returns and never again.
unsafe impl Send for RelationDef {}
// SAFETY: as above: shared access only reads.
unsafe impl Sync for RelationDef {}

impl RelationDef {
    /// Copies the definition and gives it a version of its own.
    pub fn new(definition: &Definition<'_>) -> Result<RelationDef, OutOfMemory> {
        let mut memory = Chunk::new(size_of_definition(definition))?;
        let columns = memory
            .take(definition.columns.len() * size_of::<Column>(), align_of::<Column>())
            .ok_or(OutOfMemory)?
            .cast::<Column>();
        for (index, column) in definition.columns.iter().enumerate() {
            let written = Column {
                name: store_text(&mut memory, column.name)?,
                type_name: store_text(&mut memory, column.type_name)?,
                name_len: column.name.len() as u32,
                type_name_len: column.type_name.len() as u32,
                type_oid: column.type_oid,
                type_modifier: column.type_modifier,
                flags: if column.key { ColumnFlag::KEY as u32 } else { 0 },
                reserved: 0,
            };
            // SAFETY: `columns` has room for all columns, aligned, and nobody else refers to it.
            unsafe { columns.add(index).write(written) };
        }
        let written = Relation {
            struct_size: size_of::<Relation>() as u32,
            oid: definition.oid,
            schema: store_text(&mut memory, definition.schema)?,
            name: store_text(&mut memory, definition.name)?,
            columns: columns.as_ptr(),
            schema_len: definition.schema.len() as u32,
            name_len: definition.name.len() as u32,
            column_count: definition.columns.len() as u32,
            column_size: size_of::<Column>() as u32,
            replica_identity: u32::from(definition.replica_identity),
            key_count: definition.columns.iter().filter(|column| column.key).count() as u32,
            version: NEXT_VERSION.fetch_add(1, Ordering::Relaxed),
        };
        let relation =
            memory.take(size_of::<Relation>(), align_of::<Relation>()).ok_or(OutOfMemory)?.cast::<Relation>();
        // SAFETY: as above.
        unsafe { relation.write(written) };
        Ok(RelationDef { relation, _memory: memory })
    }

    /// For C: valid as long as this definition.
    pub fn as_c(&self) -> *const Relation {
        self.relation.as_ptr()
    }

    /// The fixed part.
    pub fn relation(&self) -> &Relation {
        // SAFETY: written by `new`, never changed, and alive with self.
        unsafe { self.relation.as_ref() }
    }

    /// The columns in the order of the tuples.
    pub fn columns(&self) -> &[Column] {
        let relation = self.relation();
        // SAFETY: `new` wrote column_count columns there.
        unsafe { slice::from_raw_parts(relation.columns, relation.column_count as usize) }
    }

    /// Does it say the same?
    pub fn matches(&self, other: &Definition<'_>) -> bool {
        &self.definition() == other
    }

    /// What it says.
    pub fn definition(&self) -> Definition<'_> {
        let relation = self.relation();
        let text = |start: *const c_char, len: u32| {
            // SAFETY: `new` stored `len` bytes there, alive with self.
            unsafe { slice::from_raw_parts(start.cast::<u8>(), len as usize) }
        };
        Definition {
            oid: relation.oid,
            schema: text(relation.schema, relation.schema_len),
            name: text(relation.name, relation.name_len),
            replica_identity: relation.replica_identity as u8,
            columns: self
                .columns()
                .iter()
                .map(|column| ColumnDefinition {
                    name: text(column.name, column.name_len),
                    type_name: text(column.type_name, column.type_name_len),
                    type_oid: column.type_oid,
                    type_modifier: column.type_modifier,
                    key: column.flags & ColumnFlag::KEY as u32 != 0,
                })
                .collect(),
        }
    }
}

fn size_of_definition(definition: &Definition<'_>) -> usize {
    let texts = |column: &ColumnDefinition<'_>| column.name.len() + column.type_name.len() + 2;
    definition.columns.len() * size_of::<Column>()
        + definition.columns.iter().map(texts).sum::<usize>()
        + definition.schema.len()
        + definition.name.len()
        + 2
        + size_of::<Relation>()
        + align_of::<Relation>()
}

/// `text` and a NUL.
fn store_text(memory: &mut Chunk, text: &[u8]) -> Result<*const c_char, OutOfMemory> {
    let start = memory.take(text.len() + 1, 1).ok_or(OutOfMemory)?;
    // SAFETY: room for text and NUL was just taken; the source is elsewhere.
    unsafe {
        start.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
        start.add(text.len()).write(0);
    }
    Ok(start.as_ptr().cast_const().cast())
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn sample() -> Definition<'static> {
        let column =
            |name, key| ColumnDefinition { name, type_name: b"int4", type_oid: 23, type_modifier: -1, key };
        Definition {
            oid: 16384,
            schema: b"public",
            name: b"orders",
            replica_identity: b'd',
            columns: vec![column(b"id", true), column(b"", false), column(b"amount", false)],
        }
    }

    #[test]
    fn c_reads_what_was_written() {
        let def = RelationDef::new(&sample()).unwrap();
        let moved = Box::new(def);
        assert!(moved.matches(&sample()));
        assert_eq!(moved.relation().key_count, 1);
        // SAFETY: stored with a NUL.
        let names = moved.columns().iter().map(|c| unsafe { CStr::from_ptr(c.name) });
        assert_eq!(names.collect::<Vec<_>>(), [c"id", c"", c"amount"]);
    }

    #[test]
    fn any_difference_is_seen() {
        let def = RelationDef::new(&sample()).unwrap();
        let changes: [fn(&mut Definition<'static>); 5] = [
            |d| d.replica_identity = b'f',
            |d| d.columns[2].key = true,
            |d| d.columns[2].type_modifier = 5,
            |d| d.columns.truncate(2),
            |d| d.name = b"order",
        ];
        for change in changes {
            let mut other = sample();
            change(&mut other);
            assert!(!def.matches(&other));
        }
    }
}
