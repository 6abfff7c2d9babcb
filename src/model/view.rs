//! Safe eyes on what C reads: an event with its values, relation and details, as slices.
//!
//! Owns the one promise that this takes (the pointers of an event of ours lead to what its comments say, as long as
//! the event lives), so that what reads events needs no `unsafe`.

use std::ffi::{CStr, c_char};
use std::slice;

use super::event::{
    BackupDetail, Event, Kind, OldKind, OriginDetail, ProgressDetail, RollbackDetail, TablespaceDetail,
    TimelineDetail, TypeDetail,
};
use super::relation::{Column, ColumnFlag, Relation};
use super::value::{Value, ValueKind};

/// A value, with its bytes where it has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datum<'a> {
    /// SQL NULL.
    Null,
    /// The type's text form.
    Text(&'a [u8]),
    /// The type's send form.
    Binary(&'a [u8]),
    /// Stored apart, not touched, not sent.
    Unchanged,
    /// Not part of the key.
    NotSent,
}

impl<'a> Datum<'a> {
    /// None for a kind that there is not, or bytes that are missing.
    ///
    /// # Safety
    ///
    /// When the kind is TEXT or BINARY, `data` is NULL or leads to `size` bytes that live for `'a`.
    pub unsafe fn of(value: &'a Value) -> Option<Datum<'a>> {
        const NULL: u32 = ValueKind::NULL as u32;
        const TEXT: u32 = ValueKind::TEXT as u32;
        const UNCHANGED: u32 = ValueKind::UNCHANGED as u32;
        const NOT_SENT: u32 = ValueKind::NOT_SENT as u32;
        if value.has_data() {
            if value.data.is_null() {
                return None;
            }
            // SAFETY: the caller's promise.
            let bytes = unsafe { bytes(value.data, value.size) };
            return Some(if value.kind == TEXT { Datum::Text(bytes) } else { Datum::Binary(bytes) });
        }
        match value.kind {
            NULL => Some(Datum::Null),
            UNCHANGED => Some(Datum::Unchanged),
            NOT_SENT => Some(Datum::NotSent),
            _ => None,
        }
    }
}

/// An event of this library.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a>(&'a Event);

impl<'a> EventView<'a> {
    /// # Safety
    ///
    /// The event came from this library, and what it points to lives for `'a`.
    pub unsafe fn new(event: &'a Event) -> EventView<'a> {
        EventView(event)
    }

    /// The plain fields.
    pub fn fields(&self) -> &'a Event {
        self.0
    }

    /// None for a number that is no kind.
    pub fn kind(&self) -> Option<Kind> {
        Kind::ALL.iter().map(|(kind, _)| *kind).find(|kind| *kind as u32 == self.0.kind)
    }

    /// GID, prefix, origin, file name.
    pub fn name(&self) -> Option<&'a [u8]> {
        // SAFETY: a name that is not NULL has name_len bytes.
        (!self.0.name.is_null()).then(|| unsafe { bytes(self.0.name, self.0.name_len) })
    }

    /// Message content, RAW output, WAL.
    pub fn payload(&self) -> Option<&'a [u8]> {
        // SAFETY: a payload that is not NULL has payload_len bytes.
        (!self.0.payload.is_null()).then(|| unsafe { bytes(self.0.payload.cast(), self.0.payload_len) })
    }

    /// Of row events and RELATION.
    pub fn relation(&self) -> Option<RelationView<'a>> {
        // SAFETY: NULL or a relation that lives as long as the event.
        unsafe { self.0.relation.as_ref() }.map(RelationView)
    }

    /// The new row, if there is one.
    pub fn new_values(&self) -> impl Iterator<Item = (ColumnView<'a>, Datum<'a>)> + use<'a> {
        self.values(self.0.new_values, self.0.new_count)
    }

    /// The old row, if there is one.
    pub fn old_values(&self) -> impl Iterator<Item = (ColumnView<'a>, Datum<'a>)> + use<'a> {
        self.values(self.0.old_values, self.0.old_count)
    }

    /// How much of the old row there is.
    pub fn old_kind(&self) -> OldKind {
        match self.0.old_kind {
            kind if kind == OldKind::KEY as u32 => OldKind::KEY,
            kind if kind == OldKind::FULL as u32 => OldKind::FULL,
            _ => OldKind::NONE,
        }
    }

    fn values(
        &self,
        values: *const Value,
        count: u32,
    ) -> impl Iterator<Item = (ColumnView<'a>, Datum<'a>)> + use<'a> {
        // SAFETY: `count` values lie there, as long as the event.
        let values: &'a [Value] = unsafe { elements(values, count) };
        let columns = self.relation().map_or(&[][..], |relation| relation.raw_columns());
        // SAFETY: values of an event of ours.
        let datum = |value: &'a Value| unsafe { Datum::of(value) }.unwrap_or(Datum::Null);
        columns.iter().map(ColumnView).zip(values.iter().map(datum))
    }

    /// Of a TRUNCATE.
    pub fn truncated(&self) -> impl Iterator<Item = RelationView<'a>> + use<'a> {
        let count = if self.0.kind == Kind::TRUNCATE as u32 { self.0.detail_count } else { 0 };
        // SAFETY: a TRUNCATE's detail is an array of detail_count relations, none of them NULL, as long as the event.
        let relations: &'a [&'a Relation] = unsafe { elements(self.0.detail.cast(), count) };
        relations.iter().map(|relation| RelationView(relation))
    }

    /// Of a TYPE: schema, name, OID.
    pub fn type_detail(&self) -> Option<(&'a [u8], &'a [u8], u32)> {
        // SAFETY: what the detail of this kind is; its texts end with a NUL and live as long as the event.
        let detail: &'a TypeDetail = unsafe { self.detail(Kind::TYPE) }?;
        // SAFETY: as above.
        Some(unsafe { (text(detail.schema), text(detail.name), detail.oid) })
    }

    /// Of an ORIGIN.
    pub fn origin_detail(&self) -> Option<&'a OriginDetail> {
        // SAFETY: what the detail of this kind is.
        unsafe { self.detail(Kind::ORIGIN) }
    }

    /// Of a ROLLBACK_PREPARED.
    pub fn rollback_detail(&self) -> Option<&'a RollbackDetail> {
        // SAFETY: what the detail of this kind is.
        unsafe { self.detail(Kind::ROLLBACK_PREPARED) }
    }

    /// Of a TIMELINE.
    pub fn timeline_detail(&self) -> Option<&'a TimelineDetail> {
        // SAFETY: what the detail of this kind is.
        unsafe { self.detail(Kind::TIMELINE) }
    }

    /// Of a BACKUP_PROGRESS.
    pub fn progress_detail(&self) -> Option<&'a ProgressDetail> {
        // SAFETY: what the detail of this kind is.
        unsafe { self.detail(Kind::BACKUP_PROGRESS) }
    }

    /// Of a BACKUP_START: OID, location, size of each.
    pub fn tablespaces(&self) -> impl Iterator<Item = (u32, &'a [u8], i64)> + use<'a> {
        // SAFETY: what the detail of this kind is.
        let detail: Option<&'a BackupDetail> = unsafe { self.detail(Kind::BACKUP_START) };
        let (list, count) =
            detail.map_or((std::ptr::null(), 0), |detail| (detail.tablespaces, detail.tablespace_count));
        // SAFETY: tablespace_count tablespaces, as long as the event.
        let all: &'a [TablespaceDetail] = unsafe { elements(list, count) };
        // SAFETY: a location has location_len bytes.
        all.iter().map(|one| (one.oid, unsafe { bytes(one.location, one.location_len) }, one.size))
    }

    /// # Safety
    ///
    /// `T` is what the detail of `kind` leads to.
    unsafe fn detail<T>(&self, kind: Kind) -> Option<&'a T> {
        if self.0.kind != kind as u32 {
            return None;
        }
        // SAFETY: the caller's promise; NULL is none.
        unsafe { self.0.detail.cast::<T>().as_ref() }
    }
}

/// A relation of this library.
#[derive(Clone, Copy, Debug)]
pub struct RelationView<'a>(&'a Relation);

impl<'a> RelationView<'a> {
    /// The plain fields.
    pub fn fields(&self) -> &'a Relation {
        self.0
    }

    /// Never "".
    pub fn schema(&self) -> &'a [u8] {
        // SAFETY: a relation's texts have the length that stands beside them, and live with it.
        unsafe { bytes(self.0.schema, self.0.schema_len) }
    }

    /// The table's name.
    pub fn name(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { bytes(self.0.name, self.0.name_len) }
    }

    /// In the order of the values.
    pub fn columns(&self) -> impl Iterator<Item = ColumnView<'a>> + use<'a> {
        self.raw_columns().iter().map(ColumnView)
    }

    fn raw_columns(&self) -> &'a [Column] {
        // SAFETY: column_count columns of this library's size lie there, as long as the relation.
        unsafe { elements(self.0.columns, self.0.column_count) }
    }
}

/// A column of this library.
#[derive(Clone, Copy, Debug)]
pub struct ColumnView<'a>(&'a Column);

impl<'a> ColumnView<'a> {
    /// The plain fields.
    pub fn fields(&self) -> &'a Column {
        self.0
    }

    /// The column's name.
    pub fn name(&self) -> &'a [u8] {
        // SAFETY: a column's texts have the length that stands beside them, and live with it.
        unsafe { bytes(self.0.name, self.0.name_len) }
    }

    /// "" when nobody named it.
    pub fn type_name(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { bytes(self.0.type_name, self.0.type_name_len) }
    }

    /// Part of the replica identity?
    pub fn is_key(&self) -> bool {
        self.0.flags & ColumnFlag::KEY as u32 != 0
    }
}

/// # Safety
///
/// `len` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const c_char, len: u32) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { elements(start.cast(), len) }
}

/// # Safety
///
/// `start` leads to `count` elements that live for `'a`, or `count` is 0.
unsafe fn elements<'a, T>(start: *const T, count: u32) -> &'a [T] {
    if count == 0 || start.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(start, count as usize) }
}

/// # Safety
///
/// A C string that lives for `'a`.
unsafe fn text<'a>(start: *const c_char) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(start) }.to_bytes()
}
