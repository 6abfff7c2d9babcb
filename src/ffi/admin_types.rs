//! What administration takes and gives, laid out for C.

use std::ffi::c_char;
use std::ptr::null;

use super::admin::{Given, keep, keep_history};
use super::guard;
use crate::lsn::Lsn;
use crate::model::Code;
use crate::model::event::TimelineDetail;
use crate::pg::{PgError, SlotChange, Snapshot, SystemIdentity, TimelineFile};
use crate::stream::Failure;
use crate::stream::admin::{Inside, SlotState, Wanted, WantedKind};

/// The host's: set struct_size to sizeof(walstream_system).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// Set by the host.
    pub struct_size: u32,
    /// The timeline that the server is on.
    pub timeline: u32,
    /// Made by initdb, the same on all standbys.
    pub system_id: u64,
    /// How far its log is flushed.
    pub flush_lsn: u64,
    /// The connection's; "" on one without.
    pub database: *const c_char,
    /// As in server_version_num: 150004 is 15.4.
    pub server_version: i32,
    /// 0
    pub reserved: u32,
}

/// The host's: set struct_size to sizeof(walstream_history).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// Set by the host.
    pub struct_size: u32,
    /// The timeline asked for.
    pub timeline: u32,
    /// "0000000A.history"
    pub file_name: *const c_char,
    /// The file, to be stored as it is; a NUL follows.
    pub content: *const u8,
    /// Of content, without the NUL.
    pub content_len: u64,
    /// The switches that led to this timeline, oldest first. NULL when there is none.
    pub switches: *const TimelineDetail,
    /// How many.
    pub switch_count: u64,
}

/// walstream_slot_request.flags and walstream_slot_info.flags
/// cbindgen:rename-all=prefix:WALSTREAM_SLOT_
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotFlag {
    /// Physical; not set: logical.
    PHYSICAL = 1,
    /// Ends with the connection that made it.
    TEMPORARY = 2,
    /// Sends prepared transactions at their PREPARE.
    TWO_PHASE = 4,
    /// Synchronised to standbys (PostgreSQL 17 and later).
    FAILOVER = 8,
    /// Request: a physical slot holds log back from now on, not only from its first use.
    RESERVE_WAL = 16,
    /// Info: somebody reads it.
    ACTIVE = 32,
    /// Info: a standby's copy of a slot of the primary.
    SYNCED = 64,
    /// Info: invalidated by a conflict with recovery.
    CONFLICTING = 128,
}

/// walstream_slot_request.snapshot
/// cbindgen:rename-all=prefix:WALSTREAM_SNAPSHOT_
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotWish {
    /// None.
    NOTHING = 0,
    /// Exported by the server's own means: no transaction needed.
    EXPORT = 1,
    /// Taken by a transaction of the handle's connection, and exported from there.
    USE = 2,
}

/// What walstream_admin_create_slot is to make. Set struct_size to sizeof(walstream_slot_request), the rest to 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SlotRequestRow {
    /// Set by the host.
    pub struct_size: u32,
    /// WALSTREAM_SLOT_*
    pub flags: u32,
    /// WALSTREAM_SNAPSHOT_*; only of logical slots.
    pub snapshot: u32,
    /// 0
    pub reserved: u32,
    /// Output plugin of a logical slot; NULL: pgoutput.
    pub plugin: *const c_char,
}

/// The host's: set struct_size to sizeof(walstream_slot_info). What the server's version does not know is as there: off, 0, "".
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SlotInfoRow {
    /// Set by the host.
    pub struct_size: u32,
    /// WALSTREAM_SLOT_*
    pub flags: u32,
    /// Oldest log that it holds back; 0: none.
    pub restart_lsn: u64,
    /// How far it is acknowledged; 0 for a physical one.
    pub confirmed_flush_lsn: u64,
    /// From where on prepared transactions are sent at their PREPARE; 0 unknown (before PostgreSQL 18).
    pub two_phase_at: u64,
    /// Bytes that may still be written before it may be lost; -1: no limit, or lost already.
    pub safe_wal_size: i64,
    /// Process that reads it; 0: none.
    pub active_pid: i32,
    /// Timeline of restart_lsn, of a physical slot on PostgreSQL 15 and later; else 0.
    pub restart_timeline: u32,
    /// Oldest transaction whose rows it keeps; 0: none.
    pub xmin: u32,
    /// The same for catalogs.
    pub catalog_xmin: u32,
    /// "" for a physical one.
    pub plugin: *const c_char,
    /// "" for a physical one.
    pub database: *const c_char,
    /// "reserved", "extended", "unreserved", "lost"; "" while it holds back nothing.
    pub wal_status: *const c_char,
    /// Why it was invalidated; "": it was not.
    pub invalidation_reason: *const c_char,
}

/// Writes a result into the host's struct, as far as both sides know it.
///
/// # Safety
///
/// `inout` is NULL or the host's struct, whose first field is its struct_size. `T` begins with a `u32`, the same.
pub(super) unsafe fn fill<T: Copy>(inout: *mut T, mut value: T) -> Result<(), Failure> {
    if inout.is_null() {
        return Err(guard::null("inout"));
    }
    // SAFETY: not NULL, and by contract begins with a struct_size.
    let wanted = unsafe { inout.cast::<u32>().read() };
    if (wanted as usize) < size_of::<T>() {
        return Err(
            Failure::new(Code::E_ARGUMENT, "struct_size is not set").hint("set it to sizeof the struct")
        );
    }
    // SAFETY: `T` begins with a u32 by this function's contract; the host's struct has room for a T.
    unsafe {
        (&raw mut value).cast::<u32>().write(wanted);
        inout.write(value);
    }
    Ok(())
}

impl System {
    pub(super) fn new(system: &SystemIdentity, inside: &mut Inside<'_, Given>) -> Result<System, Failure> {
        let malformed = PgError::Protocol("a system identifier that is no number");
        let [database] = keep(inside, [system.database.as_deref().unwrap_or_default()]);
        Ok(System {
            struct_size: 0,
            timeline: system.timeline,
            system_id: system.system_id.parse().map_err(|_| malformed)?,
            flush_lsn: system.flush_lsn.0,
            database,
            server_version: system.server_version,
            reserved: 0,
        })
    }
}

impl History {
    pub(super) fn new(
        file: &TimelineFile,
        timeline: u32,
        inside: &mut Inside<'_, Given>,
    ) -> Result<History, Failure> {
        let ends = file.switches()?;
        let newer = ends.iter().skip(1).map(|switch| switch.timeline).chain([timeline]);
        let switches = ends.iter().zip(newer).map(|(end, newer)| TimelineDetail {
            switch_lsn: end.lsn.0,
            timeline: newer,
            old_timeline: end.timeline,
        });
        let kept = keep_history(inside, &file.name, &file.content, switches.collect());
        Ok(History {
            struct_size: 0,
            timeline,
            file_name: kept.file_name,
            content: kept.content,
            content_len: file.content.len() as u64,
            switches: if ends.is_empty() { null() } else { kept.switches },
            switch_count: ends.len() as u64,
        })
    }
}

impl SlotRequestRow {
    /// # Safety
    ///
    /// NULL, or the host's struct with its struct_size.
    pub(super) unsafe fn read(request: *const SlotRequestRow) -> Result<SlotRequestRow, Failure> {
        if request.is_null() {
            return Ok(SlotRequestRow {
                struct_size: 0,
                flags: 0,
                snapshot: SnapshotWish::NOTHING as u32,
                reserved: 0,
                plugin: null(),
            });
        }
        // SAFETY: not NULL, and by contract begins with a struct_size.
        let size = unsafe { (&raw const (*request).struct_size).read() } as usize;
        if size < size_of::<SlotRequestRow>() {
            return Err(
                Failure::new(Code::E_ARGUMENT, "struct_size is not set").hint("set it to sizeof the struct")
            );
        }
        // SAFETY: at least as large as ours.
        Ok(unsafe { request.read() })
    }

    fn has(&self, flag: SlotFlag) -> bool {
        self.flags & flag as u32 != 0
    }

    pub(super) fn gives_snapshot(&self) -> bool {
        self.snapshot != SnapshotWish::NOTHING as u32
    }

    /// What is asked for; combinations that no slot has are refused.
    pub(super) fn wanted<'a>(&'a self, name: &'a str) -> Result<Wanted<'a>, Failure> {
        const KNOWN: u32 = SlotFlag::PHYSICAL as u32
            | SlotFlag::TEMPORARY as u32
            | SlotFlag::TWO_PHASE as u32
            | SlotFlag::FAILOVER as u32
            | SlotFlag::RESERVE_WAL as u32;
        let refuse = |message: &str| {
            Err(Failure::new(Code::E_ARGUMENT, message)
                .hint("TWO_PHASE, FAILOVER, plugin and snapshots belong to logical slots, RESERVE_WAL to physical ones"))
        };
        let logical = self.has(SlotFlag::TWO_PHASE)
            || self.has(SlotFlag::FAILOVER)
            || self.gives_snapshot()
            || !self.plugin.is_null();
        let kind = match (self.has(SlotFlag::PHYSICAL), self.has(SlotFlag::RESERVE_WAL)) {
            _ if self.flags & !KNOWN != 0 => return refuse("a flag that no new slot has"),
            (true, _) if logical => return refuse("an option of logical slots for a physical one"),
            (true, reserve_wal) => WantedKind::Physical { reserve_wal },
            (false, true) => return refuse("RESERVE_WAL for a logical slot"),
            (false, false) => WantedKind::Logical {
                plugin: if self.plugin.is_null() { "pgoutput" } else { guard::text(self.plugin, "plugin")? },
                two_phase: self.has(SlotFlag::TWO_PHASE),
                failover: self.has(SlotFlag::FAILOVER),
                snapshot: match self.snapshot {
                    wish if wish == SnapshotWish::NOTHING as u32 => Snapshot::Nothing,
                    wish if wish == SnapshotWish::EXPORT as u32 => Snapshot::Export,
                    wish if wish == SnapshotWish::USE as u32 => Snapshot::Use,
                    _ => return refuse("a snapshot of no known kind"),
                },
            },
        };
        Ok(Wanted { name, kind, temporary: self.has(SlotFlag::TEMPORARY) })
    }
}

impl SlotInfoRow {
    pub(super) fn new(slot: &SlotState, inside: &mut Inside<'_, Given>) -> SlotInfoRow {
        let info = &slot.info;
        let flags = [
            (info.slot_type == "physical", SlotFlag::PHYSICAL),
            (info.temporary, SlotFlag::TEMPORARY),
            (info.two_phase, SlotFlag::TWO_PHASE),
            (info.failover, SlotFlag::FAILOVER),
            (info.active_pid.is_some(), SlotFlag::ACTIVE),
            (info.synced, SlotFlag::SYNCED),
            (info.conflicting, SlotFlag::CONFLICTING),
        ];
        let texts = [&info.plugin, &info.database, &info.wal_status, &info.invalidation_reason];
        let [plugin, database, wal_status, invalidation_reason] =
            keep(inside, texts.map(|text| text.as_deref().unwrap_or_default()));
        let lsn = |lsn: Option<Lsn>| lsn.unwrap_or_default().0;
        SlotInfoRow {
            struct_size: 0,
            flags: flags.iter().filter(|(is, _)| *is).fold(0, |all, (_, flag)| all | *flag as u32),
            restart_lsn: lsn(info.restart_lsn),
            confirmed_flush_lsn: lsn(info.confirmed_flush_lsn),
            two_phase_at: lsn(info.two_phase_at),
            safe_wal_size: info.safe_wal_size.unwrap_or(-1),
            active_pid: info.active_pid.unwrap_or(0),
            restart_timeline: slot.restart_timeline.unwrap_or(0),
            xmin: info.xmin.unwrap_or(0),
            catalog_xmin: info.catalog_xmin.unwrap_or(0),
            plugin,
            database,
            wal_status,
            invalidation_reason,
        }
    }
}

/// -1, 0 or 1 each, as C gives them.
pub(super) struct TwoPhaseAndFailover {
    pub(super) two_phase: i32,
    pub(super) failover: i32,
}

impl TwoPhaseAndFailover {
    pub(super) fn change(&self) -> Result<SlotChange, Failure> {
        let read = |value: i32, what: &str| match value {
            -1 => Ok(None),
            0 => Ok(Some(false)),
            1 => Ok(Some(true)),
            _ => Err(Failure::new(Code::E_ARGUMENT, format!("{what} is {value}"))
                .hint("-1 leaves it, 0 is off, 1 is on")),
        };
        Ok(SlotChange {
            two_phase: read(self.two_phase, "two_phase")?,
            failover: read(self.failover, "failover")?,
        })
    }
}
