//! Administration's functions.

use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::admin_types::{History, SlotInfoRow, SlotRequestRow, System, TwoPhaseAndFailover, fill};
use super::config::Config;
use super::error::{Error, c_text};
use super::fork::Generation;
use super::guard::{self, Out, guard};
use super::stream::outcome;
use crate::model::Code;
use crate::model::event::TimelineDetail;
use crate::stream::admin::{Admin, HeldSnapshot, Inside};
use crate::stream::{Failure, NoEvent, Options};

/// A connection for single questions and commands.
pub struct AdminHandle {
    admin: Admin<Given>,
    /// A panic left it in a state that nobody knows.
    poisoned: AtomicBool,
    generation: Generation,
}

/// A snapshot of the data as of a slot's start, that other connections may import.
pub struct SnapshotHandle {
    held: HeldSnapshot,
    name: CString,
    generation: Generation,
}

impl AdminHandle {
    /// One call on the handle; NULL and a panic before are its caller's failures. Whatever it gives is with the host before
    /// the next one is let in.
    fn call(
        handle: *const AdminHandle,
        error: *mut *mut Error,
        call: impl FnOnce(&mut Inside<'_, Given>) -> Result<(), NoEvent>,
    ) -> i32 {
        guard(error, || {
            // SAFETY: NULL or a handle of ours that by contract is not freed before this call begins; `walstream_admin_free`
            // waits until `inside` is dropped.
            let handle = unsafe { handle.as_ref() }.ok_or_else(|| guard::null("admin"))?;
            let mut inside = match handle.admin.enter() {
                Ok(inside) => inside,
                Err(outside) => return outcome(Err(outside)),
            };
            if handle.poisoned.load(SeqCst) {
                return Err(Failure { fatal: true, ..guard::panicked() });
            }
            catch_unwind(AssertUnwindSafe(|| outcome(call(&mut inside)))).unwrap_or_else(|panic| {
                handle.poisoned.store(true, SeqCst);
                resume_unwind(panic)
            })
        })
    }
}

/// Texts that live until the next call.
pub(super) fn keep<const N: usize>(inside: &mut Inside<'_, Given>, texts: [&str; N]) -> [*const c_char; N] {
    let texts = texts.map(c_text);
    // A CString's text stays where it is when the CString is moved.
    let pointers = texts.each_ref().map(|text| text.as_ptr());
    inside.give(Given { _texts: texts.into(), ..Given::default() });
    pointers
}

/// The same for a history file.
pub(super) fn keep_history(
    inside: &mut Inside<'_, Given>,
    name: &str,
    content: &[u8],
    switches: Vec<TimelineDetail>,
) -> KeptHistory {
    let name = c_text(name);
    let content = [content, b"\0"].concat();
    // What a vector or a CString holds stays where it is when its owner is moved.
    let kept =
        KeptHistory { file_name: name.as_ptr(), content: content.as_ptr(), switches: switches.as_ptr() };
    inside.give(Given { _texts: vec![name], _content: content, _switches: switches });
    kept
}

/// Only kept: C reads them.
#[derive(Default)]
pub(super) struct Given {
    _texts: Vec<CString>,
    _content: Vec<u8>,
    _switches: Vec<TimelineDetail>,
}

/// Where the parts of a history file lie until the next call.
pub(super) struct KeptHistory {
    pub(super) file_name: *const c_char,
    pub(super) content: *const u8,
    pub(super) switches: *const TimelineDetail,
}

/// Connects as walstream_open and walstream_start do, by conninfo and connect_timeout_ms, to the database that the conninfo names. config NULL:
/// all defaults. The handle keeps its connection, and makes a new one when the server has ended it. One thread at a time
/// may be inside a call on it (another one gets E_BUSY), besides walstream_admin_cancel and walstream_admin_free. Text that a call gives
/// lives until the next call on the handle. mode=physical: without a database, as pg_hba.conf's entries for replication allow it; then there are
/// no logical slots to make, and walstream_admin_read_slot tells a physical slot's position only (PostgreSQL 15 and later).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_open(
    conninfo: *const c_char,
    config: *const Config,
    admin: *mut *mut AdminHandle,
    error: *mut *mut Error,
) -> i32 {
    let out = Out::new(admin, null_mut());
    guard(error, || {
        let place = out.get("admin")?;
        let conninfo = guard::text(conninfo, "conninfo")?;
        // SAFETY: NULL or a config of ours, which by contract one thread uses at a time.
        let options =
            unsafe { config.as_ref() }.map_or_else(Options::default, |config| config.options.clone());
        let opened = AdminHandle {
            admin: Admin::open(conninfo, options)?,
            poisoned: AtomicBool::new(false),
            generation: Generation::current(),
        };
        // SAFETY: `Out` checked it.
        unsafe { place.write(Box::into_raw(Box::new(opened))) };
        Ok(Code::OK)
    })
}

/// Which server, timeline and database this is, and how far its log is flushed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_identify(
    admin: *mut AdminHandle,
    inout: *mut System,
    error: *mut *mut Error,
) -> i32 {
    AdminHandle::call(admin, error, |inside| {
        let system = inside.identify()?;
        // SAFETY: as `fill` wants it, by contract.
        Ok(unsafe { fill(inout, System::new(&system, inside)?) }?)
    })
}

/// The value of a setting, as SHOW prints it. *value lives until the next call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_show(
    admin: *mut AdminHandle,
    name: *const c_char,
    value: *mut *const c_char,
    error: *mut *mut Error,
) -> i32 {
    let out = Out::new(value, std::ptr::null());
    AdminHandle::call(admin, error, |inside| {
        let place = out.get("value")?;
        let value = inside.show(guard::text(name, "name")?)?;
        let [text] = keep(inside, [&value]);
        // SAFETY: `Out` checked it.
        unsafe { place.write(text) };
        Ok(())
    })
}

/// A timeline's history file, and its switches. Empty for timeline 1, which has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_timeline_history(
    admin: *mut AdminHandle,
    timeline: u32,
    inout: *mut History,
    error: *mut *mut Error,
) -> i32 {
    AdminHandle::call(admin, error, |inside| {
        let file = inside.timeline_history(timeline)?;
        // SAFETY: as `fill` wants it, by contract.
        Ok(unsafe { fill(inout, History::new(&file, timeline, inside)?) }?)
    })
}

/// Makes a slot. request NULL: a logical one for pgoutput. A logical slot waits for all transactions that are open in any database:
/// timeout_ms (-1: for ever) or walstream_admin_cancel end that, with TIMEOUT or WOKEN, and leave neither the slot nor a walsender behind.
/// *consistent_lsn (may be NULL) is where a logical slot begins, 0 for a physical one. With WALSTREAM_SNAPSHOT_EXPORT or _USE *snapshot is a handle that
/// keeps the connection (the next call on admin makes another); else it may be NULL. A temporary slot ends with the connection that made it:
/// with the snapshot's, else with admin's; the server drops it at the first error there, too (postgres.c: PostgresMain).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_create_slot(
    admin: *mut AdminHandle,
    name: *const c_char,
    request: *const SlotRequestRow,
    timeout_ms: i32,
    consistent_lsn: *mut u64,
    snapshot: *mut *mut SnapshotHandle,
    error: *mut *mut Error,
) -> i32 {
    let (lsn, out) = (Out::new(consistent_lsn, 0), Out::new(snapshot, null_mut()));
    AdminHandle::call(admin, error, |inside| {
        // SAFETY: NULL or by contract a request with its struct_size, and texts that live for the call.
        let request = unsafe { SlotRequestRow::read(request) }?;
        let wanted = request.wanted(guard::text(name, "name")?)?;
        let timeout = guard::timeout(timeout_ms)?;
        let place = if request.gives_snapshot() { Some(out.get("snapshot")?) } else { None };
        let made = inside.create_slot(&wanted, timeout)?;
        if let Ok(place) = lsn.get("consistent_lsn") {
            // SAFETY: `Out` checked it.
            unsafe { place.write(made.consistent_point.0) };
        }
        if let (Some(place), Some(held)) = (place, made.snapshot) {
            let name = c_text(&held.name);
            let snapshot = Box::new(SnapshotHandle { held, name, generation: Generation::current() });
            // SAFETY: `Out` checked it.
            unsafe { place.write(Box::into_raw(snapshot)) };
        }
        Ok(())
    })
}

/// Changes a slot; for both -1 leaves it, 0 is off, 1 on. two_phase needs PostgreSQL 18, failover 17.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_alter_slot(
    admin: *mut AdminHandle,
    name: *const c_char,
    two_phase: i32,
    failover: i32,
    error: *mut *mut Error,
) -> i32 {
    AdminHandle::call(admin, error, |inside| {
        let change = TwoPhaseAndFailover { two_phase, failover }.change()?;
        inside.alter_slot(guard::text(name, "name")?, change)
    })
}

/// What the server says of a slot; E_SLOT_MISSING when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_read_slot(
    admin: *mut AdminHandle,
    name: *const c_char,
    inout: *mut SlotInfoRow,
    error: *mut *mut Error,
) -> i32 {
    AdminHandle::call(admin, error, |inside| {
        let slot = inside.read_slot(guard::text(name, "name")?)?;
        // SAFETY: as `fill` wants it, by contract.
        Ok(unsafe { fill(inout, SlotInfoRow::new(&slot, inside)) }?)
    })
}

/// Drops a slot. wait 0: E_SLOT_IN_USE while somebody reads it. wait 1: waits for the reader's end, at most timeout_ms (-1: for ever), or until
/// walstream_admin_cancel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_drop_slot(
    admin: *mut AdminHandle,
    name: *const c_char,
    wait: i32,
    timeout_ms: i32,
    error: *mut *mut Error,
) -> i32 {
    AdminHandle::call(admin, error, |inside| {
        let timeout = guard::timeout(timeout_ms)?;
        inside.drop_slot(guard::text(name, "name")?, wait != 0, timeout)
    })
}

/// Ends the call in progress, or else the next one that gets in (E_BUSY is none), which then does nothing, whatever its arguments. It returns
/// WOKEN once the server has called off what it was doing; a slot that was dropped or altered already, or what the server refused, is told as
/// ever. A call that is ended while it runs, also by its timeout_ms, ends the handle's connection, and with it the temporary slots that were
/// made on it. Any thread; async-signal-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_cancel(admin: *mut AdminHandle) -> i32 {
    // No guard: a signal handler gets here. Nothing below allocates, locks or panics.
    // SAFETY: NULL or a handle of ours that by contract is not freed.
    match unsafe { admin.as_ref() } {
        Some(handle) => {
            handle.admin.cancel();
            Code::OK as i32
        }
        None => Code::E_ARGUMENT as i32,
    }
}

/// NULL is fine. Ends the call in progress, as walstream_admin_cancel does (that one returns E_CLOSED), waits for its end, and closes the connection.
/// It waits for walstream_admin_cancel in other threads, too. A call is inside once it holds the handle's lock, or is counted, by its first
/// instructions; one that gets there after free is a bug in the host, as with free(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_admin_free(admin: *mut AdminHandle) {
    guard::quietly(|| {
        // SAFETY: NULL or a handle of ours that by contract was not freed before.
        let Some(handle) = (unsafe { admin.as_ref() }) else { return };
        if !handle.generation.is_ours() {
            return;
        }
        handle.admin.close();
        // SAFETY: as above; the call in progress has left.
        drop(unsafe { Box::from_raw(admin) });
    });
}

/// For SET TRANSACTION SNAPSHOT in a transaction that is REPEATABLE READ. Lives as long as the snapshot. NULL: "". Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_snapshot_name(snapshot: *const SnapshotHandle) -> *const c_char {
    // SAFETY: NULL or a snapshot of ours that by contract is not freed.
    unsafe { snapshot.as_ref() }.map_or(c"".as_ptr(), |snapshot| snapshot.name.as_ptr())
}

/// What was committed before this position is in the snapshot, everything else comes through the slot. NULL: 0. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_snapshot_lsn(snapshot: *const SnapshotHandle) -> u64 {
    // SAFETY: NULL or a snapshot of ours that by contract is not freed.
    unsafe { snapshot.as_ref() }.map_or(0, |snapshot| snapshot.held.consistent_point.0)
}

/// NULL is fine. Closes the connection: transactions that imported the snapshot keep it, others no longer can. Also after walstream_admin_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_snapshot_free(snapshot: *mut SnapshotHandle) {
    guard::quietly(|| {
        // SAFETY: NULL or a snapshot of ours that by contract was not freed before.
        let Some(handle) = (unsafe { snapshot.as_ref() }) else { return };
        if handle.generation.is_ours() {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(snapshot) });
        }
    });
}
