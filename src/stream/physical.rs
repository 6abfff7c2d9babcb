//! A physical stream's protocol: chunks of write-ahead log in, WAL and TIMELINE events and status updates out.
//!
//! Owns the position on the timeline, the way from one timeline to the next, and what the server is told. Refuses gaps:
//! every chunk begins where the one before ended. What is received is never resent within this process, except the
//! segment in which a new timeline begins.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::Failure;
use super::feedback::{Feedback, Positions};
use super::handshake::{Handshake, Ready};
use super::liveness::{Liveness, Silence};
use super::options::Options;
use super::outbox::{Outbox, without_identity};
use super::physical_start::{Beginning, On};
use super::protocol::{Progress, Protocol, ended_by_server};
use super::server_failure::sqlstate;
use super::session::{Connected, Now};
use super::shared::Shared;
use super::standby::{Keeps, Standby};
use crate::lsn::Lsn;
use crate::model::arena::Pool;
use crate::model::event::TimelineDetail;
use crate::model::{Code, Event, Kind};
use crate::pg::{
    Connection, CopyEnd, Patience, PgError, ResultSet, Started, next_timeline, quote_command_identifier,
};
use crate::time::PgTime;
use crate::wire::{Frame, HotStandbyFeedback, StatusUpdate};

/// A moved write or apply position is sent at most this often, as the flush position is.
const MOVED: Duration = Duration::from_millis(1);

/// See the file's head.
pub struct Physical {
    options: Arc<Options>,
    outbox: Outbox,
    feedback: Feedback,
    liveness: Liveness,
    interval: Duration,
    /// Being streamed; 0 before the first connection.
    timeline: u32,
    /// The first one that the host has anything of.
    first_timeline: u32,
    /// Changes of it that were told, and the lowest end of those that the host was not handed yet.
    switches: u32,
    void_behind: Option<Lsn>,
    segment_size: u64,
    /// Behind all that was received.
    next: Lsn,
    /// Safe at the host: what it acknowledged, or where it began.
    flush: Lsn,
    standby: Standby,
    /// Of `standby`, what this connection's server was told.
    told: Told,
    ended: bool,
    server: Lsn,
    bytes: u64,
    delay_us: u64,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Instant,
    write: Lsn,
    apply: Lsn,
    keeps: Option<Keeps>,
    keeps_at: Instant,
}

impl Told {
    fn nothing(now: Instant) -> Told {
        Told { at: now, write: Lsn::ZERO, apply: Lsn::ZERO, keeps: None, keeps_at: now }
    }
}

impl Protocol for Physical {
    const REPLICATION: &'static str = "true";
    const TELLS_TIMELINES: bool = true;

    fn new(options: &Arc<Options>, now: Now, pool: Arc<Pool>) -> Physical {
        Physical {
            outbox: Outbox::new(pool, options.batch_max_events),
            feedback: Feedback::new(now.instant, options.status_interval, Lsn::ZERO),
            liveness: Liveness::new(now.instant, options.receive_timeout),
            interval: options.status_interval,
            timeline: 0,
            first_timeline: 0,
            switches: 0,
            void_behind: None,
            segment_size: 0,
            next: Lsn::ZERO,
            flush: Lsn::ZERO,
            standby: Standby::default(),
            told: Told::nothing(now.instant),
            ended: false,
            server: Lsn::ZERO,
            bytes: 0,
            delay_us: 0,
            options: Arc::clone(options),
        }
    }

    fn handshake(&mut self, mut handshake: Handshake<'_>) -> Result<Ready, Failure> {
        let system = handshake.connection.identify_system(handshake.patience)?;
        let (id, _) = handshake.check_system(&system)?;
        let wal_sender_timeout = handshake.wal_sender_timeout()?;
        self.segment_size = handshake.connection.wal_segment_size(handshake.patience)?;
        let (first, again) = (self.timeline == 0, handshake.before.again.is_some());
        let slot = handshake.physical_slot(first)?;
        let on = match (first, self.options.timeline, handshake.before.server) {
            (false, ..) => On::Exactly(self.timeline),
            (true, wanted @ 1.., _) => On::Exactly(wanted),
            (true, 0, Some((_, saved))) => On::UpTo(saved),
            (true, 0, None) => On::Any,
        };
        if first {
            self.flush = handshake.before.start;
            self.next = match handshake.before.start {
                Lsn::ZERO => self.segment_start(if slot.is_zero() { system.flush_lsn } else { slot }),
                start => start,
            };
        }
        let beginning = handshake.begin(&system, on, self.next)?;
        // What the host may acknowledge from the start on, also when a first try came as far as this.
        let start = match handshake.before.start {
            _ if again => Lsn::ZERO,
            Lsn::ZERO => self.next,
            start => start,
        };
        let (connection, patience) = (handshake.connection, handshake.patience);
        let (Beginning::Stream(timeline) | Beginning::Switch { old: timeline, .. }) = beginning;
        self.timeline = timeline;
        if first {
            self.first_timeline = timeline;
        }
        if let Beginning::Switch { new, end, .. } = beginning {
            self.switch(connection, new, end, patience)?;
        }
        self.start_copy(connection, patience)?;
        // What a physical slot holds back was not confirmed by anybody: the host may acknowledge only what it gets.
        let connected =
            Connected { slot: Lsn::ZERO, start, wal_sender_timeout, streaming: false, left_at: None };
        let known = if again { self.timeline } else { self.first_timeline };
        Ok(Ready { connected, server: (id, known), started_us: 0 })
    }

    fn connected(&mut self, now: Now, connected: &Connected) -> Result<(), Failure> {
        self.interval = Feedback::interval(self.options.status_interval, connected.wal_sender_timeout);
        self.begins(now);
        Ok(())
    }

    fn take_in(&mut self, shared: &Shared) -> Result<(), Failure> {
        // First: what is acknowledged after the host was handed the last switch is of this timeline.
        if shared.switches() == self.switches {
            self.void_behind = None;
        }
        let limit = self.void_behind.unwrap_or(Lsn(u64::MAX));
        self.flush = self.flush.max(shared.take_acknowledged().min(limit));
        if let Some(standby) = shared.standby.take() {
            self.standby = standby;
            self.standby.lower(limit);
        }
        Ok(())
    }

    fn handle_frame(&mut self, now: Now, frame: &[u8]) -> Result<(), Failure> {
        match Frame::decode(frame)? {
            Frame::XLogData { start, end, sent_at, payload } => {
                self.bytes += frame.len() as u64;
                self.feedback.data();
                self.server = self.server.max(end);
                let sent_us = sent_at.unix_us();
                self.delay_us = u64::try_from(now.unix_us.saturating_sub(sent_us)).unwrap_or(0);
                self.chunk(start, sent_us, payload)
            }
            Frame::Keepalive { end, reply_requested, .. } => {
                self.server = self.server.max(end);
                self.feedback.keepalive(now.instant, end, reply_requested);
                Ok(())
            }
        }
    }

    fn copy_ended(
        &mut self,
        now: Now,
        connection: &mut Connection,
        end: CopyEnd,
        patience: &Patience<'_>,
    ) -> Result<u32, Failure> {
        if let Some(error) = end.error {
            return Err(self.failed(error));
        }
        self.follow(connection, &end.results, patience)?;
        self.start_copy(connection, patience)?;
        self.begins(now);
        Ok(self.timeline)
    }

    fn resume_at(&self) -> Lsn {
        self.next
    }

    fn confirmed(&self) -> Lsn {
        self.flush.min(self.next)
    }

    fn ended(&self) -> bool {
        self.ended
    }

    fn pending(&self) -> bool {
        self.next > self.flush
    }

    fn unsent(&self) -> bool {
        self.feedback.unsent(self.positions()) || self.moved()
    }

    fn storm(&self) -> bool {
        self.feedback.storm().is_some() && self.pending()
    }

    fn progress(&self) -> Progress {
        Progress {
            received: self.next,
            server: self.server,
            delay_us: self.delay_us,
            bytes: self.bytes,
            ..Progress::default()
        }
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    fn is_full(&self, bytes: usize) -> bool {
        self.outbox.is_full(bytes)
    }

    fn heard(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    fn deadline(&self, reading: bool) -> Instant {
        let update = self.feedback.deadline(self.positions());
        let moved = self.moved().then(|| self.told.at + MOVED);
        let keeps = self.keeps_due();
        let silence = self.liveness.deadline().filter(|_| reading);
        [moved, keeps, silence].into_iter().flatten().fold(update, Instant::min)
    }

    fn poll_feedback(&mut self, now: Now, reading: bool) -> (Option<StatusUpdate>, bool) {
        let silence = if reading { self.liveness.poll(now.instant) } else { Silence::No };
        let ping = silence == Silence::Ask;
        let moved = self.moved() && now.instant >= self.told.at + MOVED;
        let due = ping || moved || self.feedback.due(now.instant, self.positions());
        (due.then(|| self.status_update(now, ping)), silence == Silence::Dead)
    }

    fn status_update(&mut self, now: Now, reply_requested: bool) -> StatusUpdate {
        let positions = self.positions();
        let (write, apply) = self.write_and_apply();
        self.feedback.sent(now.instant, positions);
        self.told = Told { at: now.instant, write, apply, ..self.told };
        let at = PgTime::from_unix_us(now.unix_us);
        StatusUpdate { write, flush: positions.flush, apply, at, reply_requested }
    }

    fn poll_standby(&mut self, now: Now, last: bool) -> Option<HotStandbyFeedback> {
        let keeps = match last {
            // Vacuum need not wait for a standby that is gone.
            true => self.told.keeps.filter(|told| *told != Keeps::default()).map(|_| Keeps::default()),
            false => self.standby.keeps.filter(|_| self.keeps_due().is_some_and(|at| now.instant >= at)),
        }?;
        self.told = Told { keeps: Some(keeps), keeps_at: now.instant, ..self.told };
        Some(HotStandbyFeedback {
            at: PgTime::from_unix_us(now.unix_us),
            xmin: keeps.xmin,
            xmin_epoch: keeps.xmin_epoch,
            catalog_xmin: keeps.catalog_xmin,
            catalog_xmin_epoch: keeps.catalog_xmin_epoch,
        })
    }
}

impl Physical {
    fn segment_start(&self, lsn: Lsn) -> Lsn {
        Lsn(lsn.0 - lsn.0 % self.segment_size)
    }

    /// The server knows nothing of what was told on another COPY.
    fn begins(&mut self, now: Now) {
        self.feedback = Feedback::new(now.instant, self.interval, Lsn::ZERO);
        self.told = Told::nothing(now.instant);
        self.liveness.heard(now.instant);
    }

    fn chunk(&mut self, start: Lsn, sent_us: i64, payload: &[u8]) -> Result<(), Failure> {
        if self.ended {
            return Ok(());
        }
        if start != self.next {
            return Err(Failure::protocol(format!(
                "write-ahead log from {start} where {} was to come",
                self.next
            )));
        }
        let stop = self.options.stop_lsn;
        let room = if stop.is_zero() { u64::MAX } else { stop.bytes_since(start) };
        let length = usize::try_from(room).map_or(payload.len(), |room| room.min(payload.len()));
        let end = start.0.checked_add(length as u64);
        self.next = Lsn(end.ok_or_else(|| Failure::protocol("write-ahead log beyond the last position"))?);
        self.ended = !stop.is_zero() && self.next >= stop;
        if length == 0 {
            return Ok(());
        }
        let event =
            Event { lsn: start.0, ack_lsn: self.next.0, commit_time_us: sent_us, ..Event::new(Kind::WAL) };
        self.outbox.wal(without_identity(event, Kind::WAL), &payload[..length], self.timeline)
    }

    /// Until the server streams: it answers at once with the next timeline when this one has nothing left.
    fn start_copy(&mut self, connection: &mut Connection, patience: &Patience<'_>) -> Result<(), Failure> {
        loop {
            let slot = match self.options.slot.as_str() {
                "" => String::new(),
                name => format!("SLOT {} ", quote_command_identifier(name)?),
            };
            let command =
                format!("START_REPLICATION {slot}PHYSICAL {} TIMELINE {}", self.next, self.timeline);
            match connection.start_replication(&command, patience) {
                Ok(Started::Copying) => return Ok(()),
                Ok(Started::AtEnd(results)) => self.follow(connection, &results, patience)?,
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// The timeline has ended: the server names the next one.
    fn follow(
        &mut self,
        connection: &mut Connection,
        results: &[ResultSet],
        patience: &Patience<'_>,
    ) -> Result<(), Failure> {
        let Some((next, begins)) = next_timeline(results)? else { return Err(ended_by_server()) };
        if next <= self.timeline || begins > self.next {
            return Err(Failure::protocol(format!(
                "timeline {} ended at {}, but the next one, {next}, begins at {begins}",
                self.timeline, self.next
            )));
        }
        self.switch(connection, next, begins, patience)
    }

    /// Tells the host, and goes on at the start of the segment that holds the switch: the new timeline has all of it. What lies
    /// before the switch is the same on both; nothing behind it is acknowledged, whatever was said of the old one.
    fn switch(
        &mut self,
        connection: &mut Connection,
        next: u32,
        begins: Lsn,
        patience: &Patience<'_>,
    ) -> Result<(), Failure> {
        let file = connection.timeline_file(next, patience)?;
        let detail = TimelineDetail { switch_lsn: begins.0, timeline: next, old_timeline: self.timeline };
        let event = Event { lsn: begins.0, ..Event::new(Kind::TIMELINE) };
        self.outbox.timeline(without_identity(event, Kind::TIMELINE), &file, detail)?;
        self.timeline = next;
        self.next = self.segment_start(begins);
        self.switches += 1;
        self.void_behind = Some(self.void_behind.map_or(begins, |end| end.min(begins)));
        self.flush = self.flush.min(begins);
        self.standby.lower(begins);
        Ok(())
    }

    /// Log that is no longer there is a gap.
    fn failed(&self, error: PgError) -> Failure {
        let failure = Failure::from(error);
        if failure.sqlstate != sqlstate::UNDEFINED_FILE {
            return failure;
        }
        Failure { code: Code::E_GAP, ..failure }.hint(
            "the server has removed write-ahead log that the stream needs: take a new base backup, and use a slot or raise \
             wal_keep_size",
        )
    }

    /// Never more than was received on this timeline.
    fn positions(&self) -> Positions {
        Positions { write: self.next, flush: self.confirmed() }
    }

    /// What is flushed is written. Nobody but the host knows what is applied: without its word the server hears
    /// nothing of it, and commits with synchronous_commit=remote_apply wait.
    fn write_and_apply(&self) -> (Lsn, Lsn) {
        (self.standby.write.min(self.next).max(self.confirmed()), self.standby.apply.min(self.next))
    }

    fn moved(&self) -> bool {
        let (write, apply) = self.write_and_apply();
        write > self.told.write || apply > self.told.apply
    }

    fn keeps_due(&self) -> Option<Instant> {
        self.standby.keeps?;
        let changed = self.standby.keeps != self.told.keeps;
        Some(if changed { self.told.keeps_at } else { self.told.keeps_at + self.interval })
    }
}
