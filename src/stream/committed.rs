//! `delivery=committed`: whole transactions, in commit order, whatever way the server sends them.
//!
//! Owns what is between the wire and the host's order: the transaction that is being read, those held back until their
//! commit, the one that is being handed out from there, and what has to come again after a lost connection.

#![forbid(unsafe_code)]

mod out;
mod replay;

pub use self::out::Out;
use self::replay::{Replay, ReplayError, Step};
use super::assembler::{Assembler, HoldError};
use super::error::{Cure, Failure};
use super::held::{HeldTransaction, Record};
use super::transaction::{Before, Identity, Part, Transaction};
use crate::lsn::{Lsn, Xid};
use crate::model::code::Code;
use crate::model::{Event, Kind};
use crate::wire::{self, Head, Message, Tag};

/// See the file's head.
#[derive(Debug)]
pub struct Committed {
    assembler: Assembler,
    /// Between Stream Start and Stream Stop: whose block it is.
    block: Option<Xid>,
    state: State,
    /// The transaction that the host had in part when the connection was lost.
    part: Option<Part>,
    /// The last late prepare that the host has, while its COMMIT_PREPARED is missing.
    late: Option<Identity>,
    server_may_stream: bool,
}

/// What is being handed out.
#[derive(Debug)]
enum State {
    Nothing,
    /// From the wire, as it comes.
    Reading(Transaction),
    /// A late prepare that the host has: passed over up to its PREPARE.
    PassingOver,
    /// From where it was held back; nothing is read meanwhile.
    Replaying(Box<Replay>),
}

impl Committed {
    /// Before the first connection.
    pub fn new(assembler: Assembler) -> Committed {
        Committed {
            assembler,
            block: None,
            state: State::Nothing,
            part: None,
            late: None,
            server_may_stream: false,
        }
    }

    /// A connection starts to stream; the server knows nothing of the one before.
    pub fn connected(&mut self, server_may_stream: bool) {
        self.server_may_stream = server_may_stream;
        self.assembler.clear();
        self.block = None;
        let part = match std::mem::replace(&mut self.state, State::Nothing) {
            State::Reading(transaction) => transaction.part(),
            State::Replaying(replay) => replay.transaction.part(),
            State::Nothing | State::PassingOver => None,
        };
        self.keep(part);
    }

    /// The host's part of a transaction that has to come again.
    fn keep(&mut self, part: Option<Part>) {
        if part.is_some() {
            self.part = part;
        }
    }

    /// The transactions without an end so far, and their bytes on disk.
    pub fn held(&self) -> (usize, u64) {
        let on_disk = match &self.state {
            State::Replaying(replay) => replay.reader.file_bytes(),
            _ => 0,
        };
        (self.assembler.count(), self.assembler.file_bytes() + on_disk)
    }

    /// Is there more to hand out before anything else may be read?
    pub fn replaying(&self) -> bool {
        matches!(self.state, State::Replaying(_))
    }

    /// Has the host part of a transaction that was lost with its connection?
    pub fn owes_the_rest(&self) -> bool {
        self.part.is_some()
    }

    /// Is a transaction half read or half handed out?
    pub fn between_transactions(&self) -> bool {
        matches!(self.state, State::Nothing)
    }

    /// Is it a stream block that is being read?
    pub fn in_stream_block(&self) -> bool {
        self.block.is_some()
    }

    /// When the transaction that is being read was committed.
    pub fn commit_time_us(&self) -> Option<i64> {
        match &self.state {
            State::Reading(transaction) => Some(transaction.time_us()),
            _ => None,
        }
    }

    /// The server says that it is at `position`, outside of any transaction: one that ought to have come again by now does not.
    pub fn passed(&self, position: Lsn) -> Result<(), Failure> {
        match self.part {
            Some(part) if self.between_transactions() && self.block.is_none() && part.is_due(position) => {
                Err(part.missing())
            }
            _ => Ok(()),
        }
    }

    /// One pgoutput message. `lsn` is where the server says it stands.
    #[inline]
    pub fn message(&mut self, out: &mut Out<'_>, lsn: Lsn, payload: &[u8]) -> Result<(), Failure> {
        let position = if self.block.is_some() { wire::Position::InBlock } else { wire::Position::Plain };
        let head = Head::peek(payload, position)?;
        let body = &payload[head.body_start..];
        if let Some(xid) = self.block {
            return self.in_block(out, xid, head, lsn, body);
        }
        match (&mut self.state, head.tag) {
            (
                State::Reading(transaction),
                Tag::Insert
                | Tag::Update
                | Tag::Delete
                | Tag::Truncate
                | Tag::Relation
                | Tag::Type
                | Tag::Origin,
            ) => transaction.message(out.outbox, head.tag, body, lsn, Xid(0)),
            (State::PassingOver, tag) if tag != Tag::Prepare => {
                Message::decode_body(tag, body, &mut ())?;
                match tag {
                    // Definitions hold beyond the transaction.
                    Tag::Relation | Tag::Type => {
                        out.outbox.define(Event::new(Kind::RELATION), tag, body, None)
                    }
                    _ => Ok(()),
                }
            }
            (_, Tag::Begin) => self.begin(out, body, lsn),
            (_, Tag::Commit) => self.commit(out, body),
            (_, Tag::Logical) => self.logical(out, body, lsn),
            _ => self.control(out, head.tag, body, lsn),
        }
    }

    /// What comes inside a block is kept, and looked into at its commit.
    fn in_block(
        &mut self,
        out: &mut Out<'_>,
        xid: Xid,
        head: Head,
        lsn: Lsn,
        body: &[u8],
    ) -> Result<(), Failure> {
        if head.tag == Tag::StreamStop {
            Message::decode_body(head.tag, body, &mut ())?;
            self.block = None;
            return Ok(());
        }
        let lsn = match head.tag {
            Tag::Relation | Tag::Type => Lsn(out.outbox.arrival()),
            _ => lsn,
        };
        let record = Record { subxid: head.subxid.unwrap_or(xid), lsn, tag: head.tag as u8, body };
        self.assembler.hold(xid, record).map_err(|error| self.hold_failure(error))
    }

    fn hold_failure(&self, error: HoldError) -> Failure {
        let dir = self.assembler.dir();
        let failure = match error {
            HoldError::OutOfMemory => return crate::model::OutOfMemory.into(),
            HoldError::TooManyTransactions => return Failure::protocol(error.to_string()),
            HoldError::TooManySubtransactions => {
                return Failure::new(Code::E_MEMORY, error.to_string())
                    .hint("raise spill.memory_bytes, or set streaming=off: the server then keeps large transactions")
                    .cure(Cure::RetryWithoutStreaming);
            }
            HoldError::Io(error) => Failure::io("cannot spill a large transaction to", dir, &error),
            HoldError::Full(limit) => Failure::new(
                Code::E_IO,
                format!("spill.max_bytes, {limit} bytes in {}, is exhausted", dir.display()),
            ),
        };
        failure
            .hint("free space, or set spill.dir to a directory that is writable and large enough")
            .cure(Cure::RetryWithoutStreaming)
    }

    /// A MESSAGE, inside its transaction or on its own.
    fn logical(&mut self, out: &mut Out<'_>, body: &[u8], lsn: Lsn) -> Result<(), Failure> {
        let Message::Logical(message) = Message::decode_body(Tag::Logical, body, &mut ())? else {
            return Err(Failure::misplaced(Tag::Logical));
        };
        if message.transactional {
            return match &mut self.state {
                State::Reading(transaction) => {
                    transaction.message(out.outbox, Tag::Logical, body, lsn, Xid(0))
                }
                _ => Err(Failure::misplaced(Tag::Logical)),
            };
        }
        self.expect_nothing(Tag::Logical)?;
        self.expect_no_part(message.lsn)?;
        out.ledger.complete(message.lsn)?;
        let event = Event {
            commit_lsn: message.lsn.0,
            lsn: message.lsn.0,
            ack_lsn: message.lsn.0,
            ..Event::new(Kind::MESSAGE)
        };
        out.outbox.named(event, body, Some(message.prefix), Some(message.content))
    }

    #[cold]
    fn expect_nothing(&self, tag: Tag) -> Result<(), Failure> {
        if self.between_transactions() { Ok(()) } else { Err(Failure::misplaced(tag)) }
    }

    /// Entries come in the order of their ends, and all before the part that the host has were read to their end.
    fn expect_no_part(&self, at: Lsn) -> Result<(), Failure> {
        self.part.map_or(Ok(()), |part| Err(part.displaced(at)))
    }

    /// What the host has of a transaction that begins, or what of another one keeps it from being delivered.
    fn take_part(&mut self, identity: Identity) -> Result<Before, Failure> {
        match self.part {
            Some(part) if part.identity() == identity => {
                self.part = None;
                Ok(Before::Delivered(part))
            }
            Some(part) if part.is_due(identity.lsn) => Err(part.missing()),
            // It may come to nothing, and then it is in nobody's way.
            Some(part) => Ok(Before::Owed(part)),
            None => Ok(Before::Nothing),
        }
    }

    fn control(&mut self, out: &mut Out<'_>, tag: Tag, body: &[u8], lsn: Lsn) -> Result<(), Failure> {
        match Message::decode_body(tag, body, &mut ())? {
            Message::BeginPrepare(begin) => self.begin_prepare(out, &begin, body, lsn),
            Message::Prepare(prepare) => self.prepare(out, &prepare, body),
            Message::CommitPrepared(commit) => {
                self.expect_nothing(tag)?;
                self.expect_no_part(commit.commit_lsn)?;
                self.late = None;
                self.drop_prepared(commit.xid);
                out.commit_prepared(&commit, body)
            }
            Message::RollbackPrepared(rollback) => {
                self.expect_nothing(tag)?;
                self.expect_no_part(rollback.rollback_end_lsn)?;
                self.drop_prepared(rollback.xid);
                out.rollback_prepared(&rollback, body)
            }
            Message::StreamStart(start) => {
                self.expect_nothing(tag)?;
                if !self.server_may_stream {
                    return Err(Failure::misplaced(tag));
                }
                self.assembler.start(start.xid).map_err(|error| self.hold_failure(error))?;
                self.block = Some(start.xid);
                Ok(())
            }
            Message::StreamCommit(commit) => self.stream_commit(out, &commit),
            Message::StreamPrepare(prepare) => self.stream_prepare(out, &prepare, body),
            Message::StreamAbort(abort) => {
                let aborted = self.assembler.abort(abort.xid, abort.subxid);
                aborted.map_err(|error| self.spill_failure("cannot cut a spilled transaction in", &error))
            }
            _ => Err(Failure::misplaced(tag)),
        }
    }

    fn begin(&mut self, out: &mut Out<'_>, body: &[u8], lsn: Lsn) -> Result<(), Failure> {
        let begin = wire::Begin::decode(body)?;
        self.expect_nothing(Tag::Begin)?;
        let identity = Identity { lsn: begin.final_lsn, xid: begin.xid, prepared: false };
        let before = self.take_part(identity)?;
        out.ledger.begin();
        let transaction = Transaction::begin(identity, begin.commit_time.unix_us(), lsn, before);
        self.state = State::Reading(transaction);
        Ok(())
    }

    fn commit(&mut self, out: &mut Out<'_>, body: &[u8]) -> Result<(), Failure> {
        let commit = wire::Commit::decode(body)?;
        match std::mem::replace(&mut self.state, State::Nothing) {
            State::Reading(transaction)
                if transaction.identity().lsn == commit.commit_lsn && !transaction.identity().prepared =>
            {
                self.finish(out, transaction, commit.end_lsn, None)
            }
            _ => Err(Failure::misplaced(Tag::Commit)),
        }
    }

    fn begin_prepare(
        &mut self,
        out: &mut Out<'_>,
        begin: &wire::BeginPrepare,
        body: &[u8],
        lsn: Lsn,
    ) -> Result<(), Failure> {
        self.expect_nothing(Tag::BeginPrepare)?;
        let &wire::BeginPrepare { prepare_lsn, end_lsn, prepare_time, xid, gid } = begin;
        let prepare = wire::Prepare { prepare_lsn, end_lsn, prepare_time, xid, gid };
        self.state = match self.announce_prepared(out, &prepare, body, lsn)? {
            Some(transaction) => {
                out.ledger.begin();
                State::Reading(transaction)
            }
            None => State::PassingOver,
        };
        Ok(())
    }

    /// A prepared transaction begins, for the host, too. None: a late one that the host has.
    fn announce_prepared(
        &mut self,
        out: &mut Out<'_>,
        prepare: &wire::Prepare,
        body: &[u8],
        lsn: Lsn,
    ) -> Result<Option<Transaction>, Failure> {
        let identity = Identity { lsn: prepare.prepare_lsn, xid: prepare.xid, prepared: true };
        let late = out.is_late(prepare.end_lsn);
        if late && self.late == Some(identity) {
            return Ok(None);
        }
        let before = self.take_part(identity)?;
        let mut transaction = Transaction::begin(identity, prepare.prepare_time.unix_us(), lsn, before);
        transaction.announce_prepared(out.outbox, (body, prepare.gid), late)?;
        Ok(Some(transaction))
    }

    fn prepare(&mut self, out: &mut Out<'_>, prepare: &wire::Prepare, body: &[u8]) -> Result<(), Failure> {
        match std::mem::replace(&mut self.state, State::Nothing) {
            State::PassingOver => Ok(()),
            State::Reading(transaction) if transaction.identity().prepared => {
                self.finish(out, transaction, prepare.end_lsn, Some((body, prepare.gid)))
            }
            _ => Err(Failure::misplaced(Tag::Prepare)),
        }
    }

    fn stream_commit(&mut self, out: &mut Out<'_>, commit: &wire::StreamCommit) -> Result<(), Failure> {
        self.expect_nothing(Tag::StreamCommit)?;
        let identity = Identity { lsn: commit.commit_lsn, xid: commit.xid, prepared: false };
        let before = self.take_part(identity)?;
        let held = self.assembler.take(commit.xid).unwrap_or_default();
        if held.is_empty() && !matches!(before, Before::Delivered(_)) {
            // Nothing survived: a server that does not stream would not have sent it (rule 4).
            *out.passed = commit.end_lsn;
            return Ok(());
        }
        let transaction = Transaction::begin(identity, commit.commit_time.unix_us(), Lsn::ZERO, before);
        self.replay(out, transaction, held, commit.end_lsn, None)
    }

    fn stream_prepare(
        &mut self,
        out: &mut Out<'_>,
        prepare: &wire::Prepare,
        body: &[u8],
    ) -> Result<(), Failure> {
        self.expect_nothing(Tag::StreamPrepare)?;
        let held = self.assembler.take(prepare.xid).unwrap_or_default();
        match self.announce_prepared(out, prepare, body, Lsn::ZERO)? {
            Some(transaction) => {
                self.replay(out, transaction, held, prepare.end_lsn, Some((body.into(), prepare.gid)))
            }
            None => Ok(()),
        }
    }

    /// What is held back of a transaction whose PREPARE was for an earlier process: the server may stream it all the
    /// same, when others need its memory, and then tells only how it ended.
    fn drop_prepared(&mut self, xid: Xid) {
        self.assembler.take(xid);
    }

    fn replay(
        &mut self,
        out: &mut Out<'_>,
        transaction: Transaction,
        held: HeldTransaction,
        end: Lsn,
        gid: Option<(Box<[u8]>, wire::Span)>,
    ) -> Result<(), Failure> {
        let reader = match held.into_reader() {
            Ok(reader) => reader,
            Err(error) => {
                self.keep(transaction.part());
                return Err(self.reader_failure(&error));
            }
        };
        out.ledger.begin();
        self.state = State::Replaying(Box::new(Replay { transaction, reader, end, gid }));
        Ok(())
    }

    fn reader_failure(&self, error: &std::io::Error) -> Failure {
        self.spill_failure("cannot read a spilled transaction back from", error)
    }

    /// What was lost here the server has still, and keeps it this time.
    fn spill_failure(&self, what: &str, error: &std::io::Error) -> Failure {
        Failure::io(what, self.assembler.dir(), error)
            .hint("look after the disk, or set spill.dir to a directory on another one")
            .cure(Cure::RetryWithoutStreaming)
    }

    /// Hands out more of the transaction that was held back, until the outbox has `bytes` or it is done.
    pub fn continue_replay(&mut self, out: &mut Out<'_>, bytes: usize) -> Result<(), Failure> {
        let State::Replaying(mut replay) = std::mem::replace(&mut self.state, State::Nothing) else {
            return Ok(());
        };
        while !out.outbox.is_full(bytes) {
            match replay.step(out.outbox) {
                Ok(Step::More) => {}
                Ok(Step::Done) => {
                    out.outbox.catalog().settle();
                    let gid = replay.gid.as_ref().map(|(body, span)| (&**body, *span));
                    return self.finish(out, replay.transaction, replay.end, gid);
                }
                Err(ReplayError::Io(error)) => {
                    // It comes again, and what the host has of it must be known then.
                    self.state = State::Replaying(replay);
                    return Err(self.reader_failure(&error));
                }
                Err(ReplayError::Failure(failure)) => return Err(failure),
            }
        }
        self.state = State::Replaying(replay);
        Ok(())
    }
    /// A transaction's end goes out, and counts as an entry when the host has a beginning to it.
    fn finish(
        &mut self,
        out: &mut Out<'_>,
        transaction: Transaction,
        end: Lsn,
        gid: Option<(&[u8], wire::Span)>,
    ) -> Result<(), Failure> {
        if transaction.is_late() {
            self.late = Some(transaction.identity());
            // Its COMMIT_PREPARED is the entry.
            return transaction.end(out.outbox, Lsn::ZERO, gid).map(drop);
        }
        if transaction.end(out.outbox, end, gid)? {
            out.ledger.complete(end)?;
        } else {
            out.ledger.forget();
            *out.passed = end;
        }
        Ok(())
    }
}
