//! Batches under construction.
//!
//! A `BatchBuilder` is filled on the replication thread: the fields of a row come straight from the decoder (`fields.rs`).
//! `seal` makes a `Batch` of it.

use std::ffi::{c_char, c_void};
use std::mem;
use std::ptr::NonNull;
use std::sync::Arc;

use super::OutOfMemory;
use super::arena::{Arena, Empty, Pool};
use super::batch::{Batch, Contents};
use super::event::{Event, Kind, OriginDetail, RollbackDetail, TimelineDetail, TypeDetail};
use super::fields::{Fields, RowError, Tuples};
use super::relation::{Relation, RelationDef};
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
    fields: Fields,
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
            fields: Fields::none(),
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
        self.fields = Fields::of(self.copy(message)?, message.len());
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
        if !self.fields.complete() {
            return Err(OutOfMemory.into());
        }
        self.reserve(event.ack_lsn)?;
        let [old, new] = self.fields.rows(tuples, relation)?;
        let relation = self.hold(relation);
        self.add(Event {
            kind: kind as u32,
            old_values: old.values,
            old_count: old.count,
            new_values: new.values,
            new_count: new.count,
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
            return Ok(Some(sealed.batch(start.as_ptr(), count, unused)));
        }
        let mut sealed = mem::replace(self, next);
        let events = mem::take(&mut sealed.events);
        Ok(Some(sealed.batch(events.as_ptr(), events.len(), events)))
    }

    fn batch(self, first: *const Event, count: usize, events: Vec<Event>) -> Batch {
        let contents = Contents { events, arena: self.arena, relations: self.relations, acks: self.acks };
        Batch::new(first, count, self.ack_lsn, contents)
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
        self.fields.begin(&mut self.arena, count);
    }

    #[inline]
    fn field(&mut self, kind: FieldKind, span: Span) {
        self.fields.field(kind, span);
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

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
