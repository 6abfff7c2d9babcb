//! `delivery=as-sent`: each message as an event, stream blocks and aborts included.
//!
//! Owns what is needed to name things right: whose block or transaction it is, and the definitions that hold only
//! inside an unfinished streamed transaction.

#![forbid(unsafe_code)]

use std::collections::HashMap;

use super::assembler::MOST_OPEN;
use super::committed::Out;
use super::error::Failure;
use super::outbox::without_identity;
use super::transaction::Identity;
use crate::lsn::{Lsn, Xid};
use crate::model::event::{EventFlag, LAST_SEQ};
use crate::model::{Catalog, Event, Kind};
use crate::wire::{self, Head, Message, Tag};

/// See the file's head.
#[derive(Debug, Default)]
pub struct AsSent {
    /// Between Begin and Commit, or BeginPrepare and Prepare: what its events have in common.
    plain: Option<Plain>,
    /// Between Stream Start and Stream Stop.
    block: Option<Xid>,
    /// Definitions of the streamed transactions without an end.
    scopes: HashMap<Xid, Catalog>,
    /// The last late prepare that the host has, while its COMMIT_PREPARED is missing: passed over when it comes again
    /// (rule 12).
    late: Option<Identity>,
}

#[derive(Clone, Copy, Debug)]
struct Plain {
    event: Event,
    next_seq: u64,
    late: bool,
    /// The host has it: passed over up to its PREPARE.
    again: bool,
}

impl AsSent {
    /// The connection is gone, and all that had no end with it. Was there anything that a host may have seen of it?
    pub fn interrupted(&mut self) -> bool {
        let open = self.plain.is_some_and(|plain| !plain.again)
            || self.block.is_some_and(|xid| !self.has(xid))
            || !self.scopes.is_empty();
        *self = AsSent { late: self.late, ..AsSent::default() };
        open
    }

    /// Is it a late prepare that the host has? All that comes of it before its end comes again.
    fn has(&self, xid: Xid) -> bool {
        self.late.is_some_and(|late| late.xid == xid)
    }

    /// Neither in a transaction nor in a block?
    pub fn between_transactions(&self) -> bool {
        self.plain.is_none() && self.block.is_none()
    }

    /// Is it a stream block that is being read?
    pub fn in_stream_block(&self) -> bool {
        self.block.is_some()
    }

    /// When the transaction that is being read was committed.
    pub fn commit_time_us(&self) -> Option<i64> {
        self.plain.map(|plain| plain.event.commit_time_us)
    }

    /// Streamed ones without an end.
    pub fn open_transactions(&self) -> usize {
        self.scopes.len()
    }

    /// One pgoutput message.
    pub fn message(&mut self, out: &mut Out<'_>, lsn: Lsn, payload: &[u8]) -> Result<(), Failure> {
        let position = if self.block.is_some() { wire::Position::InBlock } else { wire::Position::Plain };
        let head = Head::peek(payload, position)?;
        let body = &payload[head.body_start..];
        match (self.block, head.tag) {
            (Some(xid), tag) if self.has(xid) => {
                Message::decode_body(tag, body, &mut ())?;
                self.block = self.block.filter(|_| tag != Tag::StreamStop);
                Ok(())
            }
            (Some(xid), Tag::StreamStop) => self.stream_stop(out, xid, lsn, body),
            (Some(xid), _) => self.in_block(out, xid, head, lsn, body),
            (
                None,
                Tag::Insert
                | Tag::Update
                | Tag::Delete
                | Tag::Truncate
                | Tag::Relation
                | Tag::Type
                | Tag::Origin,
            ) => self.in_transaction(out, head.tag, lsn, body),
            (None, Tag::Logical) => self.logical(out, lsn, body),
            (None, tag) => self.control(out, tag, lsn, body),
        }
    }

    fn stream_stop(&mut self, out: &mut Out<'_>, xid: Xid, lsn: Lsn, body: &[u8]) -> Result<(), Failure> {
        Message::decode_body(Tag::StreamStop, body, &mut ())?;
        self.block = None;
        let event = Event { xid: xid.0, lsn: lsn.0, ..Event::new(Kind::STREAM_STOP) };
        out.outbox.plain(streamed(event))
    }

    fn in_block(
        &mut self,
        out: &mut Out<'_>,
        xid: Xid,
        head: Head,
        lsn: Lsn,
        body: &[u8],
    ) -> Result<(), Failure> {
        let subxid = match head.tag {
            // It tells the top-level one always (`pgoutput.c: pgoutput_message`), which says nothing.
            Tag::Logical => Xid(0),
            _ => head.subxid.unwrap_or(xid),
        };
        let event = streamed(Event { xid: xid.0, subxid: subxid.0, lsn: lsn.0, ..Event::new(Kind::INSERT) });
        let scope = self.scopes.entry(xid).or_default();
        match head.tag {
            Tag::Relation | Tag::Type => out.outbox.define(event, head.tag, body, Some(scope)),
            Tag::Origin => origin(out, event, body),
            tag => out.outbox.change(&event, tag, body, Some(scope)),
        }
    }

    fn in_transaction(&mut self, out: &mut Out<'_>, tag: Tag, lsn: Lsn, body: &[u8]) -> Result<(), Failure> {
        let Some(plain) = &mut self.plain else { return Err(Failure::misplaced(tag)) };
        let event = Event { lsn: lsn.0, ..plain.event };
        match tag {
            Tag::Relation | Tag::Type => out.outbox.define(event, tag, body, None),
            // Definitions hold beyond the transaction.
            _ if plain.again => Ok(Message::decode_body(tag, body, &mut ()).map(drop)?),
            Tag::Origin => origin(out, event, body),
            _ => {
                let seq = plain.next_seq;
                plain.next_seq += 1;
                out.outbox.change(&Event { seq, ..event }, tag, body, None)
            }
        }
    }

    fn logical(&mut self, out: &mut Out<'_>, lsn: Lsn, body: &[u8]) -> Result<(), Failure> {
        let Message::Logical(message) = Message::decode_body(Tag::Logical, body, &mut ())? else {
            return Err(Failure::misplaced(Tag::Logical));
        };
        if message.transactional {
            return self.in_transaction(out, Tag::Logical, lsn, body);
        }
        let at = message.lsn;
        out.ledger.complete(at)?;
        let event = Event { commit_lsn: at.0, lsn: at.0, ack_lsn: at.0, ..Event::new(Kind::MESSAGE) };
        out.outbox.named(event, body, Some(message.prefix), Some(message.content))
    }

    fn begin(
        &mut self,
        out: &mut Out<'_>,
        event: Event,
        gid: Option<(&[u8], wire::Span)>,
        late: bool,
    ) -> Result<(), Failure> {
        if !self.between_transactions() {
            return Err(Failure::misplaced(Tag::Begin));
        }
        let again = late && self.late == Some(identity(&event));
        self.plain = Some(Plain { event, next_seq: 2, late, again });
        if again {
            return Ok(());
        }
        out.ledger.begin();
        let (body, gid) = gid.unzip();
        out.outbox.named(Event { seq: 1, ..event }, body.unwrap_or_default(), gid, None)
    }

    /// Ends the plain transaction that began at `commit_lsn`.
    fn end(
        &mut self,
        out: &mut Out<'_>,
        kind: Kind,
        commit_lsn: Lsn,
        end: Lsn,
        gid: Option<(&[u8], wire::Span)>,
    ) -> Result<(), Failure> {
        let Some(plain) = self.plain.take().filter(|plain| plain.event.commit_lsn == commit_lsn.0) else {
            return Err(Failure::protocol("a transaction's end does not match its beginning"));
        };
        if plain.again {
            return Ok(());
        }
        let ack_lsn = if plain.late { Lsn::ZERO } else { end };
        if plain.late {
            self.late = Some(identity(&plain.event));
        } else {
            out.ledger.complete(end)?;
        }
        let event =
            Event { kind: kind as u32, seq: LAST_SEQ, lsn: commit_lsn.0, ack_lsn: ack_lsn.0, ..plain.event };
        let (body, gid) = gid.unzip();
        out.outbox.named(event, body.unwrap_or_default(), gid, None)
    }

    fn control(&mut self, out: &mut Out<'_>, tag: Tag, lsn: Lsn, body: &[u8]) -> Result<(), Failure> {
        match Message::decode_body(tag, body, &mut ())? {
            Message::Begin(begin) => {
                let event = Event {
                    commit_lsn: begin.final_lsn.0,
                    lsn: lsn.0,
                    commit_time_us: begin.commit_time.unix_us(),
                    xid: begin.xid.0,
                    ..Event::new(Kind::BEGIN)
                };
                self.begin(out, event, None, false)
            }
            Message::Commit(commit) => self.end(out, Kind::COMMIT, commit.commit_lsn, commit.end_lsn, None),
            Message::BeginPrepare(begin) => {
                let event = Event {
                    commit_lsn: begin.prepare_lsn.0,
                    lsn: lsn.0,
                    commit_time_us: begin.prepare_time.unix_us(),
                    xid: begin.xid.0,
                    ..Event::new(Kind::BEGIN_PREPARE)
                };
                let late = out.is_late(begin.end_lsn);
                self.begin(out, event, Some((body, begin.gid)), late)
            }
            Message::Prepare(prepare) => {
                self.end(out, Kind::PREPARE, prepare.prepare_lsn, prepare.end_lsn, Some((body, prepare.gid)))
            }
            Message::StreamStart(start) => {
                if self.plain.is_some() {
                    return Err(Failure::misplaced(tag));
                }
                if self.scopes.len() >= MOST_OPEN {
                    return Err(Failure::protocol("more transactions without an end than a server can have"));
                }
                self.block = Some(start.xid);
                if self.has(start.xid) {
                    return Ok(());
                }
                self.scopes.entry(start.xid).or_default();
                let event = Event { xid: start.xid.0, lsn: lsn.0, ..Event::new(Kind::STREAM_START) };
                out.outbox.plain(streamed(event))
            }
            Message::StreamAbort(abort) if self.has(abort.xid) => Ok(()),
            Message::StreamPrepare(prepare) if self.has(prepare.xid) => Ok(()),
            Message::StreamAbort(abort) => {
                if abort.xid == abort.subxid {
                    self.scopes.remove(&abort.xid);
                }
                let (at, time) = abort.at.unzip();
                let event = Event {
                    lsn: at.unwrap_or(lsn).0,
                    xid: abort.xid.0,
                    subxid: abort.subxid.0,
                    commit_time_us: time.map_or(0, |time| time.unix_us()),
                    ..Event::new(Kind::STREAM_ABORT)
                };
                out.outbox.plain(streamed(event))
            }
            Message::StreamCommit(commit) => {
                let event = Event {
                    commit_lsn: commit.commit_lsn.0,
                    lsn: commit.commit_lsn.0,
                    ack_lsn: commit.end_lsn.0,
                    commit_time_us: commit.commit_time.unix_us(),
                    ..Event::new(Kind::STREAM_COMMIT)
                };
                self.end_streamed(out, commit.xid, event, &[], None)
            }
            Message::StreamPrepare(prepare) => {
                let late = out.is_late(prepare.end_lsn);
                let event = Event {
                    commit_lsn: prepare.prepare_lsn.0,
                    lsn: prepare.prepare_lsn.0,
                    ack_lsn: if late { 0 } else { prepare.end_lsn.0 },
                    commit_time_us: prepare.prepare_time.unix_us(),
                    ..Event::new(Kind::STREAM_PREPARE)
                };
                self.end_streamed(out, prepare.xid, event, body, Some(prepare.gid))
            }
            Message::CommitPrepared(commit) => {
                self.prepared_ended(commit.xid);
                out.commit_prepared(&commit, body)
            }
            Message::RollbackPrepared(rollback) => {
                self.prepared_ended(rollback.xid);
                out.rollback_prepared(&rollback, body)
            }
            _ => Err(Failure::misplaced(tag)),
        }
    }

    fn prepared_ended(&mut self, xid: Xid) {
        self.late = self.late.filter(|late| late.xid != xid);
        // The server may stream one whose PREPARE was for an earlier process, and then tells only how it ended.
        self.scopes.remove(&xid);
    }

    fn end_streamed(
        &mut self,
        out: &mut Out<'_>,
        xid: Xid,
        event: Event,
        body: &[u8],
        gid: Option<wire::Span>,
    ) -> Result<(), Failure> {
        if let Some(scope) = self.scopes.remove(&xid) {
            out.outbox.catalog().absorb(scope);
        }
        let event = Event { xid: xid.0, seq: LAST_SEQ, flags: EventFlag::STREAMED as u32, ..event };
        match event.ack_lsn {
            // A late prepare.
            0 => {
                out.ledger.begin();
                self.late = Some(identity(&event));
            }
            end => out.ledger.complete(Lsn(end))?,
        }
        out.outbox.named(event, body, gid, None)
    }
}

/// Of a prepared transaction.
fn identity(event: &Event) -> Identity {
    Identity { lsn: Lsn(event.commit_lsn), xid: Xid(event.xid), prepared: true }
}

fn origin(out: &mut Out<'_>, event: Event, body: &[u8]) -> Result<(), Failure> {
    let Message::Origin(message) = Message::decode_body(Tag::Origin, body, &mut ())? else {
        return Err(Failure::misplaced(Tag::Origin));
    };
    out.outbox.origin(without_identity(event, Kind::ORIGIN), body, &message)
}

fn streamed(event: Event) -> Event {
    Event { flags: event.flags | EventFlag::STREAMED as u32 | EventFlag::NO_IDENTITY as u32, ..event }
}
