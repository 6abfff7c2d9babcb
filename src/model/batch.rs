//! Batches: events with everything that they point to.
//!
//! A `BatchBuilder` is filled on the replication thread: the fields of a row come straight from the decoder as ranges,
//! and become pointers once the message lies in the batch's own memory. `seal` makes a `Batch` of it: never written
//! again, readable from any thread, alive as long as its owner.

use std::ffi::{c_char, c_void};
use std::mem;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;

use super::OutOfMemory;
use super::arena::{Arena, Empty, Pool};
use super::event::{Event, Kind, OldKind, OriginDetail, RollbackDetail, TimelineDetail, TypeDetail};
use super::relation::{ColumnFlag, Relation, RelationDef};
use super::value::{Value, ValueKind};
use crate::wire::{FieldKind, FieldSink, Span};

/// A relation that recent rows of the batch used need not be noted again.
const RECENT_RELATIONS: usize = 4;

/// A batch under construction.
#[derive(Debug)]
pub struct BatchBuilder {
    pub(super) arena: Arena,
    events: Vec<Event>,
    relations: Vec<Arc<RelationDef>>,
    acks: Vec<u32>,
    ack_lsn: u64,
    staged: Staged,
}

/// Fields of the message that is being decoded: first the old row's, then the new one's. Their bytes are the batch's own
/// copy of the message, so that a NUL can be written behind each while the decoder reads on in the message itself.
#[derive(Debug)]
struct Staged {
    /// Of the copy, which has one byte more than the message.
    base: NonNull<u8>,
    len: usize,
    rows: [Option<Row>; 2],
    count: usize,
    /// There was no room for a row, or one was left unfinished, which no decoder does.
    failed: bool,
    /// Where the next field of the last row goes, and the end of the room for it; both dangle while there is none.
    next: *mut Value,
    end: *mut Value,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    values: NonNull<Value>,
    /// All of them are there when the next row begins, or when the rows are pushed.
    count: u32,
}

impl Staged {
    fn over(base: NonNull<u8>, len: usize) -> Staged {
        Staged {
            base,
            len,
            rows: [None; 2],
            count: 0,
            failed: false,
            next: ptr::null_mut(),
            end: ptr::null_mut(),
        }
    }
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

impl BatchBuilder {
    /// An empty one. Memory comes from `pool`, and goes back to it with the batch.
    pub fn new(pool: Arc<Pool>) -> BatchBuilder {
        let Empty { events, relations, acks, chunks } = pool.empty();
        BatchBuilder {
            events,
            arena: Arena::new(pool, chunks),
            relations,
            acks,
            ack_lsn: 0,
            staged: Staged::over(NonNull::dangling(), 0),
        }
    }

    /// Events in it.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Nothing in it?
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Memory that it holds, allocated or not yet sealed.
    pub fn bytes(&self) -> usize {
        self.arena.bytes() + self.events.len() * size_of::<Event>() + self.acks.len() * size_of::<u32>()
    }

    /// Where the decoder is to put the fields of this message.
    #[inline]
    pub fn fields(&mut self, message: &[u8]) -> Result<&mut Self, OutOfMemory> {
        self.staged = Staged::over(self.copy(message)?, message.len());
        Ok(self)
    }

    /// Adds an event without a row. `name` and `content` are ranges of `payload`, which is copied when there is one.
    pub fn push(
        &mut self,
        mut event: Event,
        payload: &[u8],
        name: Option<Span>,
        content: Option<Span>,
    ) -> Result<(), OutOfMemory> {
        self.reserve(event.ack_lsn)?;
        if name.is_some() || content.is_some() {
            let base = self.copy(payload)?;
            if let Some(name) = name {
                event.name = terminate(base, name).cast();
                event.name_len = name.len;
            }
            if let Some(content) = content {
                event.payload = terminate(base, content);
                event.payload_len = content.len;
            }
        }
        self.add(event);
        Ok(())
    }

    /// Adds a row event: its fields came into `fields()` since that was called last.
    #[inline]
    pub fn push_row(
        &mut self,
        event: &Event,
        kind: Kind,
        relation: &Arc<RelationDef>,
        tuples: Tuples,
    ) -> Result<(), RowError> {
        if self.staged.failed || self.staged.next != self.staged.end {
            return Err(OutOfMemory.into());
        }
        self.reserve(event.ack_lsn)?;
        let [first, second] = self.staged.rows;
        let (old, new) = if tuples.old == OldKind::NONE { (None, first) } else { (first, second) };
        if let Some(old) = old.filter(|_| tuples.old == OldKind::KEY) {
            mark_not_sent(old, relation);
        }
        let (old_values, old_count) = checked(old, relation)?;
        let (new_values, new_count) = checked(new.filter(|_| tuples.new), relation)?;
        let relation = self.hold(relation);
        self.add(Event {
            kind: kind as u32,
            old_values,
            old_count,
            new_values,
            new_count,
            old_kind: tuples.old as u32,
            relation,
            ..*event
        });
        Ok(())
    }

    /// Adds an event about a relation itself.
    pub fn push_relation(
        &mut self,
        mut event: Event,
        relation: &Arc<RelationDef>,
    ) -> Result<(), OutOfMemory> {
        self.reserve(event.ack_lsn)?;
        event.relation = self.hold(relation);
        self.add(event);
        Ok(())
    }

    /// Adds a TRUNCATE.
    pub fn push_truncate(
        &mut self,
        mut event: Event,
        relations: &[Arc<RelationDef>],
    ) -> Result<(), OutOfMemory> {
        self.reserve(event.ack_lsn)?;
        let list =
            self.arena.take(size_of_val(relations), align_of::<*const Relation>())?.cast::<*const Relation>();
        for (index, relation) in relations.iter().enumerate() {
            let pointer = self.hold(relation);
            // SAFETY: room for one pointer a relation was just taken.
            unsafe { list.add(index).write(pointer) };
        }
        event.detail = list.as_ptr().cast_const().cast();
        event.detail_count = relations.len() as u32;
        self.add(event);
        Ok(())
    }

    /// Adds a TYPE; `schema` is spelt out.
    pub fn push_type(
        &mut self,
        mut event: Event,
        oid: u32,
        schema: &[u8],
        name: &[u8],
    ) -> Result<(), OutOfMemory> {
        let detail = TypeDetail { schema: self.text(schema)?, name: self.text(name)?, oid, reserved: 0 };
        event.detail = self.detail(detail)?;
        event.detail_count = 1;
        self.push(event, &[], None, None)
    }

    /// Adds an ORIGIN.
    pub fn push_origin(
        &mut self,
        mut event: Event,
        payload: &[u8],
        name: Span,
        detail: OriginDetail,
    ) -> Result<(), OutOfMemory> {
        event.detail = self.detail(detail)?;
        event.detail_count = 1;
        self.push(event, payload, Some(name), None)
    }

    /// Adds a ROLLBACK_PREPARED.
    pub fn push_rollback(
        &mut self,
        mut event: Event,
        payload: &[u8],
        gid: Span,
        detail: RollbackDetail,
    ) -> Result<(), OutOfMemory> {
        event.detail = self.detail(detail)?;
        event.detail_count = 1;
        self.push(event, payload, Some(gid), None)
    }

    /// Adds a WAL or TIMELINE.
    pub fn push_timeline(
        &mut self,
        mut event: Event,
        payload: &[u8],
        name: Option<Span>,
        content: Span,
        detail: TimelineDetail,
    ) -> Result<(), OutOfMemory> {
        event.detail = self.detail(detail)?;
        event.detail_count = 1;
        self.push(event, payload, name, Some(content))
    }

    /// Closes the batch and leaves an empty builder behind. None when there is nothing in it.
    pub fn seal(&mut self) -> Result<Option<Batch>, OutOfMemory> {
        if self.events.is_empty() {
            return Ok(None);
        }
        let mut next = BatchBuilder::new(Arc::clone(self.arena.pool()));
        if self.events.len() < self.events.capacity() / 4 {
            // Few events: a copy of their own size is cheaper than to give away room for many.
            let size = size_of_val(self.events.as_slice());
            let start = self.arena.take(size, align_of::<Event>())?.cast::<Event>();
            // SAFETY: room for all events was just taken.
            unsafe {
                start
                    .copy_from_nonoverlapping(NonNull::from(self.events.as_slice()).cast(), self.events.len())
            };
            let count = self.events.len();
            self.events.clear();
            // The next batch goes on with the room that this one did not need.
            let unused = mem::replace(&mut next.events, mem::take(&mut self.events));
            let sealed = mem::replace(self, next);
            return Ok(Some(Batch::new(start.as_ptr(), count, unused, sealed)));
        }
        let mut sealed = mem::replace(self, next);
        let events = mem::take(&mut sealed.events);
        Ok(Some(Batch::new(events.as_ptr(), events.len(), events, sealed)))
    }

    /// Room for one event more, which can be acknowledged or not.
    #[inline]
    fn reserve(&mut self, ack_lsn: u64) -> Result<(), OutOfMemory> {
        if ack_lsn != 0 {
            self.acks.try_reserve(1).map_err(|_| OutOfMemory)?;
        }
        self.events.try_reserve(1).map_err(|_| OutOfMemory)
    }

    /// Within the room that the caller reserved.
    #[inline]
    fn add(&mut self, event: Event) {
        if event.ack_lsn != 0 {
            self.ack_lsn = self.ack_lsn.max(event.ack_lsn);
            self.acks.push(self.events.len() as u32);
        }
        self.events.push(event);
    }

    /// The batch owns a share of each relation that its events point to.
    #[inline]
    fn hold(&mut self, relation: &Arc<RelationDef>) -> *const Relation {
        let held = self.relations.iter().rev().take(RECENT_RELATIONS).any(|held| Arc::ptr_eq(held, relation));
        if !held {
            self.relations.push(Arc::clone(relation));
        }
        relation.as_c()
    }

    /// `bytes`, and one spare byte for the last NUL.
    #[inline]
    fn copy(&mut self, bytes: &[u8]) -> Result<NonNull<u8>, OutOfMemory> {
        let start = self.arena.take(bytes.len() + 1, 1)?;
        // SAFETY: room for the bytes and one more was just taken; the source is elsewhere.
        unsafe {
            start.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            start.add(bytes.len()).write(0);
        }
        Ok(start)
    }

    pub(super) fn text(&mut self, text: &[u8]) -> Result<*const c_char, OutOfMemory> {
        Ok(self.copy(text)?.as_ptr().cast_const().cast())
    }

    pub(super) fn detail<T: Copy>(&mut self, detail: T) -> Result<*const c_void, OutOfMemory> {
        let place = self.arena.take(size_of::<T>(), align_of::<T>())?.cast::<T>();
        // SAFETY: room for one T was just taken.
        unsafe { place.write(detail) };
        Ok(place.as_ptr().cast_const().cast())
    }
}

impl FieldSink for BatchBuilder {
    #[inline]
    fn begin(&mut self, count: u16) {
        let size = usize::from(count) * size_of::<Value>();
        let index = self.staged.count;
        self.staged.failed |= self.staged.next != self.staged.end;
        match (self.arena.take(size, align_of::<Value>()), self.staged.rows.get_mut(index)) {
            (Ok(start), Some(row)) => {
                let values = start.cast::<Value>();
                *row = Some(Row { values, count: u32::from(count) });
                self.staged.count += 1;
                self.staged.next = values.as_ptr();
                // SAFETY: room for `count` values was just taken.
                self.staged.end = unsafe { values.as_ptr().add(usize::from(count)) };
            }
            _ => {
                self.staged.failed = true;
                self.staged.end = self.staged.next;
            }
        }
    }

    #[inline]
    fn field(&mut self, kind: FieldKind, span: Span) {
        // Also when there was no room for the row.
        if self.staged.next == self.staged.end {
            return;
        }
        let kind = match kind {
            FieldKind::Null => ValueKind::NULL,
            FieldKind::Unchanged => ValueKind::UNCHANGED,
            FieldKind::Text => ValueKind::TEXT,
            FieldKind::Binary => ValueKind::BINARY,
        };
        let end = span.start as usize + span.len as usize;
        if end > self.staged.len {
            // Which no decoder does.
            self.staged.failed = true;
            return;
        }
        let mut data = ptr::null();
        if matches!(kind, ValueKind::TEXT | ValueKind::BINARY) {
            // SAFETY: the copy has `len` bytes and one more, and nobody else refers to it. The byte behind the value is the
            // next one's kind, the next tuple's mark or the spare byte: no value's own.
            unsafe {
                self.staged.base.add(end).write(0);
                data = self.staged.base.add(span.start as usize).as_ptr().cast_const().cast();
            }
        }
        let value = Value { data, size: span.len, kind: kind as u32 };
        // SAFETY: `next` is before `end`, in the room that `begin` took, which nobody else refers to.
        unsafe {
            self.staged.next.write(value);
            self.staged.next = self.staged.next.add(1);
        }
    }
}

/// A row's values for C. A row that is not there has none.
#[inline]
fn checked(row: Option<Row>, relation: &RelationDef) -> Result<(*const Value, u32), RowError> {
    let expected = relation.relation().column_count;
    match row {
        None => Ok((ptr::null(), 0)),
        Some(row) if row.count != expected => Err(RowError::ColumnCount { found: row.count, expected }),
        Some(Row { count: 0, .. }) => Ok((ptr::null(), 0)),
        Some(row) => Ok((row.values.as_ptr(), row.count)),
    }
}

/// In a key tuple the other columns come as NULL and mean "not sent" (`proto.c: logicalrep_write_delete`).
fn mark_not_sent(row: Row, relation: &RelationDef) {
    for (index, column) in relation.columns().iter().enumerate().take(row.count as usize) {
        // SAFETY: `field` wrote `count` values; nobody else refers to them.
        let value = unsafe { row.values.add(index).as_mut() };
        if column.flags & ColumnFlag::KEY as u32 == 0 && value.kind == ValueKind::NULL as u32 {
            value.kind = ValueKind::NOT_SENT as u32;
        }
    }
}

/// The address of `span` in the copy at `base`, with a NUL behind it.
fn terminate(base: NonNull<u8>, span: Span) -> *const u8 {
    // SAFETY: the span lies within the message, whose copy at `base` has one spare byte.
    unsafe {
        let start = base.add(span.start as usize);
        start.add(span.len as usize).write(0);
        start.as_ptr()
    }
}

/// Sealed events. Immutable, and alive until dropped.
#[derive(Debug)]
pub struct Batch {
    first: *const Event,
    count: usize,
    ack_lsn: u64,
    bytes: usize,
    /// Where `first` points to, unless that is the arena.
    events: Vec<Event>,
    arena: Arena,
    /// Events point to them.
    relations: Vec<Arc<RelationDef>>,
    acks: Vec<u32>,
}

// SAFETY: the batch owns all that its pointers lead to, and nobody writes it after `seal`.
unsafe impl Send for Batch {}
// SAFETY: as above: shared access only reads.
unsafe impl Sync for Batch {}

impl Batch {
    fn new(first: *const Event, count: usize, events: Vec<Event>, sealed: BatchBuilder) -> Batch {
        let vectors = events.capacity() * size_of::<Event>() + sealed.acks.capacity() * size_of::<u32>();
        let bytes = sealed.arena.bytes() + vectors;
        Batch {
            first,
            count,
            ack_lsn: sealed.ack_lsn,
            bytes,
            events,
            arena: sealed.arena,
            relations: sealed.relations,
            acks: sealed.acks,
        }
    }

    /// The events, in order.
    #[inline]
    pub fn events(&self) -> &[Event] {
        // SAFETY: `seal` left `count` events there, alive with self and never written again.
        unsafe { slice::from_raw_parts(self.first, self.count) }
    }

    /// Without its first events; None when nothing is left.
    pub fn skip(mut self, count: usize) -> Option<Batch> {
        let rest = self.events().get(count..).filter(|rest| !rest.is_empty())?;
        (self.first, self.count) = (rest.as_ptr(), rest.len());
        self.acks.retain(|index| *index as usize >= count);
        self.acks.iter_mut().for_each(|index| *index -= count as u32);
        let ack_lsn = |index: &u32| self.events()[*index as usize].ack_lsn;
        self.ack_lsn = self.acks.iter().map(ack_lsn).max().unwrap_or(0);
        Some(self)
    }

    /// Which of its events have an `ack_lsn`, in order.
    #[inline]
    pub fn acks(&self) -> &[u32] {
        &self.acks
    }

    /// Highest `ack_lsn` of its events, 0 if none has one.
    pub fn ack_lsn(&self) -> u64 {
        self.ack_lsn
    }

    /// Memory that it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.arena.give_back(Empty {
            events: mem::take(&mut self.events),
            relations: mem::take(&mut self.relations),
            acks: mem::take(&mut self.acks),
            ..Empty::default()
        });
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
