//! A stream as its host has it: open, read, acknowledge, stop; how it starts stands beside (`handle/starting.rs`).
//!
//! Owns who may be inside when, and where the reader stands in its batch. All that takes time happens on the
//! replication thread; here is only waiting for it.

#![forbid(unsafe_code)]

mod starting;

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use atomic_refcell::{AtomicRefCell, AtomicRefMut};

use super::error::Failure;
use super::log::{Log, Sink};
use super::options::{Mode, Options};
use super::plugin_options::check_combinations;
use super::position::Position;
use super::queue::Queue;
use super::shared::{Request, Shared};
use super::unread::Unread;
use crate::lsn::Lsn;
use crate::model::{Batch, Code, Event, State};
use crate::pg::{Conninfo, wait};

/// `walstream_stop` with no limit of the host's own.
const LONGEST_STOP: Duration = Duration::from_secs(10);
/// A thread that is not in a name look-up leaves within this.
const LEAVING: Duration = Duration::from_millis(200);

/// See the file's head.
pub struct Stream {
    conninfo: Conninfo,
    pub(super) options: Arc<Options>,
    shared: Arc<Shared>,
    /// Held by the one thread that starts, reads or stops. Nobody waits for it but `close`, and letting it go is no more than a store.
    reader: AtomicRefCell<Reader>,
    wake: AtomicBool,
    closed: AtomicBool,
    /// Calls of any-thread functions in progress.
    calls: AtomicU32,
    /// May positions be acknowledged?
    acknowledging: AtomicBool,
    /// In batches at the host.
    host_bytes: Arc<AtomicU64>,
}

#[derive(Default)]
struct Reader {
    phase: Phase,
    unread: Option<Unread>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    Started,
    Stopped,
}

/// What a read came to, when not to something to read.
#[derive(Debug)]
pub enum NoEvent {
    /// The time passed.
    Timeout,
    /// `wake` was called.
    Woken,
    /// stop_lsn, or `stop`.
    End,
    /// Why not.
    Failed(Failure),
}

impl From<Failure> for NoEvent {
    fn from(failure: Failure) -> NoEvent {
        NoEvent::Failed(failure)
    }
}

impl Stream {
    /// Checks conninfo and options; no network.
    pub fn open(conninfo: &str, options: Options, log: Option<Sink>) -> Result<Stream, Failure> {
        let conninfo = Conninfo::parse(conninfo).map_err(crate::pg::PgError::from)?;
        check_combinations(&options)?;
        let queue = Queue::new(options.queue_max_bytes)?;
        Ok(Stream {
            conninfo,
            shared: Arc::new(Shared::new(queue, Log::new(log))),
            options: Arc::new(options),
            reader: AtomicRefCell::default(),
            wake: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            calls: AtomicU32::new(0),
            acknowledging: AtomicBool::new(false),
            host_bytes: Arc::default(),
        })
    }

    /// For a call that may take two looks: between them nobody else is to be the reader, nor the stream to be freed.
    #[inline]
    pub fn turn(&self) -> Option<Turn<'_>> {
        self.reader.try_borrow_mut().ok().map(Turn)
    }

    /// The next event of the batch that is being read, unless it is the last or something else speaks against it: what
    /// `next_event` mostly comes to.
    #[inline]
    pub fn next_at_hand(&self, turn: &mut Turn<'_>) -> Option<*const Event> {
        let unread = turn.0.unread.as_mut()?;
        if unread.left() < 2 || self.closed.load(SeqCst) || self.wake.load(SeqCst) {
            return None;
        }
        self.hand_out(unread)
    }

    /// The next event, alive until the reader's next call.
    pub fn next_event(
        &self,
        turn: Option<Turn<'_>>,
        timeout: Option<Duration>,
    ) -> Result<*const Event, NoEvent> {
        let mut turn = turn.ok_or_else(busy)?;
        self.check_open()?;
        let reader = &mut *turn.0;
        let batch = self.next(reader, timeout)?;
        let unread = reader.unread.insert(Unread::new(batch));
        let event = self.hand_out(unread).ok_or_else(|| state("an empty batch", "please report it"))?;
        if unread.left() == 0 {
            self.quiet_if_empty();
        }
        Ok(event)
    }

    #[inline]
    fn hand_out(&self, unread: &mut Unread) -> Option<*const Event> {
        let (event, ack_lsn) = unread.next()?;
        let event: *const Event = event;
        if ack_lsn != 0 {
            self.shared.deliver(ack_lsn);
        }
        Some(event)
    }

    /// All that is ready, up to one batch; and where to count its memory, while the host has it.
    pub fn next_batch(&self, timeout: Option<Duration>) -> Result<(Batch, Arc<AtomicU64>), NoEvent> {
        let mut reader = self.enter_as_reader()?;
        let batch = self.next(&mut reader, timeout)?;
        self.shared.deliver(batch.ack_lsn());
        self.quiet_if_empty();
        Ok((batch, Arc::clone(&self.host_bytes)))
    }

    /// The rest of the batch that is being read, or a new one.
    fn next(&self, reader: &mut Reader, timeout: Option<Duration>) -> Result<Batch, NoEvent> {
        let deadline = match timeout {
            Some(timeout) => Instant::now().checked_add(timeout),
            None => None,
        };
        let rest = reader.unread.take().and_then(Unread::rest);
        let now = rest.is_none() && timeout == Some(Duration::ZERO);
        if self.wake.swap(false, SeqCst) {
            // What was ready comes with the next call.
            reader.unread = rest.map(Unread::new);
            self.quiet_if_empty_of(reader);
            return Err(NoEvent::Woken);
        }
        if let Some(rest) = rest {
            return Ok(rest);
        }
        self.wait_for_batch(reader, deadline, now)
    }

    fn wait_for_batch(
        &self,
        reader: &Reader,
        deadline: Option<Instant>,
        now: bool,
    ) -> Result<Batch, NoEvent> {
        loop {
            self.check_open()?;
            match reader.phase {
                Phase::Open => {
                    return Err(state("the stream is not started", "call walstream_start first").into());
                }
                Phase::Stopped => return Err(NoEvent::End),
                Phase::Started => {}
            }
            // Looked at before the queue: a batch that was pushed before the end is found after it.
            let state = self.shared.state();
            if let Some(batch) = self.shared.queue.pop() {
                if self.options.mode == Mode::Physical {
                    batch.switch().into_iter().for_each(|switch| self.shared.switch_timeline(&switch));
                }
                return Ok(batch);
            }
            if state == State::ENDED as u32 {
                // Perhaps it is walstream_free that ended it.
                self.check_open()?;
                return Err(NoEvent::End);
            }
            if state == State::FAILED as u32 {
                return Err(Failure { fatal: true, ..self.failure() }.into());
            }
            self.quiet();
            if self.anything() {
                if self.wake.swap(false, SeqCst) {
                    self.quiet_if_empty();
                    return Err(NoEvent::Woken);
                }
                continue;
            }
            if now {
                return Err(NoEvent::Timeout);
            }
            if wait(None, self.shared.queue.ready(), deadline).map_err(Failure::from)?.timed_out {
                return Err(NoEvent::Timeout);
            }
            if self.wake.swap(false, SeqCst) {
                self.quiet_if_empty();
                return Err(NoEvent::Woken);
            }
        }
    }

    /// Would a read return at once, apart from what the reader holds?
    fn anything(&self) -> bool {
        !self.shared.queue.is_empty()
            || self.wake.load(SeqCst)
            || self.closed.load(SeqCst)
            || matches!(self.shared.state(), state if state == State::ENDED as u32 || state == State::FAILED as u32)
    }

    /// Makes the descriptor unreadable, unless there is something after all.
    fn quiet(&self) {
        self.shared.queue.retract();
        if self.anything() {
            self.shared.queue.announce();
        }
    }

    fn quiet_if_empty(&self) {
        if self.shared.queue.is_empty() {
            self.quiet();
        }
    }

    fn quiet_if_empty_of(&self, reader: &Reader) {
        if reader.unread.is_none() {
            self.quiet_if_empty();
        }
    }

    /// Everything up to `lsn` is safe at the host.
    pub fn acknowledge(&self, lsn: Lsn) -> Result<(), Failure> {
        self.acknowledging(lsn, |shared| shared.acknowledge(lsn))
    }

    /// A call that tells of positions, none above `highest`.
    pub(super) fn acknowledging(&self, highest: Lsn, tell: impl FnOnce(&Shared)) -> Result<(), Failure> {
        let call = self.enter()?;
        if !self.acknowledging.load(SeqCst) || self.shared.is(State::FAILED) {
            return Err(state(
                "positions are acknowledged between start and stop",
                "acknowledge before walstream_stop; after a fatal error open a new stream",
            ));
        }
        call.shared().acknowledging(highest, tell).map_err(|limit| {
            Failure::new(
                Code::E_ACK_AHEAD,
                format!("{highest} is ahead of {limit}, the last that was handed out"),
            )
            .hint("acknowledge an event's ack_lsn, never its lsn or commit_lsn; nothing was changed")
        })
    }

    /// Ends one wait. Async-signal-safe.
    pub fn wake(&self) {
        // The reader may be gone, and its host freeing, as soon as it sees the flag.
        let call = self.inside();
        self.wake.store(true, SeqCst);
        call.shared().queue.announce();
    }

    /// For poll: readable while a read would return at once.
    pub fn ready_fd(&self) -> i32 {
        self.inside().shared().queue.ready().fd().as_raw_fd()
    }

    /// Numbers and state.
    pub fn shared(&self) -> Result<Call<'_>, Failure> {
        self.enter()
    }

    /// Memory of the batches that the host has and did not free.
    pub fn host_bytes(&self) -> u64 {
        self.host_bytes.load(SeqCst)
    }

    /// What to save to go on from here.
    pub fn position(&self) -> Result<Position, Failure> {
        let call = self.enter()?;
        call.shared().position().ok_or_else(|| state("no server is known yet", "call walstream_start first"))
    }

    /// Ends the stream in good order; false: it took too long and was cut off.
    pub fn stop(&self, timeout: Option<Duration>) -> Result<bool, Failure> {
        let mut reader = self.enter_as_reader()?;
        let phase = std::mem::replace(&mut reader.phase, Phase::Stopped);
        self.acknowledging.store(false, SeqCst);
        if phase != Phase::Started {
            self.shared.enter(State::ENDED);
            return Ok(true);
        }
        let timeout = timeout.unwrap_or(LONGEST_STOP);
        self.shared.ask(Request::Stop, Instant::now().checked_add(timeout));
        let in_order = self.shared.wait_ended_in_order(timeout);
        if !in_order {
            self.shared.ask(Request::Leave, None);
        }
        self.leave_thread(&mut reader);
        // The event that was read last stays alive.
        while self.shared.queue.pop().is_some() {}
        reader.unread.iter_mut().for_each(Unread::drop_rest);
        self.shared.enter(State::ENDED);
        self.check_open()?;
        Ok(in_order)
    }

    /// Every call in progress returns before this does.
    pub fn close(&self) {
        self.closed.store(true, SeqCst);
        self.shared.queue.announce();
        self.shared.close();
        // Waits for the reader, who has just been told.
        let mut reader = loop {
            match self.reader.try_borrow_mut() {
                Ok(reader) => break reader,
                Err(_) => std::thread::yield_now(),
            }
        };
        while self.calls.load(SeqCst) > 0 {
            std::thread::yield_now();
        }
        self.leave_thread(&mut reader);
        self.shared.log.close();
    }

    /// A thread that is in a name look-up cannot be told: it is left behind, with nothing of the host's.
    fn leave_thread(&self, reader: &mut Reader) {
        if let Some(thread) = reader.thread.take()
            && self.shared.wait_finished(LEAVING)
        {
            // It has only to return. A panic was caught in it.
            let _ = thread.join();
        }
    }

    /// Why the thread left.
    fn failure(&self) -> Failure {
        let silent = || Failure::new(Code::E_PANIC, "the replication thread left without a word");
        self.shared.failure().unwrap_or_else(silent)
    }

    fn check_open(&self) -> Result<(), Failure> {
        if self.closed.load(SeqCst) { Err(closed()) } else { Ok(()) }
    }

    #[inline]
    fn enter_as_reader(&self) -> Result<AtomicRefMut<'_, Reader>, Failure> {
        let reader = self.reader.try_borrow_mut().map_err(|_| busy())?;
        self.check_open()?;
        Ok(reader)
    }

    fn enter(&self) -> Result<Call<'_>, Failure> {
        let call = self.inside();
        self.check_open()?;
        Ok(call)
    }

    fn inside(&self) -> Call<'_> {
        self.calls.fetch_add(1, SeqCst);
        Call(self)
    }
}

/// Being the one thread that reads, held over a call.
pub struct Turn<'a>(AtomicRefMut<'a, Reader>);

/// An any-thread call in progress: `close` waits for it.
pub struct Call<'a>(&'a Stream);

impl Call<'_> {
    /// What is shared with the replication thread.
    pub fn shared(&self) -> &Shared {
        &self.0.shared
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, SeqCst);
    }
}

fn state(message: &str, hint: &str) -> Failure {
    Failure::new(Code::E_STATE, message).hint(hint)
}

#[cold]
fn busy() -> Failure {
    Failure::new(
        Code::E_BUSY,
        "another thread is inside start, next_event, next_batch or stop of this stream",
    )
    .hint("let one thread read; wake it with walstream_wake")
}

#[cold]
fn closed() -> Failure {
    Failure::new(Code::E_CLOSED, "walstream_free was called meanwhile").hint("do not use the stream any more")
}
