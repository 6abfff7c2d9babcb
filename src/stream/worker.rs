//! The replication thread: connect, read, hand over, confirm, try again.
//!
//! Owns the connection and the clock; what is right at each moment is the session's to say. It waits in one place, on
//! the socket, the wake-up and the next deadline at once.

#![forbid(unsafe_code)]

mod ending;
mod handing;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::backup::Backup;
use super::chance::Chance;
use super::error::{Cure, Failure};
use super::handshake::{Again, Before, Handshake, wanted_start};
use super::options::{Mode, Options, PublicationMissing};
use super::pacing::{Next, Pacing};
use super::physical::Physical;
use super::protocol::Protocol;
use super::retry::Retry;
use super::server_failure::sqlstate;
use super::session::{Now, Session};
use super::shared::{Left, Origin, Request, Shared};
use crate::lsn::Lsn;
use crate::model::arena::Pool;
use crate::model::{Batch, Code, State};
use crate::pg::{Connection, Conninfo, Interest, Patience, Received, wait};
use crate::wire::StatusUpdate;

/// After so many bytes the thread looks whether anything else is to be done.
const READ_AT_ONCE: usize = 1 << 20;

/// What a thread is started with.
pub struct Job {
    /// Where to connect.
    pub conninfo: Conninfo,
    /// Checked.
    pub options: Arc<Options>,
    /// With the host.
    pub shared: Arc<Shared>,
    /// The host's, 0: where the slot stands.
    pub start_lsn: Lsn,
    /// See `Shared::new_attempt`.
    pub attempt: u32,
}

/// Runs until the stream ends, fails or is told to leave.
pub fn run(job: Job) -> Result<Left, Failure> {
    match job.options.mode {
        Mode::Logical => Worker::<Session>::new(job)?.run(),
        Mode::Physical => Worker::<Physical>::new(job)?.run(),
        Mode::Backup => Worker::<Backup>::new(job)?.run(),
    }
}

struct Worker<P> {
    conninfo: Conninfo,
    options: Arc<Options>,
    shared: Arc<Shared>,
    attempt: u32,
    session: P,
    pool: Arc<Pool>,
    before: Before,
    retry: Retry,
    pacing: Pacing,
    /// A batch that found no place in the queue.
    parked: Option<Batch>,
    stalled_since: Option<Instant>,
    chance: Chance,
}

impl<P: Protocol> Worker<P> {
    fn new(job: Job) -> Result<Worker<P>, Failure> {
        let (start, server) = wanted_start(&job.options, job.start_lsn)?;
        let pool = Arc::new(Pool::default());
        Ok(Worker {
            session: P::new(&job.options, now(), Arc::clone(&pool)),
            pool,
            before: Before { server, again: None, start, without_streaming: false },
            retry: Retry::new(&job.options),
            pacing: Pacing::new(if job.options.pacing { job.options.pacing_max } else { Duration::ZERO }),
            parked: None,
            stalled_since: None,
            chance: Chance::new(),
            conninfo: job.conninfo,
            options: job.options,
            shared: job.shared,
            attempt: job.attempt,
        })
    }

    fn run(&mut self) -> Result<Left, Failure> {
        loop {
            let failure = match self.connect().and_then(|mut connection| self.stream(&mut connection)) {
                Ok(left) => return Ok(left),
                Err(_) if self.shared.ending(self.attempt) => return Ok(Left::InOrder),
                Err(failure) => failure,
            };
            self.give_up_or_wait(failure)?;
            if self.shared.ending(self.attempt) {
                return Ok(Left::InOrder);
            }
        }
    }

    fn give_up_or_wait(&mut self, failure: Failure) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        if !P::RESUMES && self.before.again.is_some() {
            self.hand_over_all();
            return Err(Failure { cure: Cure::None, ..failure });
        }
        if self.before.again.is_none() && !self.options.retry_first && failure.cure != Cure::RetryWhileHeld {
            return Err(failure);
        }
        if failure.cure == Cure::RetryWithoutStreaming {
            if self.before.without_streaming {
                return Err(failure);
            }
            self.before.without_streaming = true;
        }
        shared.note_error(&failure);
        let message = failure.to_string();
        let result = self.retry.failed(Instant::now(), failure, self.chance.next());
        let Ok(pause) = result else {
            self.hand_over_all();
            return result.map(drop);
        };
        shared.log.warning(format!("{message}; trying again in {} ms", pause.as_millis()));
        self.enter(State::WAITING_TO_RETRY);
        self.pause(Instant::now() + pause)
    }

    /// Waits, and goes on handing over what is here.
    fn pause(&mut self, until: Instant) -> Result<(), Failure> {
        loop {
            self.session.take_in(&self.shared)?;
            self.hand_over(true)?;
            if self.shared.ending(self.attempt) {
                return Ok(());
            }
            let ready = wait(None, self.shared.queue.thread(), Some(until))?;
            if ready.woken {
                self.shared.queue.thread().drain();
            }
            if ready.timed_out {
                return Ok(());
            }
        }
    }

    fn connect(&mut self) -> Result<Connection, Failure> {
        self.enter(State::CONNECTING);
        let (shared, attempt) = (Arc::clone(&self.shared), self.attempt);
        let timeout = self.options.connect_timeout;
        let patience = Patience {
            wake: shared.queue.thread(),
            cancelled: &|| shared.ending(attempt),
            deadline: (!timeout.is_zero()).then(|| Instant::now() + timeout),
        };
        // A peer that dies while nothing is read shows by updates that nobody confirms (rule 21).
        let user_timeout = self.options.receive_timeout.as_millis().to_string();
        // Of a backup nothing is confirmed, and the server may be silent for a long time: its kernel is asked.
        let idle = self.options.receive_timeout.as_secs().max(1).to_string();
        let keepalives =
            [("keepalives_idle", idle.as_str()), ("keepalives_interval", "10"), ("keepalives_count", "3")];
        let asked =
            if P::RESUMES || self.options.receive_timeout.is_zero() { &keepalives[..0] } else { &keepalives };
        let defaults = [&[("tcp_user_timeout", user_timeout.as_str())], asked].concat();
        let extra = [("replication", P::REPLICATION)];
        shared.connecting_until(attempt, patience.deadline);
        let connected = Connection::connect(&self.conninfo, &defaults, &extra, &patience);
        shared.connecting_until(attempt, None);
        let mut connection = connected?;
        self.before.again = self.before.again.map(|before| self.again(before.server_started_us));
        let handshake = Handshake {
            connection: &mut connection,
            options: &self.options,
            before: self.before,
            patience: &patience,
            log: &shared.log,
            retry: &mut self.retry,
        };
        let ready = self.session.handshake(handshake)?;
        self.session.connected(now(), &ready.connected)?;
        self.retry.succeeded();
        self.before.server = Some(ready.server);
        shared.stats.confirmed(self.session.confirmed().0);
        if self.before.again.is_none() || !P::TELLS_TIMELINES {
            let (system, timeline) = ready.server;
            shared.set_origin(Origin { system, timeline, start: ready.connected.start });
        }
        shared.deliver(ready.connected.slot.0);
        shared.deliver(ready.connected.start.0);
        if self.before.again.is_some() {
            shared.stats.reconnected();
            shared.log.info(format!("streaming again from {}", self.session.resume_at()));
        }
        self.before.again = Some(self.again(ready.started_us));
        self.pacing.buffer(connection.buffer());
        self.enter(State::STREAMING);
        Ok(connection)
    }

    fn again(&self, server_started_us: i64) -> Again {
        Again { resume_at: self.session.resume_at(), confirmed: self.session.confirmed(), server_started_us }
    }

    /// The life of one connection.
    fn stream(&mut self, connection: &mut Connection) -> Result<Left, Failure> {
        let (shared, attempt) = (Arc::clone(&self.shared), self.attempt);
        let endless =
            Patience { wake: shared.queue.thread(), cancelled: &|| shared.ending(attempt), deadline: None };
        self.session.begin(connection, &endless)?;
        let mut unsent = false;
        loop {
            #[cfg(feature = "inject-panic")]
            crate::inject::point(crate::inject::Place::ReplicationThread);
            match self.shared.request(self.attempt) {
                Request::Stream => {}
                Request::Stop => return self.stop(connection),
                Request::Leave => {
                    self.last_update(connection);
                    return Ok(Left::Cut);
                }
            }
            self.session.take_in(&self.shared)?;
            let was_paused = self.stalled_since.is_some();
            let reading = self.may_read();
            self.note_stall(!reading);
            if reading && was_paused {
                self.session.heard(Instant::now());
            }
            let drained = reading && self.read(connection)?;
            let next = if drained { self.pace(connection) } else { Next::Wait };
            self.notices(connection)?;
            // Before the events: a host that has them finds them counted.
            self.shared.stats.update(&mut self.session);
            self.hand_over((drained || !reading) && !self.pacing.holds(next))?;
            if self.session.ended() && self.all_handed_over() {
                self.shared.enter(State::ENDED);
                if !self.session.pending() {
                    return self.end(connection, None);
                }
            }
            unsent |= self.confirm(connection, reading)?;
            if unsent {
                unsent = !connection.flush()?;
            }
            if self.session.storm() {
                return Err(self.leave_storm(connection));
            }
            if drained || !reading {
                self.wait(connection, reading, unsent, next)?;
            }
        }
    }

    /// What to do when nothing is left to deal with.
    fn pace(&mut self, connection: &Connection) -> Next {
        if self.session.ended() {
            return Next::Wait;
        }
        let (total, behind) = self.session.pace();
        let next = self.pacing.next(Instant::now(), total, behind, || connection.waiting());
        if let Next::Nap(_) = next {
            let (naps, latest) = self.pacing.taken();
            self.shared.stats.napped(naps, latest);
            // TCP enlarges its buffer as it goes, though not within a few naps.
            if naps % 8 == 0 {
                self.pacing.buffer(connection.buffer());
            }
        }
        next
    }

    /// Reads until a batch is full or nothing is left, and not for ever; true: nothing is left.
    fn read(&mut self, connection: &mut Connection) -> Result<bool, Failure> {
        let now = now();
        let limit = self.limit();
        let mut came = 0;
        // Of a transaction that is held back no batch is filled, and an encrypted connection is read on in `receive`.
        while !self.session.is_full(limit) && came < READ_AT_ONCE {
            if self.session.replaying() {
                self.session.replay(now, limit)?;
                continue;
            }
            match connection.receive()? {
                Received::Frame(frame) => {
                    self.session.handle_frame(now, &frame)?;
                    came += frame.len();
                }
                Received::Nothing => {
                    if came > 0 {
                        self.session.heard(now.instant);
                    }
                    return Ok(true);
                }
                Received::Ended => self.copy_ended(connection)?,
            }
        }
        Ok(false)
    }

    fn notices(&mut self, connection: &mut Connection) -> Result<(), Failure> {
        for notice in connection.take_notices() {
            self.shared.log.warning(format!("server: {notice}"));
            // PostgreSQL 18 warns where its predecessors ended the stream (rule 25).
            let publication = notice.sqlstate.as_str() == sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE
                && notice.source_function.as_str() == "LoadPublications";
            if publication && self.options.publication_missing == PublicationMissing::Error {
                return Err(Failure::new(Code::E_PUBLICATION, notice.message.as_str())
                    .detail(notice.detail.as_str())
                    .hint("create the publication before the slot, or set publication.missing=warn to go on without it"));
            }
        }
        Ok(())
    }

    /// Sends a status update if one is due; true: there is something to flush.
    fn confirm(&mut self, connection: &mut Connection, reading: bool) -> Result<bool, Failure> {
        let now = now();
        let (update, dead) = self.session.poll_feedback(now, reading);
        if dead {
            let message = format!(
                "nothing was heard of the server for {} s",
                (self.options.receive_timeout * 2).as_secs_f32()
            );
            return Err(Failure::new(Code::E_CONNECT, message).cure(Cure::Retry));
        }
        let standby = self.session.poll_standby(now, false);
        if let Some(standby) = &standby {
            connection.put_copy_data(&standby.encode())?;
        }
        match update {
            Some(update) => self.send(connection, update).map(|()| true),
            None => Ok(standby.is_some()),
        }
    }

    fn send(&self, connection: &mut Connection, update: StatusUpdate) -> Result<(), Failure> {
        connection.put_copy_data(&update.encode())?;
        self.shared.stats.confirmed(update.flush.0);
        Ok(())
    }

    fn wait(
        &mut self,
        connection: &mut Connection,
        reading: bool,
        unsent: bool,
        next: Next,
    ) -> Result<(), Failure> {
        if next == Next::Read {
            connection.consume_input()?;
            // A message that is not whole yet shows up in no other place.
            self.session.heard(Instant::now());
            return Ok(());
        }
        if next == Next::Wait {
            self.pool.trim();
        }
        let interest = match (reading, unsent) {
            (true, false) if matches!(next, Next::Nap(_)) => None,
            (true, false) => Some(Interest::Read),
            (true, true) => Some(Interest::ReadWrite),
            (false, true) => Some(Interest::Write),
            (false, false) => None,
        };
        let deadline = match next {
            Next::Nap(until) => until.min(self.session.deadline(reading)),
            _ => self.session.deadline(reading),
        };
        let ready = match interest {
            Some(interest) => {
                let socket = connection.socket()?;
                wait(Some((socket, interest)), self.shared.queue.thread(), Some(deadline))?
            }
            None => wait(None, self.shared.queue.thread(), Some(deadline))?,
        };
        if ready.woken {
            self.shared.queue.thread().drain();
        }
        if reading && (ready.readable || ready.hangup) {
            connection.consume_input()?;
            self.session.heard(Instant::now());
        }
        Ok(())
    }

    fn enter(&self, state: State) {
        // An end that the host was told of stays one, whatever becomes of the connection.
        if !self.session.ended() {
            self.shared.enter(state);
        }
    }
}

fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::now(), unix_us: i64::try_from(unix.as_micros()).unwrap_or(i64::MAX) }
}
