//! What the host's threads and the replication thread share: the queue, requests one way, results the other.
//!
//! All of it atomics or short locks: neither side ever waits for the other in here.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::acknowledged::Acknowledged;
use super::error::Failure;
use super::log::Log;
use super::position::Position;
use super::queue::Queue;
use super::standby::StandbyCell;
use super::stats::Stats;
use crate::lsn::Lsn;
use crate::model::State;
use crate::model::event::TimelineDetail;

/// See the file's head.
#[derive(Debug)]
pub struct Shared {
    /// Batches to the host.
    pub queue: Queue,
    /// Messages to the host.
    pub log: Log,
    /// Numbers for the host.
    pub stats: Stats,
    /// What a physical standby tells besides its flush position.
    pub standby: StandbyCell,
    state: AtomicU32,
    /// STREAMING was reached since the start: what comes afterwards is for the reads to tell.
    streamed: AtomicBool,
    acknowledged: Acknowledged,
    /// Highest `ack_lsn` that the host was handed, or knows from the start.
    delivered: AtomicU64,
    /// Held while a position is taken in, so that no switch comes between the check and that.
    positions: Mutex<()>,
    /// Changes of the timeline that the host was handed.
    switches: AtomicU32,
    request: AtomicU32,
    /// Which thread is the stream's. One that was left behind in a name look-up is none any more.
    attempt: AtomicU32,
    stop_deadline: Mutex<Option<Instant>>,
    outcome: Mutex<Outcome>,
    finished: Condvar,
    last_error: AtomicI32,
    /// When the connection that is being made is to be given up.
    connect_deadline: Mutex<Option<Instant>>,
    /// Whose log the host reads.
    origin: Mutex<Option<Origin>>,
}

/// Whose log the host reads, and from where on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The system identifier.
    pub system: u64,
    /// As far as the host knows.
    pub timeline: u32,
    /// Its own start, 0: where the slot stood.
    pub start: Lsn,
}

/// What the host asks of the thread, each outdoing the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Request {
    /// Go on.
    Stream = 0,
    /// Send what is acknowledged and end in good order, up to a deadline.
    Stop = 1,
    /// Leave at once; a last update if the socket takes it.
    Leave = 2,
}

/// How it stands with the thread.
#[derive(Debug, Default)]
struct Outcome {
    finished: bool,
    /// The goodbye came to its end.
    in_order: bool,
    failure: Option<Failure>,
    /// The host frees the stream: nobody waits any more.
    closed: bool,
}

/// How a thread left that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The server heard the last of it, or there was none to tell.
    InOrder,
    /// In the middle of the goodbye.
    Cut,
}

impl Shared {
    /// Before the thread starts.
    pub fn new(queue: Queue, log: Log) -> Shared {
        Shared {
            queue,
            log,
            stats: Stats::default(),
            standby: StandbyCell::default(),
            state: AtomicU32::new(State::OPEN as u32),
            streamed: AtomicBool::new(false),
            acknowledged: Acknowledged::default(),
            delivered: AtomicU64::new(0),
            positions: Mutex::default(),
            switches: AtomicU32::new(0),
            request: AtomicU32::new(Request::Stream as u32),
            attempt: AtomicU32::new(0),
            stop_deadline: Mutex::default(),
            outcome: Mutex::default(),
            finished: Condvar::new(),
            last_error: AtomicI32::new(0),
            connect_deadline: Mutex::default(),
            origin: Mutex::default(),
        }
    }

    /// walstream_state
    pub fn state(&self) -> u32 {
        self.state.load(SeqCst)
    }

    /// The same, once whatever announces it is done: nobody makes `ready` readable for it afterwards.
    pub fn settled_state(&self) -> u32 {
        let _settled = lock(&self.outcome);
        self.state()
    }

    /// Did the stream begin, whatever became of it?
    pub fn streamed(&self) -> bool {
        self.streamed.load(SeqCst)
    }

    /// Is it in this state?
    pub fn is(&self, state: State) -> bool {
        self.state() == state as u32
    }

    /// Enters a state. A read that waits looks again at an end.
    pub fn enter(&self, state: State) {
        self.enter_under(&lock(&self.outcome), state);
    }

    fn enter_under(&self, _settling: &Outcome, state: State) {
        if state == State::STREAMING {
            self.streamed.store(true, SeqCst);
        }
        self.state.store(state as u32, SeqCst);
        if matches!(state, State::STREAMING | State::ENDED | State::FAILED) {
            self.queue.announce();
        }
    }

    /// From any of the host's threads: safe up to `lsn`. The limit was checked.
    pub fn acknowledge(&self, lsn: Lsn) {
        if self.acknowledged.raise(lsn) {
            self.queue.thread().signal();
        }
    }

    /// Highest position that the host acknowledged.
    pub fn acknowledged(&self) -> Lsn {
        self.acknowledged.highest()
    }

    /// The same, for the thread: it takes it in.
    pub fn take_acknowledged(&self) -> Lsn {
        self.acknowledged.take()
    }

    /// Highest position that the host may acknowledge.
    pub fn delivered(&self) -> Lsn {
        Lsn(self.delivered.load(SeqCst))
    }

    /// Takes in positions of the host's, none above `highest`. Err: what may be acknowledged at most.
    pub fn acknowledging(&self, highest: Lsn, tell: impl FnOnce(&Shared)) -> Result<(), Lsn> {
        let _unswitched = lock(&self.positions);
        let limit = self.delivered();
        if highest > limit {
            return Err(limit);
        }
        tell(self);
        Ok(())
    }

    /// The host is handed a TIMELINE: what it had of the old one behind the switch is void, and nothing of the new one is acknowledged.
    pub fn switch_timeline(&self, switch: &TimelineDetail) {
        let _unswitched = lock(&self.positions);
        let end = Lsn(switch.switch_lsn);
        self.delivered.fetch_min(end.0, SeqCst);
        self.acknowledged.lower(end);
        self.standby.lower(end);
        self.stats.lower_confirmed(end.0);
        if let Some(origin) = &mut *lock(&self.origin) {
            (origin.timeline, origin.start) = (switch.timeline, origin.start.min(end));
        }
        // The last: whoever sees it finds the positions lowered.
        self.switches.fetch_add(1, SeqCst);
    }

    /// Changes of the timeline that the host was handed. What it acknowledges is of the latest.
    pub fn switches(&self) -> u32 {
        self.switches.load(SeqCst)
    }

    /// The host knows of `lsn` from now on.
    pub fn deliver(&self, lsn: u64) {
        if lsn > self.delivered.load(SeqCst) {
            self.delivered.fetch_max(lsn, SeqCst);
        }
    }

    /// The last error, retried or final; 0 none.
    pub fn last_error(&self) -> i32 {
        self.last_error.load(SeqCst)
    }

    /// Notes an error that is retried.
    pub fn note_error(&self, failure: &Failure) {
        self.last_error.store(failure.code as i32, SeqCst);
    }

    /// What the host asks of the thread of this attempt.
    pub fn request(&self, attempt: u32) -> Request {
        if attempt != self.attempt.load(SeqCst) {
            return Request::Leave;
        }
        match self.request.load(SeqCst) {
            0 => Request::Stream,
            1 => Request::Stop,
            _ => Request::Leave,
        }
    }

    /// Asks the thread to end. `deadline` is for a stop in good order.
    pub fn ask(&self, request: Request, deadline: Option<Instant>) {
        if deadline.is_some() {
            *lock(&self.stop_deadline) = deadline;
        }
        self.request.fetch_max(request as u32, SeqCst);
        self.queue.thread().signal();
    }

    /// Is the thread of this attempt to end?
    pub fn ending(&self, attempt: u32) -> bool {
        self.request(attempt) != Request::Stream
    }

    /// Until when a stop in good order may take.
    pub fn stop_deadline(&self) -> Option<Instant> {
        *lock(&self.stop_deadline)
    }

    /// A new attempt to start: its number.
    pub fn new_attempt(&self) -> u32 {
        *lock(&self.outcome) = Outcome::default();
        let attempt = self.attempt.fetch_add(1, SeqCst) + 1;
        // Of a thread that was left behind.
        *lock(&self.connect_deadline) = None;
        self.streamed.store(false, SeqCst);
        self.request.store(Request::Stream as u32, SeqCst);
        self.queue.thread().drain();
        attempt
    }

    /// The start failed. Its thread may still be there, as in a look-up of a name: what it says from now on is nobody's.
    pub fn give_up_attempt(&self) {
        let outcome = lock(&self.outcome);
        self.attempt.fetch_add(1, SeqCst);
        self.enter_under(&outcome, State::OPEN);
    }

    /// From the thread, as the last thing that it does.
    pub fn finish(&self, attempt: u32, end: Result<Left, Failure>) {
        let mut outcome = lock(&self.outcome);
        if attempt != self.attempt.load(SeqCst) {
            return;
        }
        outcome.in_order = matches!(end, Ok(Left::InOrder));
        let mut state = State::ENDED;
        if let Err(failure) = end {
            self.note_error(&failure);
            // An end that the host was told of stays one.
            if !self.is(State::ENDED) {
                state = State::FAILED;
            }
            outcome.failure = Some(failure);
        }
        self.enter_under(&outcome, state);
        outcome.finished = true;
        self.finished.notify_all();
    }

    /// Why the stream failed.
    pub fn failure(&self) -> Option<Failure> {
        lock(&self.outcome).failure.clone()
    }

    /// Has the thread left? Waits for it as long as told.
    pub fn wait_finished(&self, timeout: Duration) -> bool {
        self.wait_while(timeout, |outcome| !outcome.finished).finished
    }

    /// The same, unless the stream is freed meanwhile. Did the thread also say all that it was to say?
    pub fn wait_ended_in_order(&self, timeout: Duration) -> bool {
        let outcome = self.wait_while(timeout, |outcome| !outcome.finished && !outcome.closed);
        outcome.finished && (outcome.in_order || outcome.failure.is_some())
    }

    fn wait_while(
        &self,
        timeout: Duration,
        condition: impl Fn(&mut Outcome) -> bool,
    ) -> MutexGuard<'_, Outcome> {
        let waited = self.finished.wait_timeout_while(lock(&self.outcome), timeout, condition);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The host frees the stream: its thread is to leave, and nobody is to wait for more than that.
    pub fn close(&self) {
        self.ask(Request::Leave, None);
        lock(&self.outcome).closed = true;
        self.finished.notify_all();
    }

    /// A connection is being made, until then; None: it is no more.
    pub fn connecting_until(&self, attempt: u32, deadline: Option<Instant>) {
        if attempt == self.attempt.load(SeqCst) {
            *lock(&self.connect_deadline) = deadline;
        }
    }

    /// When the connection that is being made is to be given up.
    pub fn connect_deadline(&self) -> Option<Instant> {
        *lock(&self.connect_deadline)
    }

    /// Whose log the host reads from now on.
    pub fn set_origin(&self, origin: Origin) {
        *lock(&self.origin) = Some(origin);
    }

    /// What to save to go on from here, once a server is known.
    pub fn position(&self) -> Option<Position> {
        let _unswitched = lock(&self.positions);
        let Origin { system, timeline, start } = (*lock(&self.origin))?;
        let lsn = self.acknowledged().max(Lsn(self.stats.confirmed_lsn())).max(start);
        Some(Position { system, timeline, lsn })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in there is consistent after each statement: a panic elsewhere changes nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    #[test]
    fn what_a_thread_says_after_its_start_was_given_up_is_nobodys() {
        let shared = Shared::new(Queue::new(1 << 20).unwrap(), Log::new(None));
        let first = shared.new_attempt();
        shared.enter(State::CONNECTING);
        shared.give_up_attempt();
        assert!(shared.ending(first));
        shared.finish(first, Err(Failure::new(Code::E_CONNECT, "late")));
        assert!(shared.is(State::OPEN) && shared.failure().is_none());
        let second = shared.new_attempt();
        shared.finish(first, Ok(Left::InOrder));
        assert!(shared.is(State::OPEN) && !shared.wait_finished(Duration::ZERO));
        shared.finish(second, Ok(Left::InOrder));
        assert!(shared.is(State::ENDED) && shared.wait_finished(Duration::ZERO));
    }

    #[test]
    fn an_end_that_the_host_was_told_of_stays_one() {
        let shared = Shared::new(Queue::new(1 << 20).unwrap(), Log::new(None));
        let attempt = shared.new_attempt();
        shared.enter(State::ENDED);
        shared.finish(attempt, Err(Failure::new(Code::E_AUTH, "while the last acknowledgement is awaited")));
        assert!(shared.is(State::ENDED));
        assert_eq!(shared.last_error(), Code::E_AUTH as i32);
    }
}
