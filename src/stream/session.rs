//! One stream's protocol, without socket or clock: frames and `now` come in, batches and status updates go out.
//!
//! Owns the order of things: what is handed to the host, what may be confirmed, when the server is to hear of it, and
//! when the stream has reached its end.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::as_sent::AsSent;
use super::assembler::{Assembler, Budget};
use super::committed::{Committed, Out};
use super::error::Failure;
use super::feedback::{Feedback, Positions};
use super::ledger::Ledger;
use super::liveness::Liveness;
use super::options::{Delivery, IdleAdvance, Options};
use super::outbox::{Outbox, without_identity};
use super::pacing::{Behind, Read};
use crate::lsn::Lsn;
use crate::model::arena::Pool;
use crate::model::{Batch, Event, Kind};
use crate::time::PgTime;
use crate::wire::{Frame, StatusUpdate};

/// How often a server is asked where it is, while stop_lsn is ahead.
const ASK: Duration = Duration::from_secs(1);

/// The one plugin whose output is looked into.
pub const PGOUTPUT: &str = "pgoutput";

/// Two clocks, read together: one to measure by, one to compare with the server's.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Never goes back.
    pub instant: Instant,
    /// Microseconds since 1970-01-01 UTC.
    pub unix_us: i64,
}

/// What is found out when a connection is made.
#[derive(Clone, Copy, Debug)]
pub struct Connected {
    /// The slot's confirmed_flush_lsn.
    pub slot: Lsn,
    /// Where the host wants to go on, 0: where the slot stands.
    pub start: Lsn,
    /// 0: it has none.
    pub wal_sender_timeout: Duration,
    /// Was `streaming` asked for?
    pub streaming: bool,
    /// The server has left the timeline that was read here: what lies behind is no longer the same.
    pub left_at: Option<Lsn>,
}

/// See the file's head.
#[derive(Debug)]
pub struct Session {
    mode: Mode,
    outbox: Outbox,
    ledger: Ledger,
    feedback: Feedback,
    liveness: Liveness,
    stop_lsn: Lsn,
    idle_advance: IdleAdvance,
    status_interval: Duration,
    connections: u64,
    ended: bool,
    received: Lsn,
    server: Lsn,
    /// Up to here everything that the server has was read.
    passed: Lsn,
    read: Read,
    /// By the server's clock, of the newest message.
    sent_at: PgTime,
    /// Of the newest entry that ended.
    commit_time_us: Option<i64>,
    commit_delay_us: u64,
}

#[derive(Debug)]
enum Mode {
    Committed(Box<Committed>),
    AsSent(Box<AsSent>),
    /// Of other plugins than pgoutput.
    Raw,
}

impl Session {
    /// Before the first connection.
    pub fn new(options: &Options, now: Now, pool: Arc<Pool>) -> Session {
        let mode = match options.delivery {
            _ if options.plugin != PGOUTPUT => Mode::Raw,
            Delivery::AsSent => Mode::AsSent(Box::default()),
            Delivery::Committed => Mode::Committed(Box::new(Committed::new(Assembler::new(Budget {
                memory_bytes: options.spill_memory_bytes,
                file_bytes: options.spill_max_bytes,
                dir: options.spill_dir(),
            })))),
        };
        let idle_advance = match mode {
            Mode::Raw if !options.plugin_idle_advance => IdleAdvance::Off,
            _ => options.idle_advance,
        };
        Session {
            mode,
            outbox: Outbox::new(pool, options.batch_max_events),
            ledger: Ledger::default(),
            feedback: Feedback::new(now.instant, options.status_interval, Lsn::ZERO),
            liveness: Liveness::new(now.instant, options.receive_timeout),
            stop_lsn: options.stop_lsn,
            idle_advance,
            status_interval: options.status_interval,
            connections: 0,
            ended: false,
            received: Lsn::ZERO,
            server: Lsn::ZERO,
            passed: Lsn::ZERO,
            read: Read::default(),
            sent_at: PgTime(0),
            commit_time_us: None,
            commit_delay_us: 0,
        }
    }

    /// A connection streams from now on, from `resume_at` or behind.
    pub fn connected(&mut self, now: Now, connected: &Connected) -> Result<(), Failure> {
        if let Some(end) = connected.left_at {
            self.ledger.left_timeline(end);
            self.passed = self.passed.min(end);
            self.received = self.received.min(end);
            self.server = self.server.min(end);
        }
        self.ledger.connected(connected.slot, connected.start);
        let wanted =
            if self.stop_lsn.is_zero() { self.status_interval } else { self.status_interval.min(ASK) };
        let interval = Feedback::interval(wanted, connected.wal_sender_timeout);
        self.feedback = Feedback::new(now.instant, interval, self.ledger.confirmed());
        self.liveness.heard(now.instant);
        self.outbox.catalog().start_connection();
        self.end_at(self.ledger.resume_at());
        self.connections += 1;
        // A host that was told of the end is told nothing else.
        let again = self.connections > 1 && !self.ended;
        match &mut self.mode {
            Mode::Committed(committed) => committed.connected(connected.streaming),
            Mode::AsSent(as_sent) => {
                if as_sent.interrupted() && again {
                    self.outbox.plain(without_identity(Event::new(Kind::INTERRUPTED), Kind::INTERRUPTED))?;
                }
            }
            Mode::Raw if again => {
                self.outbox.plain(without_identity(Event::new(Kind::INTERRUPTED), Kind::INTERRUPTED))?;
            }
            Mode::Raw => {}
        }
        Ok(())
    }

    /// Where the next connection is to start; 0 before the first one.
    pub fn resume_at(&self) -> Lsn {
        self.ledger.resume_at()
    }

    /// Everything that this process confirmed, or found confirmed.
    pub fn confirmed(&self) -> Lsn {
        self.ledger.confirmed()
    }

    /// The host declared everything up to `lsn` safe.
    pub fn acknowledge(&mut self, lsn: Lsn) -> Result<(), Failure> {
        self.ledger.acknowledge(lsn);
        // The server may have said where it is while this was pending, and not say it again.
        self.advance()
    }

    /// One CopyData message.
    #[inline]
    pub fn handle_frame(&mut self, now: Now, frame: &[u8]) -> Result<(), Failure> {
        match Frame::decode(frame)? {
            Frame::XLogData { start, end, payload, sent_at } => {
                self.read.bytes += frame.len() as u64;
                self.read.messages += 1;
                self.sent_at = sent_at;
                self.feedback.data();
                self.received = self.received.max(start);
                self.server = self.server.max(end);
                if self.ended || self.starts_behind_the_end(start, payload) {
                    self.ended = true;
                    return Ok(());
                }
                self.message(start, payload)?;
                self.after_message(now);
                self.advance()
            }
            Frame::Keepalive { end, reply_requested, .. } => self.keepalive(now, end, reply_requested),
        }
    }

    #[inline]
    fn message(&mut self, lsn: Lsn, payload: &[u8]) -> Result<(), Failure> {
        let mut out = Out { outbox: &mut self.outbox, ledger: &mut self.ledger, passed: &mut self.passed };
        match &mut self.mode {
            Mode::Committed(committed) => committed.message(&mut out, lsn, payload),
            Mode::AsSent(as_sent) => as_sent.message(&mut out, lsn, payload),
            Mode::Raw => raw(&mut out, lsn, payload),
        }
    }

    /// A transaction whose first change lies at or behind stop_lsn does not cross it.
    #[inline]
    fn starts_behind_the_end(&self, lsn: Lsn, payload: &[u8]) -> bool {
        !self.stop_lsn.is_zero()
            && lsn >= self.stop_lsn
            && matches!(payload.first(), Some(b'B' | b'b'))
            && self.between_transactions()
            && !self.owes_the_rest()
    }

    #[inline]
    fn after_message(&mut self, now: Now) {
        if let Some(time_us) = self.outbox.take_commit_time() {
            self.commit_time_us = Some(time_us);
            self.commit_delay_us = u64::try_from(now.unix_us.saturating_sub(time_us)).unwrap_or(0);
            self.end_at(self.ledger.resume_at());
        }
    }

    fn end_at(&mut self, position: Lsn) {
        self.ended |= !self.stop_lsn.is_zero()
            && position >= self.stop_lsn
            && self.between_transactions()
            && !self.owes_the_rest();
    }

    /// The host is inside a transaction that the server has not begun again: pending, though nothing of it was read here.
    #[inline]
    fn owes_the_rest(&self) -> bool {
        matches!(&self.mode, Mode::Committed(committed) if committed.owes_the_rest())
    }

    fn between_transactions(&self) -> bool {
        match &self.mode {
            Mode::Committed(committed) => committed.between_transactions(),
            Mode::AsSent(as_sent) => as_sent.between_transactions(),
            Mode::Raw => true,
        }
    }

    fn keepalive(&mut self, now: Now, end: Lsn, reply_requested: bool) -> Result<(), Failure> {
        self.server = self.server.max(end);
        self.received = self.received.max(end);
        self.feedback.keepalive(now.instant, end, reply_requested);
        if let Mode::Committed(committed) = &self.mode {
            committed.passed(end)?;
        }
        self.end_at(end);
        self.passed = self.passed.max(end);
        self.advance()
    }

    /// Nothing pending: what was read up to is safe (rules 6 to 9).
    #[inline(always)]
    fn advance(&mut self) -> Result<(), Failure> {
        let position = self.passed;
        if self.ended || !self.ledger.may_advance(position) || self.owes_the_rest() {
            return Ok(());
        }
        self.advance_to(position)
    }

    #[inline(never)]
    fn advance_to(&mut self, position: Lsn) -> Result<(), Failure> {
        match self.idle_advance {
            IdleAdvance::Off => Ok(()),
            IdleAdvance::Auto => {
                self.ledger.advance(position);
                Ok(())
            }
            IdleAdvance::Host => {
                self.ledger.complete(position)?;
                let event = Event { lsn: position.0, ack_lsn: position.0, ..Event::new(Kind::POSITION) };
                self.outbox.plain(without_identity(event, Kind::POSITION))
            }
        }
    }

    /// Is a held-back transaction being handed out? Then nothing may be read until `replay` is done with it.
    pub fn replaying(&self) -> bool {
        matches!(&self.mode, Mode::Committed(committed) if committed.replaying())
    }

    /// Hands out more of it, up to `bytes`.
    pub fn replay(&mut self, now: Now, bytes: usize) -> Result<(), Failure> {
        if let Mode::Committed(committed) = &mut self.mode {
            let mut out =
                Out { outbox: &mut self.outbox, ledger: &mut self.ledger, passed: &mut self.passed };
            committed.continue_replay(&mut out, bytes)?;
        }
        self.after_message(now);
        Ok(())
    }

    /// What waits to be handed over.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// As `Outbox::is_full`.
    #[inline]
    pub fn is_full(&self, bytes: usize) -> bool {
        self.outbox.is_full(bytes)
    }

    /// A batch that must go before more is read.
    pub fn take_full(&mut self) -> Option<Batch> {
        self.outbox.take_full()
    }

    /// stop_lsn was reached, and all before it is in the outbox or beyond.
    pub fn ended(&self) -> bool {
        self.ended && !self.replaying()
    }

    /// Bytes arrived, or reading begins again after a pause.
    pub fn heard(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// When a status update is due, or the connection may be dead. `reading`: is the thread reading at all?
    pub fn deadline(&self, reading: bool) -> Instant {
        let update = self.feedback.deadline(self.positions());
        match self.liveness.deadline().filter(|_| reading) {
            Some(silence) => update.min(silence),
            None => update,
        }
    }

    /// A status update to send now, if one is due. The second value: nothing was heard for too long.
    pub fn poll_feedback(&mut self, now: Now, reading: bool) -> (Option<StatusUpdate>, bool) {
        let silence = if reading { self.liveness.poll(now.instant) } else { super::liveness::Silence::No };
        // A server that is idle says where it is only when asked, and stop_lsn may be passed without a transaction.
        let ping = silence == super::liveness::Silence::Ask;
        let ask = ping || (!self.stop_lsn.is_zero() && !self.ended);
        let due = ping || self.feedback.due(now.instant, self.positions());
        let update = due.then(|| self.status_update(now, ask));
        (update, silence == super::liveness::Silence::Dead)
    }

    /// The status update as of now, whether due or not.
    pub fn status_update(&mut self, now: Now, reply_requested: bool) -> StatusUpdate {
        let positions = self.positions();
        self.feedback.sent(now.instant, positions);
        StatusUpdate {
            write: positions.write,
            flush: positions.flush,
            apply: positions.flush,
            at: PgTime::from_unix_us(now.unix_us),
            reply_requested,
        }
    }

    /// Is anything read and not acknowledged?
    pub fn pending(&self) -> bool {
        self.ledger.pending() || self.owes_the_rest()
    }

    /// Is something acknowledged that the server was not told?
    pub fn unsent(&self) -> bool {
        self.feedback.unsent(self.positions())
    }

    /// Does the server shut down, and wait for what the host has not acknowledged, or what is not confirmed without it (idle_advance)?
    pub fn storm(&self) -> bool {
        self.feedback.storm().is_some_and(|position| self.ledger.confirmed() < position)
    }

    fn positions(&self) -> Positions {
        let flush = self.ledger.confirmed();
        Positions { write: self.received.max(flush), flush }
    }

    /// Highest position seen of the server.
    pub fn server_lsn(&self) -> Lsn {
        self.server
    }

    /// Highest position received.
    pub fn received_lsn(&self) -> Lsn {
        self.received
    }

    /// CopyData messages with WAL data, and their bytes.
    pub fn total_read(&self) -> Read {
        self.read
    }

    /// How late the newest message is, by the server's clock alone: ours may be wrong.
    pub fn behind(&self) -> Behind {
        let (in_block, reading) = match &self.mode {
            Mode::Committed(committed) => (committed.in_stream_block(), committed.commit_time_us()),
            Mode::AsSent(as_sent) => (as_sent.in_stream_block(), as_sent.commit_time_us()),
            Mode::Raw => return Behind::Unknown,
        };
        match reading.or(self.commit_time_us) {
            _ if in_block => Behind::Early,
            Some(committed_us) => {
                let us = self.sent_at.unix_us().saturating_sub(committed_us);
                Behind::By(Duration::from_micros(u64::try_from(us).unwrap_or(0)))
            }
            None => Behind::Unknown,
        }
    }

    /// From the last transaction's commit to its receipt.
    pub fn commit_delay_us(&self) -> u64 {
        self.commit_delay_us
    }

    /// Transactions without an end so far, and bytes on disk for them.
    pub fn held(&self) -> (usize, u64) {
        match &self.mode {
            Mode::Committed(committed) => committed.held(),
            Mode::AsSent(as_sent) => (as_sent.open_transactions(), 0),
            Mode::Raw => (0, 0),
        }
    }
}

/// Another plugin's output: one event a message. Its position is safe to acknowledge: the server sends a transaction
/// again as a whole unless its end is confirmed (protocol-notes.md, 23).
fn raw(out: &mut Out<'_>, lsn: Lsn, payload: &[u8]) -> Result<(), Failure> {
    let event = Event { lsn: lsn.0, ack_lsn: lsn.0, ..Event::new(Kind::RAW) };
    let content = crate::wire::Span { start: 0, len: u32::try_from(payload.len()).unwrap_or(u32::MAX) };
    if lsn > out.ledger.resume_at() {
        out.ledger.complete(lsn)?;
    }
    out.outbox.named(without_identity(event, Kind::RAW), payload, None, Some(content))
}

#[cfg(test)]
#[path = "session_tests/mod.rs"]
mod tests;
