//! Sealed batches: events with everything that they point to.
//!
//! Made by `BatchBuilder::seal` (`builder.rs`), never written again, readable from any thread, alive as long as its owner.

use std::mem;
use std::slice;
use std::sync::Arc;

use super::arena::{Arena, Empty};
use super::event::{Event, TimelineDetail};
use super::relation::RelationDef;
use super::view::EventView;

/// What a batch owns.
#[derive(Debug)]
pub(super) struct Contents {
    /// The events, unless they are in the arena.
    pub events: Vec<Event>,
    pub arena: Arena,
    /// Events point to them.
    pub relations: Vec<Arc<RelationDef>>,
    /// See `Batch::acks`.
    pub acks: Vec<u32>,
}

/// Sealed events. Immutable, and alive until dropped.
#[derive(Debug)]
pub struct Batch {
    first: *const Event,
    count: usize,
    ack_lsn: u64,
    bytes: usize,
    contents: Contents,
}

// SAFETY: the batch owns all that its pointers lead to, and nobody writes it after `seal`.
unsafe impl Send for Batch {}
// SAFETY: as above: shared access only reads.
unsafe impl Sync for Batch {}

impl Batch {
    /// Of the `count` events from `first` on, which are in `contents`.
    pub(super) fn new(first: *const Event, count: usize, ack_lsn: u64, contents: Contents) -> Batch {
        let vectors =
            contents.events.capacity() * size_of::<Event>() + contents.acks.capacity() * size_of::<u32>();
        let bytes = contents.arena.bytes() + vectors;
        Batch { first, count, ack_lsn, bytes, contents }
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
        self.contents.acks.retain(|index| *index as usize >= count);
        self.contents.acks.iter_mut().for_each(|index| *index -= count as u32);
        let ack_lsn = |index: &u32| self.events()[*index as usize].ack_lsn;
        self.ack_lsn = self.contents.acks.iter().map(ack_lsn).max().unwrap_or(0);
        Some(self)
    }

    /// Which of its events have an `ack_lsn`, in order.
    #[inline]
    pub fn acks(&self) -> &[u32] {
        &self.contents.acks
    }

    /// Highest `ack_lsn` of its events, 0 if none has one.
    pub fn ack_lsn(&self) -> u64 {
        self.ack_lsn
    }

    /// The timeline that begins with it: a TIMELINE is the first event of its batch.
    pub fn switch(&self) -> Option<TimelineDetail> {
        let first = self.events().first()?;
        // SAFETY: an event of ours, and what it points to lives as long as the batch.
        unsafe { EventView::new(first) }.timeline_detail().copied()
    }

    /// Memory that it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let Contents { events, arena, relations, acks } = &mut self.contents;
        arena.give_back(Empty {
            events: mem::take(events),
            relations: mem::take(relations),
            acks: mem::take(acks),
            ..Empty::default()
        });
    }
}
