//! Administration: single questions and commands on a connection of their own.
//!
//! Owns that connection, and who is inside, with what they were given. Beside it stand how a slot is made, or not left behind, and how a command
//! is called off. Refuses to retry: what failed is the host's to repeat.

#![forbid(unsafe_code)]

pub use super::slot_making::{Wanted, WantedKind};

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::calling_off::{LONGEST_CANCEL, settled};
use super::error::{Cure, Failure};
use super::handle::NoEvent;
use super::options::{Mode, Options};
use super::server_failure::sqlstate;
use super::slot_making::{check_slot_name, check_wanted, make_or_undo};
use crate::lsn::Lsn;
use crate::model::Code;
use crate::pg::{
    Connection, Conninfo, EventFd, Patience, PgError, PhysicalPosition, SlotChange, SlotInfo, SystemIdentity,
    TimelineFile,
};

/// See the file's head. `Given`: what a call gave out, and the caller keeps until the next one.
pub struct Admin<Given> {
    conninfo: Conninfo,
    options: Options,
    /// Held by the one thread that is inside a call.
    desk: Mutex<Desk<Given>>,
    wake: EventFd,
    cancelled: AtomicBool,
    /// Calls of `cancel` in progress.
    cancels: AtomicU32,
    closed: AtomicBool,
}

#[derive(Default)]
struct Desk<Given> {
    /// None: the next call connects.
    session: Option<Connection>,
    given: Given,
}

/// The one thread that is inside. As soon as it is dropped, the next one may come in, or the Admin be freed.
pub struct Inside<'a, Given> {
    admin: &'a Admin<Given>,
    desk: MutexGuard<'a, Desk<Given>>,
}

/// A slot that was made.
#[derive(Debug)]
pub struct Made {
    /// Where it begins; 0 for a physical one.
    pub consistent_point: Lsn,
    /// The data as of there, if asked for.
    pub snapshot: Option<HeldSnapshot>,
}

/// A snapshot that others may import as long as this is alive.
#[derive(Debug)]
pub struct HeldSnapshot {
    /// For SET TRANSACTION SNAPSHOT.
    pub name: String,
    /// What was committed before it is in the snapshot, the rest comes through the slot.
    pub consistent_point: Lsn,
    _session: Connection,
}

/// A slot and, for a physical one, the timeline of its position.
#[derive(Clone, Debug)]
pub struct SlotState {
    /// As in pg_replication_slots.
    pub info: SlotInfo,
    /// From PostgreSQL 15 on.
    pub restart_timeline: Option<u32>,
}

impl<Given: Default> Admin<Given> {
    /// Connects.
    pub fn open(conninfo: &str, options: Options) -> Result<Admin<Given>, Failure> {
        let admin = Admin::new(conninfo, options)?;
        let connected = admin.enter().and_then(|mut inside| inside.call(None, |_, _| Ok(())));
        match connected {
            Ok(()) => Ok(admin),
            Err(NoEvent::Failed(failure)) => Err(failure),
            // Nobody has it to call it off; without a limit of the host's own the options' is the only one.
            Err(_) => Err(PgError::TimedOut.into()),
        }
    }

    fn new(conninfo: &str, options: Options) -> Result<Admin<Given>, Failure> {
        Ok(Admin {
            conninfo: Conninfo::parse(conninfo).map_err(PgError::from)?,
            options,
            desk: Mutex::default(),
            wake: EventFd::new()?,
            cancelled: AtomicBool::new(false),
            cancels: AtomicU32::new(0),
            closed: AtomicBool::new(false),
        })
    }
}

impl<Given> Admin<Given> {
    /// Ends the call in progress, or else the next one. Async-signal-safe.
    pub fn cancel(&self) {
        // Whoever is ended by this may close before the signal.
        let _cancelling = Cancelling::new(&self.cancels);
        self.cancelled.store(true, SeqCst);
        self.wake.signal();
    }

    /// Ends the call in progress, waits for it and for cancels, and closes the connection.
    pub fn close(&self) {
        self.closed.store(true, SeqCst);
        self.wake.signal();
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).session = None;
        while self.cancels.load(SeqCst) > 0 {
            std::thread::yield_now();
        }
    }

    /// Lets a call in, unless another one is, or this one was cancelled beforehand.
    pub fn enter(&self) -> Result<Inside<'_, Given>, NoEvent> {
        let desk = match self.desk.try_lock() {
            Ok(desk) => desk,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(busy().into()),
        };
        if self.closed.load(SeqCst) {
            return Err(closed().into());
        }
        if self.cancelled.swap(false, SeqCst) {
            return Err(NoEvent::Woken);
        }
        Ok(Inside { admin: self, desk })
    }

    /// One command, on the connection that there is or on a new one. `timeout` None: as long as it takes.
    fn run<T>(
        &self,
        session: &mut Option<Connection>,
        timeout: Option<Duration>,
        work: impl FnOnce(&mut Connection, &Patience<'_>) -> Result<T, Failure>,
    ) -> Result<T, NoEvent> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let noticed = Cell::new(false);
        let is_called_off = || {
            noticed.set(noticed.get() || self.is_called_off());
            noticed.get()
        };
        let patience = Patience { wake: &self.wake, cancelled: &is_called_off, deadline };
        let outcome = self.connected(session, &patience).and_then(|connection| work(connection, &patience));
        // Whatever became of this call: it was the one that was meant.
        let was_cancelled = noticed.get() && self.cancelled.swap(false, SeqCst);
        let failure = match outcome {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        // After these nobody knows what the connection is in the middle of; after others it may be in a failed transaction.
        let idle = session.as_ref().is_some_and(Connection::is_idle);
        if !idle
            || matches!(
                failure.code,
                Code::E_CONNECT | Code::E_CLOSED | Code::E_PROTOCOL | Code::E_IO | Code::E_MEMORY
            )
        {
            *session = None;
        }
        let called_off = failure.code == Code::E_CLOSED;
        if called_off && self.closed.load(SeqCst) {
            return Err(closed().into());
        }
        if called_off && was_cancelled {
            return Err(NoEvent::Woken);
        }
        let late = deadline.is_some_and(|at| Instant::now() >= at);
        if late && failure.code == Code::E_CONNECT && failure.cure == Cure::Retry {
            // A cancel that came while this was wound up meant this call, too.
            self.cancelled.store(false, SeqCst);
            return Err(NoEvent::Timeout);
        }
        Err(failure.into())
    }

    fn connected<'s>(
        &self,
        session: &'s mut Option<Connection>,
        patience: &Patience<'_>,
    ) -> Result<&'s mut Connection, Failure> {
        if let Some(connection) = session
            && (connection.is_lost() || connection.has_ended(&self.wake)?)
        {
            *session = None;
        }
        match session {
            Some(connection) => Ok(connection),
            None => Ok(session.insert(self.connect(patience)?)),
        }
    }

    fn connect(&self, patience: &Patience<'_>) -> Result<Connection, Failure> {
        let timeout = self.options.connect_timeout;
        let limit = (!timeout.is_zero()).then(|| Instant::now() + timeout);
        let deadline = [limit, patience.deadline].into_iter().flatten().min();
        let patience = Patience { deadline, ..*patience };
        // Also bounds how long a request to cancel may wait for a network that is gone.
        let user_timeout = LONGEST_CANCEL.as_millis().to_string();
        let defaults = [("tcp_user_timeout", user_timeout.as_str())];
        let extra = [("replication", if self.has_database() { "database" } else { "true" })];
        let mut connection = Connection::connect(&self.conninfo, &defaults, &extra, &patience)?;
        if !self.has_database() {
            // It takes no SQL, not even SET.
            return Ok(connection);
        }
        connection.pin_session(&patience)?;
        // An exported snapshot is an idle transaction.
        connection.query(
            "SET idle_in_transaction_session_timeout TO 0; SET idle_session_timeout TO 0",
            &patience,
        )?;
        Ok(connection)
    }

    /// Logical slots and SQL need one; in pg_hba.conf it is a matter of its own.
    fn has_database(&self) -> bool {
        self.options.mode == Mode::Logical
    }

    fn is_called_off(&self) -> bool {
        self.cancelled.load(SeqCst) || self.closed.load(SeqCst)
    }
}

/// A call of `cancel` in progress. No more than atomics: a signal handler has it.
struct Cancelling<'a>(&'a AtomicU32);

impl Cancelling<'_> {
    fn new(cancels: &AtomicU32) -> Cancelling<'_> {
        cancels.fetch_add(1, SeqCst);
        Cancelling(cancels)
    }
}

impl Drop for Cancelling<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl<Given> Inside<'_, Given> {
    /// What the caller keeps. What the last call gave is dropped with it.
    pub fn give(&mut self, given: Given) {
        self.desk.given = given;
    }

    /// Which cluster, timeline and database.
    pub fn identify(&mut self) -> Result<SystemIdentity, NoEvent> {
        self.call(None, |connection, patience| Ok(connection.identify_system(patience)?))
    }

    /// A setting's value.
    pub fn show(&mut self, name: &str) -> Result<String, NoEvent> {
        self.call(None, |connection, patience| match connection.show(name, patience) {
            Err(PgError::Server(error)) if error.sqlstate.as_str() == sqlstate::UNDEFINED_OBJECT => {
                Err(Failure::new(Code::E_ARGUMENT, error.message.as_str())
                    .hint("give the name of a setting, as in postgresql.conf"))
            }
            other => Ok(other?),
        })
    }

    /// A timeline's history file; an empty one for the first timeline, which has none.
    pub fn timeline_history(&mut self, timeline: u32) -> Result<TimelineFile, NoEvent> {
        if timeline <= 1 {
            return Ok(TimelineFile { name: format!("{timeline:08X}.history"), content: Vec::new() });
        }
        self.call(None, |connection, patience| Ok(connection.timeline_file(timeline, patience)?))
    }

    /// Makes a slot. A logical one waits for the transactions that are open.
    pub fn create_slot(&mut self, wanted: &Wanted<'_>, timeout: Option<Duration>) -> Result<Made, NoEvent> {
        check_wanted(wanted)?;
        if matches!(wanted.kind, WantedKind::Logical { .. }) && !self.admin.has_database() {
            return Err(Failure::new(
                Code::E_ARGUMENT,
                "a logical slot belongs to a database, which mode=physical has not",
            )
            .hint("open the handle with mode=logical, or ask for a physical slot")
            .into());
        }
        let (consistent_point, snapshot) =
            self.call(timeout, |connection, patience| make_or_undo(connection, wanted, patience))?;
        let session = &mut self.desk.session;
        let snapshot = match (snapshot, session.take()) {
            (Some(name), Some(session)) => Some(HeldSnapshot { name, consistent_point, _session: session }),
            (_, kept) => {
                *session = kept;
                None
            }
        };
        Ok(Made { consistent_point, snapshot })
    }

    /// Changes a slot.
    pub fn alter_slot(&mut self, name: &str, change: SlotChange) -> Result<(), NoEvent> {
        check_slot_name(name)?;
        let admin = self.admin;
        self.call(None, |connection, patience| {
            let altered = connection.alter_slot(name, change, patience);
            settled(connection, altered, &admin.wake)
        })
    }

    /// Looks at a slot.
    pub fn read_slot(&mut self, name: &str) -> Result<SlotState, NoEvent> {
        check_slot_name(name)?;
        let admin = self.admin;
        self.call(None, |connection, patience| {
            if !admin.has_database() {
                return read_by_command(connection, name, patience);
            }
            let Some(info) = connection.slot_info(name, patience)? else { return Err(missing(name)) };
            let asks = info.slot_type == "physical" && connection.server_version() >= 150_000;
            let position: Option<PhysicalPosition> =
                if asks { connection.read_physical_slot(name, patience)? } else { None };
            Ok(SlotState { info, restart_timeline: position.and_then(|position| position.restart_timeline) })
        })
    }

    /// Drops a slot. `wait`: as soon as nobody reads it any more, instead of failing.
    pub fn drop_slot(&mut self, name: &str, wait: bool, timeout: Option<Duration>) -> Result<(), NoEvent> {
        check_slot_name(name)?;
        let admin = self.admin;
        self.call(timeout, |connection, patience| {
            let dropped = match wait {
                true => connection.drop_slot_waiting(name, patience),
                false => connection.drop_slot(name, patience),
            };
            settled(connection, dropped, &admin.wake)
        })
    }

    fn call<T>(
        &mut self,
        timeout: Option<Duration>,
        work: impl FnOnce(&mut Connection, &Patience<'_>) -> Result<T, Failure>,
    ) -> Result<T, NoEvent> {
        self.admin.run(&mut self.desk.session, timeout, work)
    }
}

/// All that is told without SQL, of physical slots, from PostgreSQL 15 on.
fn read_by_command(
    connection: &mut Connection,
    name: &str,
    patience: &Patience<'_>,
) -> Result<SlotState, Failure> {
    let position = connection.read_physical_slot(name, patience)?.ok_or_else(|| missing(name))?;
    let info = SlotInfo {
        slot_type: "physical".to_owned(),
        restart_lsn: position.restart_lsn,
        ..SlotInfo::default()
    };
    Ok(SlotState { info, restart_timeline: position.restart_timeline })
}

fn missing(name: &str) -> Failure {
    Failure::new(Code::E_SLOT_MISSING, format!("no such slot: \"{name}\""))
        .hint("check the name, and that this is the right server")
}

#[cold]
fn busy() -> Failure {
    Failure::new(Code::E_BUSY, "another thread is inside a call of this admin handle")
        .hint("use a handle for each thread; walstream_admin_cancel ends the call in progress")
}

#[cold]
fn closed() -> Failure {
    Failure::new(Code::E_CLOSED, "walstream_admin_free was called meanwhile")
        .hint("do not use the handle any more")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn admin() -> Admin<&'static str> {
        Admin::new("", Options::default()).unwrap()
    }

    /// Is `close` still waiting, and does it end after `last`?
    fn close_waits_for(admin: &Admin<&'static str>, last: impl FnOnce()) -> bool {
        thread::scope(|scope| {
            let closing = scope.spawn(|| admin.close());
            thread::sleep(Duration::from_millis(50));
            let waits = !closing.is_finished();
            last();
            waits
        })
    }

    #[test]
    fn one_is_inside_until_it_leaves() {
        let admin = admin();
        let mut inside = admin.enter().unwrap();
        inside.give("kept");
        let beside = admin.enter().map(|_| ()).unwrap_err();
        assert!(matches!(beside, NoEvent::Failed(failure) if failure.code == Code::E_BUSY));
        assert_eq!(inside.desk.given, "kept");
        assert!(close_waits_for(&admin, || drop(inside)));
        let late = admin.enter().map(|_| ()).unwrap_err();
        assert!(matches!(late, NoEvent::Failed(failure) if failure.code == Code::E_CLOSED));
    }

    #[test]
    fn close_waits_for_a_cancel_between_its_word_and_its_signal() {
        let admin = admin();
        let cancelling = Cancelling::new(&admin.cancels);
        admin.cancelled.store(true, SeqCst);
        assert!(matches!(admin.enter(), Err(NoEvent::Woken)));
        assert!(close_waits_for(&admin, || drop(cancelling)));
    }

    #[test]
    fn cancels_beforehand_end_one_call_of_those_that_get_in() {
        let admin = admin();
        let inside = admin.enter().unwrap();
        admin.cancel();
        admin.cancel();
        assert!(matches!(admin.enter(), Err(NoEvent::Failed(_))));
        drop(inside);
        assert!(matches!(admin.enter(), Err(NoEvent::Woken)));
        assert!(admin.enter().unwrap().timeline_history(1).unwrap().content.is_empty());
    }
}
