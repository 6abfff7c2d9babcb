//! The stream's functions.

use std::ffi::c_char;
use std::mem::forget;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::batch::BatchHandle;
use super::config::Config;
use super::error::Error;
use super::fork::Generation;
use super::guard::{self, Out, Outcome, guard};
use crate::lsn::{Lsn, Xid};
use crate::model::{Code, Event};
use crate::stream::handle::Turn;
use crate::stream::options::Mode;
use crate::stream::standby::Keeps;
use crate::stream::{Failure, NoEvent, Options, Stream};

/// One slot, one thread.
pub struct StreamHandle {
    stream: Stream,
    /// A panic left it in a state that nobody knows.
    poisoned: AtomicBool,
    generation: Generation,
}

impl StreamHandle {
    fn open(
        conninfo: *const c_char,
        config: *const Config,
        change: impl FnOnce(&mut Options),
    ) -> Result<StreamHandle, Failure> {
        let conninfo = guard::text(conninfo, "conninfo")?;
        // SAFETY: NULL or a config of ours, which by contract one thread uses at a time.
        let (mut options, log) = match unsafe { config.as_ref() } {
            Some(config) => (config.options.clone(), config.sink()),
            None => (Options::default(), None),
        };
        change(&mut options);
        Ok(StreamHandle {
            stream: Stream::open(conninfo, options, log)?,
            poisoned: AtomicBool::new(false),
            generation: Generation::current(),
        })
    }

    /// One call on the stream; NULL and a panic before are its caller's failures.
    #[inline]
    pub(super) fn call(
        handle: *const StreamHandle,
        error: *mut *mut Error,
        call: impl FnOnce(&Stream) -> Outcome,
    ) -> i32 {
        guard(error, || {
            // SAFETY: NULL or a stream of ours that by contract is not freed before this call begins; `walstream_free` waits for its
            // end.
            let handle = unsafe { handle.as_ref() }.ok_or_else(|| guard::null("stream"))?;
            if handle.poisoned.load(SeqCst) {
                return Err(Failure { fatal: true, ..guard::panicked() });
            }
            let panics = Poison(&handle.poisoned);
            #[cfg(feature = "inject-panic")]
            crate::inject::point(crate::inject::Place::Stream);
            let outcome = call(&handle.stream);
            forget(panics);
            outcome
        })
    }

    #[inline]
    fn next_at_hand(&self, turn: &mut Turn<'_>) -> Option<*const Event> {
        if self.poisoned.load(SeqCst) { None } else { self.stream.next_at_hand(turn) }
    }
}

/// Poisons the handle when it is dropped: when a panic passes by.
struct Poison<'a>(&'a AtomicBool);

impl Drop for Poison<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

pub(super) fn outcome(result: Result<(), NoEvent>) -> Outcome {
    match result {
        Ok(()) => Ok(Code::OK),
        Err(NoEvent::Timeout) => Ok(Code::TIMEOUT),
        Err(NoEvent::Woken) => Ok(Code::WOKEN),
        Err(NoEvent::End) => Ok(Code::END),
        Err(NoEvent::Failed(failure)) => Err(failure),
    }
}

/// Checks conninfo and config; no network, never waits. config NULL: all defaults, PG* environment included.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_open(
    conninfo: *const c_char,
    config: *const Config,
    stream: *mut *mut StreamHandle,
    error: *mut *mut Error,
) -> i32 {
    let out = Out::new(stream, null_mut());
    guard(error, || {
        let place = out.get("stream")?;
        let opened = StreamHandle::open(conninfo, config, |_| ())?;
        // SAFETY: `Out` checked it.
        unsafe { place.write(Box::into_raw(Box::new(opened))) };
        Ok(Code::OK)
    })
}

/// Opens and starts a base backup by the options backup.*: walstream_next_event and walstream_next_batch then give BACKUP_START, for each archive
/// ARCHIVE_BEGIN and BACKUP_DATA, BACKUP_PROGRESS in between, MANIFEST_BEGIN with its BACKUP_DATA, BACKUP_END, and END. An archive is in
/// tar format. Nothing is acknowledged, and a backup that breaks off is not taken up again: the stream fails. Returns as soon as the
/// server is reached, after connect_timeout_ms at the latest: its checkpoint is waited for by the first read, which may also be the one to tell what
/// the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_basebackup_start(
    conninfo: *const c_char,
    config: *const Config,
    stream: *mut *mut StreamHandle,
    error: *mut *mut Error,
) -> i32 {
    let out = Out::new(stream, null_mut());
    guard(error, || {
        let place = out.get("stream")?;
        let opened = StreamHandle::open(conninfo, config, |options| options.mode = Mode::Backup)?;
        let code = outcome(opened.stream.start(Lsn::ZERO)).inspect_err(|_| opened.stream.close())?;
        // SAFETY: `Out` checked it.
        unsafe { place.write(Box::into_raw(Box::new(opened))) };
        Ok(code)
    })
}

/// Connects, checks server and slot, starts streaming. Waits at most connect_timeout_ms and slot.wait_ms; the first connection is
/// not retried unless retry.first=on. After a failure it may be called again. walstream_wake from another thread ends it with WOKEN. A slot that it
/// was making is not left behind then. After a failed look-up of the server's name its thread may stay until the resolver answers.
/// start_lsn 0: where the slot stands (mode=physical on PostgreSQL 14, which does not tell that: E_UNSUPPORTED). Else the host's own last durable ack_lsn: E_GAP when it is above what the server has written, or,
/// with start.strict=on, when the slot's confirmed position is above it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_start(
    stream: *mut StreamHandle,
    start_lsn: u64,
    error: *mut *mut Error,
) -> i32 {
    StreamHandle::call(stream, error, |stream| outcome(stream.start(Lsn(start_lsn))))
}

/// The next event. timeout_ms: 0 does not wait, -1 waits for ever. On any code but OK *event is NULL, and the event before is over too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_next_event(
    stream: *mut StreamHandle,
    timeout_ms: i32,
    event: *mut *const Event,
    error: *mut *mut Error,
) -> i32 {
    // No guard: nothing in here can panic. What is wrong with the arguments is told by the other way.
    // SAFETY: NULL or a stream of ours that by contract is not freed before this call begins.
    let mut turn = unsafe { stream.as_ref() }.and_then(|handle| handle.stream.turn());
    if event.is_null() || timeout_ms < -1 {
        return next_event(stream, turn, timeout_ms, event, error);
    }
    // SAFETY: as above; whoever has the turn keeps it alive.
    let found = turn.as_mut().and_then(|turn| unsafe { &*stream }.next_at_hand(turn));
    let Some(found) = found else { return next_event(stream, turn, timeout_ms, event, error) };
    // SAFETY: not NULL, and by contract a place for a pointer; so is `error` unless it is NULL.
    unsafe {
        event.write(found);
        if !error.is_null() {
            error.write(null_mut());
        }
    }
    Code::OK as i32
}

/// What `walstream_next_event` seldom comes to.
#[cold]
fn next_event(
    stream: *const StreamHandle,
    turn: Option<Turn<'_>>,
    timeout_ms: i32,
    event: *mut *const Event,
    error: *mut *mut Error,
) -> i32 {
    let out = Out::new(event, null());
    StreamHandle::call(stream, error, |stream| {
        let place = out.get("event")?;
        let timeout = guard::timeout(timeout_ms)?;
        // SAFETY: `Out` checked it.
        outcome(stream.next_event(turn, timeout).map(|event| unsafe { place.write(event) }))
    })
}

/// All that is ready, waiting only when nothing is; at most batch.max_events, and never empty with OK. Waits and codes as next_event.
/// Mixed with next_event it goes on behind the last event, and ends that event's life.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_next_batch(
    stream: *mut StreamHandle,
    timeout_ms: i32,
    batch: *mut *mut BatchHandle,
    error: *mut *mut Error,
) -> i32 {
    let out = Out::new(batch, null_mut());
    StreamHandle::call(stream, error, |stream| {
        let place = out.get("batch")?;
        let timeout = guard::timeout(timeout_ms)?;
        let found = stream.next_batch(timeout).map(|(batch, bytes)| BatchHandle::into_c(batch, bytes));
        // SAFETY: `Out` checked it.
        outcome(found.map(|batch| unsafe { place.write(batch) }))
    })
}

/// Everything up to and including lsn is safe at the host. Above delivered_lsn, start_lsn and the slot's position at start: E_ACK_AHEAD, nothing
/// changes. Below an earlier one: OK, nothing changes. In mode=physical a TIMELINE lowers all of them to its switch_lsn: what the host had of
/// the old timeline behind that is void.
/// Works from start until stop or a fatal error, after END too. Never waits. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_ack_lsn(
    stream: *mut StreamHandle,
    lsn: u64,
    error: *mut *mut Error,
) -> i32 {
    StreamHandle::call(stream, error, |stream| stream.acknowledge(Lsn(lsn)).map(|()| Code::OK))
}

/// mode=physical: as walstream_ack_lsn(flush), and tells the server what is written (though not flushed) and applied besides, for
/// synchronous_commit=remote_write and remote_apply. 0: not known. Never waits. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_ack_positions(
    stream: *mut StreamHandle,
    write: u64,
    flush: u64,
    apply: u64,
    error: *mut *mut Error,
) -> i32 {
    StreamHandle::call(stream, error, |stream| {
        stream.acknowledge_positions(Lsn(write), Lsn(flush), Lsn(apply)).map(|()| Code::OK)
    })
}

/// mode=physical: the server's vacuum is to keep rows that these transactions may see, and catalog rows; 0: none. The epochs count how often
/// transaction numbers had wrapped around. Told at once, then with each status interval and after each reconnect; taken back by
/// walstream_stop if it is connected. The server ignores numbers from the future or the distant past. Never waits. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_hot_standby_feedback(
    stream: *mut StreamHandle,
    xmin: u32,
    xmin_epoch: u32,
    catalog_xmin: u32,
    catalog_xmin_epoch: u32,
    error: *mut *mut Error,
) -> i32 {
    StreamHandle::call(stream, error, |stream| {
        let keeps =
            Keeps { xmin: Xid(xmin), xmin_epoch, catalog_xmin: Xid(catalog_xmin), catalog_xmin_epoch };
        stream.keep_rows(keeps).map(|()| Code::OK)
    })
}

/// Ends one wait: the read (or start) now waiting, or else the next one, returns WOKEN; several wakes before that count as one.
/// Events that are ready come first only with the call after. Any thread; async-signal-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_wake(stream: *mut StreamHandle) -> i32 {
    // No guard: a signal handler gets here. Nothing below allocates, locks or panics.
    // SAFETY: NULL or a stream of ours that by contract is not freed.
    match unsafe { stream.as_ref() } {
        Some(handle) => {
            handle.stream.wake();
            Code::OK as i32
        }
        None => Code::E_ARGUMENT as i32,
    }
}

/// A descriptor for poll or epoll, readable (level-triggered) while a read would return at once with any code. Only wait on it: the
/// library drains and closes it. After it fires read with timeout 0 until TIMEOUT. -1 where there is none. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_ready_fd(stream: *const StreamHandle) -> isize {
    guard::or(-1, || {
        // SAFETY: NULL or a stream of ours that by contract is not freed.
        unsafe { stream.as_ref() }.map_or(-1, |handle| handle.stream.ready_fd() as isize)
    })
}

/// Where the host stands, with the identity of the server: writes text and NUL into buffer[WALSTREAM_POSITION_BUFFER], for the option
/// start.position of a later process, which then notices another server or a timeline without these changes. E_STATE
/// before the first start. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_position(
    stream: *const StreamHandle,
    buffer: *mut c_char,
    error: *mut *mut Error,
) -> i32 {
    StreamHandle::call(stream, error, |stream| {
        if buffer.is_null() {
            return Err(guard::null("buffer"));
        }
        let text = stream.position()?.to_string();
        // SAFETY: by contract room for WALSTREAM_POSITION_BUFFER bytes, more than the longest position has.
        unsafe { super::names::write_text(&text, buffer, super::names::WALSTREAM_POSITION_BUFFER) };
        Ok(Code::OK)
    })
}

/// Sends the last ack, ends COPY, closes. Waits at most timeout_ms (-1: 10 s), then cuts and returns TIMEOUT. Events not yet read
/// are dropped (they come again next time); reads then say END, acks E_STATE. Without a connection there is nobody to tell: OK all the same, and what
/// the server was not told it sends again. E_CLOSED when walstream_free comes meanwhile. A second stop is OK. Not for signal handlers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_stop(
    stream: *mut StreamHandle,
    timeout_ms: i32,
    error: *mut *mut Error,
) -> i32 {
    StreamHandle::call(stream, error, |stream| {
        let timeout = guard::timeout(timeout_ms)?;
        Ok(if stream.stop(timeout)? { Code::OK } else { Code::TIMEOUT })
    })
}

/// NULL is fine. Never waits for the network: sends the last ack if the socket takes it at once (stop first to be sure), returns when the other
/// calls have left and no log callback runs. Not from the log callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_free(stream: *mut StreamHandle) {
    guard::quietly(|| {
        // SAFETY: NULL or a stream of ours that by contract was not freed before.
        let Some(handle) = (unsafe { stream.as_ref() }) else { return };
        if !handle.generation.is_ours() {
            return;
        }
        handle.stream.close();
        // SAFETY: as above; every call in progress has left.
        drop(unsafe { Box::from_raw(stream) });
    });
}
