//! Events on their way to the host: filled into batches of at most `batch.max_events`, each with the definitions that it
//! needs before it.
//!
//! Owns the batch under construction and the catalog. Refuses to know transactions: a caller gives each event its
//! identity.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::Arc;

use super::error::Failure;
use crate::model::Tuples;
use crate::model::arena::Pool;
use crate::model::backup::Tablespace;
use crate::model::event::{EventFlag, OriginDetail, ProgressDetail, TimelineDetail};
use crate::model::{Batch, BatchBuilder, Catalog, Event, Kind, OldKind, text};
use crate::wire::{self, Message, Tag};

/// See the file's head.
#[derive(Debug)]
pub struct Outbox {
    open: BatchBuilder,
    full: VecDeque<Batch>,
    max_events: usize,
    catalog: Catalog,
    /// Of definitions.
    arrivals: u64,
    /// Since the stream was opened.
    events: u64,
    /// Of the last event that can be acknowledged.
    commit_time_us: Option<i64>,
}

impl Outbox {
    /// With nothing in it.
    pub fn new(pool: Arc<Pool>, max_events: usize) -> Outbox {
        Outbox {
            open: BatchBuilder::new(pool),
            full: VecDeque::new(),
            max_events,
            catalog: Catalog::default(),
            arrivals: 0,
            events: 0,
            commit_time_us: None,
        }
    }

    /// The definitions that hold outside of streamed transactions.
    pub fn catalog(&mut self) -> &mut Catalog {
        &mut self.catalog
    }

    /// Is there a batch that should go before more is added? `bytes` is what may be waiting here.
    pub fn is_full(&self, bytes: usize) -> bool {
        !self.full.is_empty() || self.open.len() >= self.max_events || self.open.bytes() >= bytes
    }

    /// Nothing here?
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.open.is_empty()
    }

    /// Events that were added since the stream was opened.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// When the last entry that went out since the call before was committed.
    #[inline]
    pub fn take_commit_time(&mut self) -> Option<i64> {
        self.commit_time_us.take()
    }

    /// Memory in use.
    pub fn bytes(&self) -> usize {
        self.open.bytes() + self.full.iter().map(Batch::bytes).sum::<usize>()
    }

    /// Takes the oldest full batch.
    pub fn take_full(&mut self) -> Option<Batch> {
        self.full.pop_front()
    }

    /// Takes the oldest batch, full or not.
    pub fn take(&mut self) -> Result<Option<Batch>, Failure> {
        match self.full.pop_front() {
            Some(batch) => Ok(Some(batch)),
            None => Ok(self.open.seal()?),
        }
    }

    /// Makes room for one event.
    #[inline]
    fn room(&mut self) -> Result<&mut BatchBuilder, Failure> {
        self.events += 1;
        room(&mut self.open, &mut self.full, self.max_events)
    }

    /// An event with nothing but its fields.
    pub fn plain(&mut self, event: Event) -> Result<(), Failure> {
        Ok(self.room()?.push(event, &[], None, None)?)
    }

    /// An event with a name and a payload, both ranges of `bytes`.
    pub fn named(
        &mut self,
        event: Event,
        bytes: &[u8],
        name: Option<wire::Span>,
        content: Option<wire::Span>,
    ) -> Result<(), Failure> {
        if event.ack_lsn != 0 {
            self.commit_time_us = Some(event.commit_time_us);
        }
        Ok(self.room()?.push(event, bytes, name, content)?)
    }

    /// A chunk of write-ahead log of this timeline.
    pub fn wal(&mut self, event: Event, payload: &[u8], timeline: u32) -> Result<(), Failure> {
        let detail = TimelineDetail { switch_lsn: 0, timeline, old_timeline: 0 };
        let content = whole(payload)?;
        Ok(self.room()?.push_timeline(event, payload, None, content, detail)?)
    }

    /// A TIMELINE with its history file.
    pub fn timeline(
        &mut self,
        event: Event,
        file: &crate::pg::TimelineFile,
        detail: TimelineDetail,
    ) -> Result<(), Failure> {
        // The first of its batch: with it the host's positions are another timeline's.
        seal(&mut self.open, &mut self.full)?;
        let name = whole(file.name.as_bytes())?;
        // The name's NUL lies between the two.
        let bytes = [file.name.as_bytes(), b"\0", &file.content].concat();
        let content = wire::Span { start: name.len + 1, len: whole(&bytes)?.len - name.len - 1 };
        Ok(self.room()?.push_timeline(event, &bytes, Some(name), content, detail)?)
    }

    /// A BACKUP_START or BACKUP_END.
    pub fn backup(
        &mut self,
        event: Event,
        timeline: u32,
        tablespaces: &[Tablespace<'_>],
    ) -> Result<(), Failure> {
        Ok(self.room()?.push_backup(event, timeline, tablespaces)?)
    }

    /// An ARCHIVE_BEGIN.
    pub fn archive(&mut self, event: Event, name: &[u8], tablespace: &Tablespace<'_>) -> Result<(), Failure> {
        Ok(self.room()?.push_archive(event, name, tablespace)?)
    }

    /// A BACKUP_PROGRESS.
    pub fn progress(&mut self, event: Event, detail: ProgressDetail) -> Result<(), Failure> {
        Ok(self.room()?.push_progress(event, detail)?)
    }

    /// A ROLLBACK_PREPARED.
    pub fn rollback_prepared(
        &mut self,
        event: Event,
        body: &[u8],
        message: &wire::RollbackPrepared,
    ) -> Result<(), Failure> {
        let detail = crate::model::event::RollbackDetail {
            prepare_end_lsn: message.prepare_end_lsn.0,
            prepare_time_us: message.prepare_time.unix_us(),
        };
        self.commit_time_us = Some(event.commit_time_us);
        Ok(self.room()?.push_rollback(event, body, message.gid, detail)?)
    }

    /// An ORIGIN.
    pub fn origin(&mut self, event: Event, body: &[u8], message: &wire::Origin) -> Result<(), Failure> {
        let detail = OriginDetail { origin_lsn: message.lsn.0 };
        Ok(self.room()?.push_origin(event, body, message.name, detail)?)
    }

    /// A definition arrives: its place among all of them.
    pub fn arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// Takes in a definition: the host hears of a relation before its first row, of a type at once. `scope` is the streamed
    /// transaction's own catalog, if it has one.
    pub fn define(
        &mut self,
        event: Event,
        tag: Tag,
        body: &[u8],
        scope: Option<&mut Catalog>,
    ) -> Result<(), Failure> {
        let arrival = self.arrival();
        self.define_held(event, tag, body, scope, arrival)
    }

    /// The same for one that arrived earlier, and was held back.
    pub fn define_held(
        &mut self,
        event: Event,
        tag: Tag,
        body: &[u8],
        scope: Option<&mut Catalog>,
        arrival: u64,
    ) -> Result<(), Failure> {
        let message = Message::decode_body(tag, body, &mut ())?;
        let (catalog, outer) = match scope {
            Some(scope) => (scope, Some(&self.catalog)),
            None => (&mut self.catalog, None),
        };
        match &message {
            Message::Relation(relation) => Ok(catalog.announce_relation(body, relation, outer, arrival)?),
            Message::Type(named) => {
                if catalog.announce_type(body, named, outer) {
                    let (schema, name) = (text::namespace(named.schema.of(body)), named.name.of(body));
                    self.room()?.push_type(without_identity(event, Kind::TYPE), named.oid.0, schema, name)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A row or a TRUNCATE or a transactional MESSAGE, decoded straight into the batch. `event` has its identity; the
    /// kind and what hangs on it are filled in here.
    #[inline]
    pub fn change(
        &mut self,
        event: &Event,
        tag: Tag,
        body: &[u8],
        scope: Option<&mut Catalog>,
    ) -> Result<(), Failure> {
        match tag {
            Tag::Insert | Tag::Update | Tag::Delete => self.row(event, tag, body, scope),
            Tag::Truncate => self.truncate(*event, body, scope),
            _ => self.message(*event, tag, body),
        }
    }

    #[inline]
    fn row(
        &mut self,
        event: &Event,
        tag: Tag,
        body: &[u8],
        scope: Option<&mut Catalog>,
    ) -> Result<(), Failure> {
        let oid = wire::peek_relation(tag, body)?;
        let catalog = scope.unwrap_or(&mut self.catalog);
        let Some(lookup) = catalog.relation(oid.0) else { return Err(Failure::unknown_relation(tag, oid)) };
        // As `tell` does, without looking it up again.
        if lookup.news {
            self.events += 1;
            room(&mut self.open, &mut self.full, self.max_events)?
                .push_relation(without_identity(*event, Kind::RELATION), lookup.definition)?;
        }
        self.events += 1;
        let open = room(&mut self.open, &mut self.full, self.max_events)?;
        let old = old_kind(wire::decode_row(tag, body, open.fields(body)?)?);
        let (kind, new) = match tag {
            Tag::Update => (Kind::UPDATE, true),
            Tag::Delete => (Kind::DELETE, false),
            _ => (Kind::INSERT, true),
        };
        let tuples = Tuples { old, new };
        open.push_row(event, kind, lookup.definition, tuples).map_err(|error| Failure::row(error, tag, oid))
    }

    fn message(&mut self, mut event: Event, tag: Tag, body: &[u8]) -> Result<(), Failure> {
        let Message::Logical(message) = Message::decode_body(tag, body, &mut ())? else {
            return Err(Failure::misplaced(tag));
        };
        event.kind = Kind::MESSAGE as u32;
        event.lsn = message.lsn.0;
        if message.transactional {
            event.flags |= EventFlag::TRANSACTIONAL as u32;
        }
        self.named(event, body, Some(message.prefix), Some(message.content))
    }

    fn truncate(
        &mut self,
        mut event: Event,
        body: &[u8],
        mut scope: Option<&mut Catalog>,
    ) -> Result<(), Failure> {
        let Message::Truncate(truncate) = Message::decode_body(Tag::Truncate, body, &mut ())? else {
            return Err(Failure::misplaced(Tag::Truncate));
        };
        let mut relations = Vec::with_capacity(truncate.relations.len());
        for oid in &truncate.relations {
            self.tell(event, oid.0, scope.as_deref_mut())?;
            let catalog = scope.as_deref_mut().unwrap_or(&mut self.catalog);
            let lookup =
                catalog.relation(oid.0).ok_or_else(|| Failure::unknown_relation(Tag::Truncate, *oid))?;
            relations.push(Arc::clone(lookup.definition));
        }
        event.kind = Kind::TRUNCATE as u32;
        if truncate.cascade {
            event.flags |= EventFlag::TRUNCATE_CASCADE as u32;
        }
        if truncate.restart_identity {
            event.flags |= EventFlag::RESTART_IDENTITY as u32;
        }
        Ok(self.room()?.push_truncate(event, &relations)?)
    }

    /// A RELATION event, if the host was not told of this definition.
    #[inline]
    fn tell(&mut self, event: Event, oid: u32, scope: Option<&mut Catalog>) -> Result<(), Failure> {
        let catalog = scope.unwrap_or(&mut self.catalog);
        match catalog.relation(oid) {
            Some(lookup) if lookup.news => {
                let definition = Arc::clone(lookup.definition);
                let event = without_identity(event, Kind::RELATION);
                Ok(self.room()?.push_relation(event, &definition)?)
            }
            // One that was never announced is the caller's error.
            _ => Ok(()),
        }
    }
}

/// A batch with room for one event: the open one, or a new one.
#[inline(always)]
fn room<'a>(
    open: &'a mut BatchBuilder,
    full: &mut VecDeque<Batch>,
    max_events: usize,
) -> Result<&'a mut BatchBuilder, Failure> {
    if open.len() >= max_events {
        seal(open, full)?;
    }
    Ok(open)
}

#[cold]
fn seal(open: &mut BatchBuilder, full: &mut VecDeque<Batch>) -> Result<(), Failure> {
    full.extend(open.seal()?);
    Ok(())
}

fn whole(bytes: &[u8]) -> Result<wire::Span, Failure> {
    let len = u32::try_from(bytes.len()).map_err(|_| Failure::protocol("a message of 4 GiB or more"))?;
    Ok(wire::Span { start: 0, len })
}

/// An event of another kind at the same place, that identifies nothing.
pub fn without_identity(event: Event, kind: Kind) -> Event {
    Event { kind: kind as u32, seq: 0, flags: event.flags | EventFlag::NO_IDENTITY as u32, ..event }
}

fn old_kind(old: wire::OldTuple) -> OldKind {
    match old {
        wire::OldTuple::None => OldKind::NONE,
        wire::OldTuple::Key => OldKind::KEY,
        wire::OldTuple::Full => OldKind::FULL,
    }
}
