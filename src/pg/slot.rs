//! Replication slots: looking at one, making one, dropping one.

#![forbid(unsafe_code)]

use super::connection::Connection;
use super::error::PgError;
use super::quote::{quote_command_identifier, quote_literal};
use super::result::ResultSet;
use super::wait::Patience;
use crate::lsn::Lsn;

/// A row of pg_replication_slots. What the server is too old to know has the value it would have there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotInfo {
    /// The output plugin; `None` for a physical slot.
    pub plugin: Option<String>,
    /// `logical` or `physical`.
    pub slot_type: String,
    /// The database it belongs to; `None` for a physical slot.
    pub database: Option<String>,
    /// Dropped with the session that made it.
    pub temporary: bool,
    /// The server process that streams from it.
    pub active_pid: Option<i32>,
    /// The oldest log that it holds back; `None` when it holds back none, as an invalidated slot.
    pub restart_lsn: Option<Lsn>,
    /// How far it is acknowledged; `None` for a physical slot.
    pub confirmed_flush_lsn: Option<Lsn>,
    /// `reserved`, `extended`, `unreserved` or `lost`.
    pub wal_status: Option<String>,
    /// Sends prepared transactions at their PREPARE.
    pub two_phase: bool,
    /// From where on it does (PostgreSQL 18).
    pub two_phase_at: Option<Lsn>,
    /// Invalidated by a conflict with recovery (PostgreSQL 16).
    pub conflicting: bool,
    /// Why it was invalidated (PostgreSQL 17).
    pub invalidation_reason: Option<String>,
    /// Kept on standbys too (PostgreSQL 17).
    pub failover: bool,
    /// This is a standby's copy of it (PostgreSQL 17).
    pub synced: bool,
    /// The oldest transaction whose rows it keeps from vacuum.
    pub xmin: Option<u32>,
    /// The same for catalogs.
    pub catalog_xmin: Option<u32>,
    /// Bytes that may still be written before it may be lost; `None`: no limit, or lost already.
    pub safe_wal_size: Option<i64>,
}

/// What CREATE_REPLICATION_SLOT is to make.
#[derive(Clone, Copy, Debug)]
pub struct SlotRequest<'a> {
    /// Its name.
    pub name: &'a str,
    /// The output plugin.
    pub plugin: &'a str,
    /// To be dropped with this session.
    pub temporary: bool,
    /// Send prepared transactions at their PREPARE.
    pub two_phase: bool,
    /// Keep it on standbys too; PostgreSQL 17, never for temporary ones.
    pub failover: bool,
    /// The snapshot of the data as of the slot's start.
    pub snapshot: Snapshot,
}

/// What becomes of the snapshot that belongs to a new slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// None is kept.
    Nothing,
    /// Others may import it until this connection's next command.
    Export,
    /// The transaction that this connection is in takes it.
    Use,
}

/// The answer to CREATE_REPLICATION_SLOT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedSlot {
    /// Transactions that commit from here on will be streamed.
    pub consistent_point: Lsn,
    /// The exported snapshot's name.
    pub snapshot: Option<String>,
}

impl SlotInfo {
    /// Of the columns that a server of this version has, in the order asked for; `None` when there is no row.
    pub fn read(set: &ResultSet, major: u32) -> Result<Option<SlotInfo>, PgError> {
        if set.rows() == 0 {
            return Ok(None);
        }
        let row = Row { set, columns: columns_of(major) };
        Ok(Some(SlotInfo {
            plugin: row.text("plugin")?,
            slot_type: row.text("slot_type")?.unwrap_or_default(),
            database: row.text("database")?,
            temporary: row.flag("temporary")?,
            active_pid: row.value("active_pid")?,
            restart_lsn: row.value("restart_lsn")?,
            confirmed_flush_lsn: row.value("confirmed_flush_lsn")?,
            wal_status: row.text("wal_status")?,
            two_phase: row.flag("two_phase")?,
            two_phase_at: row.value("two_phase_at")?,
            conflicting: row.flag("conflicting")?,
            invalidation_reason: row.text("invalidation_reason")?,
            failover: row.flag("failover")?,
            synced: row.flag("synced")?,
            xmin: row.value("xmin")?,
            catalog_xmin: row.value("catalog_xmin")?,
            safe_wal_size: row.value("safe_wal_size")?,
        }))
    }
}

impl CreatedSlot {
    /// Both forms give the name first and the LSN second; only the command gives a snapshot.
    pub fn read(set: &ResultSet) -> Result<CreatedSlot, PgError> {
        Ok(CreatedSlot { consistent_point: set.parse(0, 1)?, snapshot: set.text(0, 2).map(str::to_owned) })
    }
}

impl Connection {
    /// The slot of this name; `None` when there is none. Needs a connection with a database.
    pub fn slot_info(&mut self, name: &str, patience: &Patience<'_>) -> Result<Option<SlotInfo>, PgError> {
        let major = self.major_version();
        SlotInfo::read(&self.query_rows(&slot_question(name, major), patience)?, major)
    }

    /// Makes a logical slot. Waits for the transactions that are open in all databases.
    pub fn create_logical_slot(
        &mut self,
        request: &SlotRequest<'_>,
        patience: &Patience<'_>,
    ) -> Result<CreatedSlot, PgError> {
        let command = create_command(request, self.major_version())?;
        CreatedSlot::read(&self.query_rows(&command, patience)?)
    }

    /// Drops a slot; an error when it is in use.
    pub fn drop_slot(&mut self, name: &str, patience: &Patience<'_>) -> Result<(), PgError> {
        self.query(&format!("DROP_REPLICATION_SLOT {}", quote_command_identifier(name)?), patience).map(drop)
    }

    pub(super) fn major_version(&self) -> u32 {
        u32::try_from(self.server_version() / 10_000).unwrap_or(0)
    }
}

/// Each with the first major version that has it.
const COLUMNS: [(&str, u32); 17] = [
    ("plugin", 0),
    ("slot_type", 0),
    ("database", 0),
    ("temporary", 10),
    ("active_pid", 0),
    ("restart_lsn", 0),
    ("confirmed_flush_lsn", 0),
    ("wal_status", 13),
    ("two_phase", 14),
    ("conflicting", 16),
    ("invalidation_reason", 17),
    ("failover", 17),
    ("synced", 17),
    ("two_phase_at", 18),
    ("xmin", 0),
    ("catalog_xmin", 0),
    ("safe_wal_size", 13),
];

/// For [`SlotInfo::read`].
pub(super) fn slot_question(name: &str, major: u32) -> String {
    format!(
        "SELECT {} FROM pg_catalog.pg_replication_slots WHERE slot_name = {}",
        columns_of(major).join(", "),
        quote_literal(name)
    )
}

fn columns_of(major: u32) -> Vec<&'static str> {
    COLUMNS.iter().filter(|(_, since)| *since <= major).map(|(column, _)| *column).collect()
}

/// One row, asked by column name; a column that was not selected is NULL.
struct Row<'a> {
    set: &'a ResultSet,
    columns: Vec<&'static str>,
}

impl Row<'_> {
    fn value<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>, PgError> {
        match self.columns.iter().position(|name| *name == column) {
            Some(index) if self.set.bytes(0, index).is_some() => self.set.parse(0, index).map(Some),
            _ => Ok(None),
        }
    }

    fn text(&self, column: &str) -> Result<Option<String>, PgError> {
        self.value(column)
    }

    fn flag(&self, column: &str) -> Result<bool, PgError> {
        Ok(self.text(column)?.as_deref() == Some("t"))
    }
}

fn create_command(request: &SlotRequest<'_>, major: u32) -> Result<String, PgError> {
    if request.two_phase && major < 14 {
        return Err(PgError::Unsupported { what: "a slot with two_phase", needs: 14 });
    }
    if request.failover && major < 17 {
        return Err(PgError::Unsupported { what: "a slot with failover", needs: 17 });
    }
    if request.two_phase && major == 14 {
        // PostgreSQL 14 has such slots, but not in the grammar of this command.
        if request.snapshot != Snapshot::Nothing {
            return Err(PgError::Unsupported { what: "a slot with two_phase and a snapshot", needs: 15 });
        }
        return Ok(format!(
            "SELECT slot_name, lsn FROM pg_catalog.pg_create_logical_replication_slot({}, {}, {}, true)",
            quote_literal(request.name),
            quote_literal(request.plugin),
            request.temporary
        ));
    }
    let temporary = if request.temporary { " TEMPORARY" } else { "" };
    let mut command = format!(
        "CREATE_REPLICATION_SLOT {}{temporary} LOGICAL {}",
        quote_command_identifier(request.name)?,
        quote_command_identifier(request.plugin)?
    );
    if major < 15 {
        command.push_str(match request.snapshot {
            Snapshot::Nothing => " NOEXPORT_SNAPSHOT",
            Snapshot::Export => " EXPORT_SNAPSHOT",
            Snapshot::Use => " USE_SNAPSHOT",
        });
        return Ok(command);
    }
    command.push_str(match request.snapshot {
        Snapshot::Nothing => " (SNAPSHOT 'nothing'",
        Snapshot::Export => " (SNAPSHOT 'export'",
        Snapshot::Use => " (SNAPSHOT 'use'",
    });
    if request.two_phase {
        command.push_str(", TWO_PHASE true");
    }
    if request.failover {
        command.push_str(", FAILOVER true");
    }
    command.push(')');
    Ok(command)
}
