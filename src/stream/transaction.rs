//! The transaction that is being handed out, in `delivery=committed`: its identity, and after a lost connection the
//! proof that what comes again is what went out before (delivery-rules.md, 1 to 4, 11, 12).
//!
//! Whether it comes as one piece or was held back until its commit makes no difference here.

#![forbid(unsafe_code)]

use std::hash::Hasher;

use rustc_hash::FxHasher;

use super::error::Failure;
use super::outbox::{Outbox, without_identity};
use crate::lsn::{Lsn, Xid};
use crate::model::code::Code;
use crate::model::event::LAST_SEQ;
use crate::model::{Event, Kind};
use crate::wire::{self, Message, Tag};

/// The first change's `seq`; BEGIN has the one before.
const FIRST_CHANGE: u64 = 2;
const BEGIN_SEQ: u64 = 1;

/// What names a transaction, from its first message on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Start of the commit record, or of the PREPARE's.
    pub lsn: Lsn,
    /// Top-level.
    pub xid: Xid,
    /// Does it end with PREPARE?
    pub prepared: bool,
}

/// What the host got of a transaction before the connection was lost.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    identity: Identity,
    origin: bool,
    changes: u64,
    hash: u64,
    /// A late prepare: the server sends it long after its `lsn`, at its COMMIT PREPARED (rule 12).
    late: bool,
}

/// What a lost connection left behind, as seen by a transaction that begins.
#[derive(Clone, Copy, Debug)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// The host has this part of it.
    Delivered(Part),
    /// The host waits for the rest of another one, which must come first.
    Owed(Part),
}

/// A transaction that has begun and not ended.
#[derive(Debug)]
pub struct Transaction {
    identity: Identity,
    time_us: i64,
    lsn: Lsn,
    /// Has the host its beginning? PostgreSQL 14 sends transactions without a published change, too: those are kept from it,
    /// as later servers do.
    begun: bool,
    /// An Origin message that came before the host got the beginning.
    waiting_origin: Option<Box<[u8]>>,
    origin: bool,
    changes: u64,
    /// Over kind, relation and values of all changes up to here.
    hash: u64,
    /// What the host has already.
    delivered: Option<Part>,
    /// What it waits for first.
    owed: Option<Part>,
    /// A late prepare.
    late: bool,
}

impl Transaction {
    /// Begins. `lsn` is its first change's, 0 unknown.
    pub fn begin(identity: Identity, time_us: i64, lsn: Lsn, before: Before) -> Transaction {
        let (delivered, owed) = match before {
            Before::Nothing => (None, None),
            Before::Delivered(part) => (Some(part), None),
            Before::Owed(part) => (None, Some(part)),
        };
        Transaction {
            identity,
            time_us,
            lsn,
            begun: delivered.is_some(),
            waiting_origin: None,
            origin: false,
            changes: 0,
            hash: 0,
            delivered,
            owed,
            late: false,
        }
    }

    /// Begins, for the host, a prepared transaction: also one without changes, because its end comes on its own. `gid` is
    /// the body of a message that names it, and where in it. `late`: by rule 12.
    pub fn announce_prepared(
        &mut self,
        outbox: &mut Outbox,
        gid: (&[u8], wire::Span),
        late: bool,
    ) -> Result<(), Failure> {
        self.late = late;
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.expect_nothing_owed()?;
        let event = Event { lsn: self.lsn.0, seq: BEGIN_SEQ, ..self.event(Kind::BEGIN_PREPARE) };
        outbox.named(event, gid.0, Some(gid.1), None)
    }

    /// The host gets the beginning before the first thing that needs it.
    #[inline(always)]
    fn announce(&mut self, outbox: &mut Outbox) -> Result<(), Failure> {
        if self.begun && self.waiting_origin.is_none() { Ok(()) } else { self.announce_now(outbox) }
    }

    #[cold]
    fn announce_now(&mut self, outbox: &mut Outbox) -> Result<(), Failure> {
        if !self.begun {
            self.expect_nothing_owed()?;
            self.begun = true;
            outbox.plain(Event { lsn: self.lsn.0, seq: BEGIN_SEQ, ..self.event(Kind::BEGIN) })?;
        }
        match self.waiting_origin.take() {
            Some(body) => self.origin(outbox, &body),
            None => Ok(()),
        }
    }

    fn expect_nothing_owed(&self) -> Result<(), Failure> {
        self.owed.map_or(Ok(()), |part| Err(part.displaced(self.identity.lsn)))
    }

    /// Who it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// When it was committed or prepared, in microseconds since 1970-01-01 UTC.
    pub fn time_us(&self) -> i64 {
        self.time_us
    }

    /// Is it a late prepare?
    pub fn is_late(&self) -> bool {
        self.late
    }

    /// What to expect when it comes again: all that the host got of it. None: nothing.
    pub fn part(&self) -> Option<Part> {
        if !self.begun {
            return None;
        }
        let before = self.delivered.filter(|part| part.changes > self.changes);
        Some(before.unwrap_or(Part {
            identity: self.identity,
            origin: self.origin || self.delivered.is_some_and(|part| part.origin),
            changes: self.changes,
            hash: self.hash,
            late: self.late,
        }))
    }

    /// A change, a definition or an origin inside it.
    #[inline]
    pub fn message(
        &mut self,
        outbox: &mut Outbox,
        tag: Tag,
        body: &[u8],
        lsn: Lsn,
        subxid: Xid,
    ) -> Result<(), Failure> {
        match tag {
            Tag::Relation | Tag::Type | Tag::Origin => self.definition(outbox, tag, body, subxid, lsn, None),
            _ => self.change(outbox, tag, body, lsn, subxid),
        }
    }

    /// A definition that was held back since its arrival.
    pub fn held_definition(
        &mut self,
        outbox: &mut Outbox,
        tag: Tag,
        body: &[u8],
        arrival: u64,
        subxid: Xid,
    ) -> Result<(), Failure> {
        self.definition(outbox, tag, body, subxid, Lsn::ZERO, Some(arrival))
    }

    #[inline(never)]
    fn definition(
        &mut self,
        outbox: &mut Outbox,
        tag: Tag,
        body: &[u8],
        subxid: Xid,
        lsn: Lsn,
        arrival: Option<u64>,
    ) -> Result<(), Failure> {
        let event = Event { lsn: lsn.0, subxid: subxid.0, ..self.event(Kind::RELATION) };
        match tag {
            Tag::Relation | Tag::Type => {
                if tag == Tag::Type {
                    self.announce(outbox)?;
                }
                let arrival = arrival.unwrap_or_else(|| outbox.arrival());
                outbox.define_held(event, tag, body, None, arrival)
            }
            _ if self.begun => self.origin(outbox, body),
            _ => {
                self.waiting_origin = Some(body.into());
                Ok(())
            }
        }
    }

    #[inline]
    fn change(
        &mut self,
        outbox: &mut Outbox,
        tag: Tag,
        body: &[u8],
        lsn: Lsn,
        subxid: Xid,
    ) -> Result<(), Failure> {
        self.announce(outbox)?;
        let seq = FIRST_CHANGE + self.changes;
        self.changes += 1;
        self.hash = hash_change(self.hash, tag, body);
        match self.delivered {
            Some(part) if self.changes <= part.changes => {
                // Checked as if it were delivered; only then forgotten.
                Message::decode_body(tag, body, &mut ())?;
                self.compare(part)
            }
            _ => {
                let event = Event { seq, lsn: lsn.0, subxid: subxid.0, ..self.event(Kind::INSERT) };
                outbox.change(&event, tag, body, None)
            }
        }
    }

    fn compare(&self, part: Part) -> Result<(), Failure> {
        if self.changes < part.changes || self.hash == part.hash {
            return Ok(());
        }
        Err(self.diverged("its changes differ"))
    }

    fn diverged(&self, how: &str) -> Failure {
        let Identity { lsn, xid, .. } = self.identity;
        let message = format!(
            "the server sent transaction {xid}, committed at {lsn}, again after a lost connection, but {how}"
        );
        Failure::new(Code::E_DIVERGED, message).hint(
            "the part already handed out cannot be trusted: undo it, or rebuild what was made of it, and start again \
             from the last acknowledged position; a publication, a column list or binary may have been changed meanwhile",
        )
    }

    fn origin(&mut self, outbox: &mut Outbox, body: &[u8]) -> Result<(), Failure> {
        let Message::Origin(message) = Message::decode_body(Tag::Origin, body, &mut ())? else {
            return Err(Failure::misplaced(Tag::Origin));
        };
        self.origin = true;
        if self.delivered.is_some_and(|part| part.origin) {
            return Ok(());
        }
        let event = self.event(Kind::ORIGIN);
        outbox.origin(without_identity(event, Kind::ORIGIN), body, &message)
    }

    /// Ends; false when the host never heard of it. `ack_lsn` is the end of its record, 0 for a late prepare (rule 12).
    pub fn end(
        self,
        outbox: &mut Outbox,
        ack_lsn: Lsn,
        gid: Option<(&[u8], wire::Span)>,
    ) -> Result<bool, Failure> {
        if !self.begun {
            return Ok(false);
        }
        // A prepared transaction that was rolled back meanwhile comes again without its changes (rule 11).
        if self.delivered.is_some_and(|part| self.changes < part.changes) && !self.identity.prepared {
            return Err(self.diverged("with fewer changes"));
        }
        let kind = if self.identity.prepared { Kind::PREPARE } else { Kind::COMMIT };
        let event = Event { seq: LAST_SEQ, lsn: self.identity.lsn.0, ack_lsn: ack_lsn.0, ..self.event(kind) };
        let (body, gid) = gid.unzip();
        outbox.named(event, body.unwrap_or_default(), gid, None)?;
        Ok(true)
    }

    fn event(&self, kind: Kind) -> Event {
        Event {
            commit_lsn: self.identity.lsn.0,
            commit_time_us: self.time_us,
            xid: self.identity.xid.0,
            ..Event::new(kind)
        }
    }
}

impl Part {
    /// Whose part it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Ought it to have come by the time that the server is at `position`?
    pub fn is_due(&self, position: Lsn) -> bool {
        !self.late && position > self.identity.lsn
    }

    /// Something else is to be delivered, which ends at `at`: the rest is gone, or the order is another than before.
    #[cold]
    pub fn displaced(&self, at: Lsn) -> Failure {
        if at > self.identity.lsn {
            return self.missing();
        }
        let Identity { lsn, xid, .. } = self.identity;
        let message = format!(
            "the server sends what ends at {at} only after part of transaction {xid}, committed at {lsn}, was handed out"
        );
        Failure::new(Code::E_DIVERGED, message)
            .hint("a publication or an option was changed meanwhile: undo the part, and start again from the last acknowledged position")
    }

    /// The transaction ought to come again, and did not.
    pub fn missing(&self) -> Failure {
        let Identity { lsn, xid, .. } = self.identity;
        let message = format!(
            "transaction {xid}, committed at {lsn}, was handed out in part when the connection was lost, and the server does not send it again"
        );
        Failure::new(Code::E_GAP, message).hint(
            "somebody else moved the slot, or the publication no longer covers the transaction: rebuild what was made of it",
        )
    }
}

/// Kind, relation and values: what must be the same when a change comes again. A message's own LSN and a truncate's
/// options are left out (rule 11).
#[inline]
fn hash_change(before: u64, tag: Tag, body: &[u8]) -> u64 {
    const MESSAGE_FLAGS_AND_LSN: usize = 1 + 8;
    const TRUNCATE_COUNT: usize = 4;
    let mut hasher = FxHasher::default();
    hasher.write_u64(before);
    hasher.write_u8(tag as u8);
    match tag {
        Tag::Logical => hasher.write(body.get(MESSAGE_FLAGS_AND_LSN..).unwrap_or_default()),
        Tag::Truncate => hasher.write(body.get(TRUNCATE_COUNT + 1..).unwrap_or_default()),
        _ => hasher.write(body),
    }
    hasher.finish()
}
