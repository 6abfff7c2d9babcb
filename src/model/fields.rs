//! The fields of the message that is being decoded, on their way from the decoder to an event.
//!
//! They come as ranges and become pointers at once, into the batch's own copy of the message, which is why a NUL can be
//! written behind each while the decoder reads on in the message itself. Refuses a range beyond the message, and a row that
//! was left unfinished.

use std::ptr::{self, NonNull};

use super::OutOfMemory;
use super::arena::Arena;
use super::event::OldKind;
use super::relation::{ColumnFlag, RelationDef};
use super::value::{Value, ValueKind};
use crate::wire::{FieldKind, Span};

/// The rows of one message: first the old one, then the new one.
#[derive(Debug)]
pub(super) struct Fields {
    /// Of the copy, which has one byte more than the message.
    base: NonNull<u8>,
    len: usize,
    rows: [Row; 2],
    count: usize,
    /// There was no room for a row, or one was left unfinished, which no decoder does.
    failed: bool,
    /// Where the next field of the last row goes, and the end of the room for it; both dangle while there is none.
    next: *mut Value,
    end: *mut Value,
}

/// A row's values for C: none, at NULL, when it is not there or has no columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub values: *mut Value,
    /// All of them are there when the next row begins, or when the rows are taken.
    pub count: u32,
}

/// Which of a row message's tuples came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuples {
    /// The old row.
    pub old: OldKind,
    /// Is there a new row?
    pub new: bool,
}

/// Why a row was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// See `OutOfMemory`.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// The tuple does not fit the relation that it names.
    #[error("a row has {found} columns, its relation {expected}")]
    ColumnCount {
        /// In the tuple.
        found: u32,
        /// In the relation.
        expected: u32,
    },
}

impl Fields {
    /// Of no message.
    pub(super) fn none() -> Fields {
        Fields::of(NonNull::dangling(), 0)
    }

    /// Of the message whose `len` bytes, and one more, were copied to `base`.
    #[inline]
    pub(super) fn of(base: NonNull<u8>, len: usize) -> Fields {
        Fields {
            base,
            len,
            rows: [Row::NONE; 2],
            count: 0,
            failed: false,
            next: ptr::null_mut(),
            end: ptr::null_mut(),
        }
    }

    /// A row of `count` fields begins; `arena` has the room for them.
    #[inline]
    pub(super) fn begin(&mut self, arena: &mut Arena, count: u16) {
        let size = usize::from(count) * size_of::<Value>();
        let index = self.count;
        self.failed |= self.next != self.end;
        match (arena.take(size, align_of::<Value>()), self.rows.get_mut(index)) {
            (Ok(start), Some(row)) => {
                let values = start.cast::<Value>().as_ptr();
                *row = Row { values, count: u32::from(count) };
                self.count += 1;
                self.next = values;
                // SAFETY: room for `count` values was just taken.
                self.end = unsafe { values.add(usize::from(count)) };
            }
            _ => {
                self.failed = true;
                self.end = self.next;
            }
        }
    }

    /// The next field of the row.
    #[inline]
    pub(super) fn field(&mut self, kind: FieldKind, span: Span) {
        // Also when there was no room for the row.
        let next = self.next;
        if next == self.end {
            return;
        }
        let kind = match kind {
            FieldKind::Null => ValueKind::NULL,
            FieldKind::Unchanged => ValueKind::UNCHANGED,
            FieldKind::Text => ValueKind::TEXT,
            FieldKind::Binary => ValueKind::BINARY,
        };
        let end = span.start as usize + span.len as usize;
        if end > self.len {
            // Which no decoder does.
            self.failed = true;
            return;
        }
        let mut data = ptr::null();
        if matches!(kind, ValueKind::TEXT | ValueKind::BINARY) {
            // SAFETY: the copy has `len` bytes and one more, and nobody else refers to it. The byte behind the value is the
            // next one's kind, the next tuple's mark or the spare byte: no value's own.
            unsafe {
                self.base.add(end).write(0);
                data = self.base.add(span.start as usize).as_ptr().cast_const().cast();
            }
        }
        let value = Value { data, size: span.len, kind: kind as u32 };
        // SAFETY: `next` is before `end`, in the room that `begin` took, which nobody else refers to.
        unsafe {
            next.write(value);
            self.next = next.add(1);
        }
    }

    /// Are all rows there, as many fields of each as were announced?
    #[inline]
    pub(super) fn complete(&self) -> bool {
        !self.failed && self.next == self.end
    }

    /// The old row and the new one, as far as `tuples` says that they came, each as wide as their relation.
    #[inline]
    pub(super) fn rows(&self, tuples: Tuples, relation: &RelationDef) -> Result<[Row; 2], RowError> {
        let [first, second] = self.rows;
        let (old, new) = if tuples.old == OldKind::NONE { (Row::NONE, first) } else { (first, second) };
        if tuples.old == OldKind::KEY {
            old.mark_not_sent(relation);
        }
        let new = if tuples.new { new } else { Row::NONE };
        Ok([old.checked(relation)?, new.checked(relation)?])
    }
}

impl Row {
    const NONE: Row = Row { values: ptr::null_mut(), count: 0 };

    #[inline]
    fn checked(self, relation: &RelationDef) -> Result<Row, RowError> {
        let expected = relation.relation().column_count;
        if self.count != expected && !self.values.is_null() {
            return Err(RowError::ColumnCount { found: self.count, expected });
        }
        Ok(if self.count == 0 { Row::NONE } else { self })
    }

    /// In a key tuple the other columns come as NULL and mean "not sent" (`proto.c: logicalrep_write_delete`).
    fn mark_not_sent(self, relation: &RelationDef) {
        for (index, column) in relation.columns().iter().enumerate().take(self.count as usize) {
            // SAFETY: `field` wrote `count` values; nobody else refers to them.
            let value = unsafe { &mut *self.values.add(index) };
            if column.flags & ColumnFlag::KEY as u32 == 0 && value.kind == ValueKind::NULL as u32 {
                value.kind = ValueKind::NOT_SENT as u32;
            }
        }
    }
}
