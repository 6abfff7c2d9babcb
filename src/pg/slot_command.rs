//! Replication slots beyond what a stream needs: physical ones, altering, waiting for one to be free.

#![forbid(unsafe_code)]

use super::connection::Connection;
use super::error::PgError;
use super::quote::quote_command_identifier;
use super::result::ResultSet;
use super::wait::Patience;
use crate::lsn::Lsn;

/// A physical slot to make.
#[derive(Clone, Copy, Debug)]
pub struct PhysicalSlotRequest<'a> {
    /// Its name.
    pub name: &'a str,
    /// To be dropped with this session.
    pub temporary: bool,
    /// Hold write-ahead log back from now on, not only from its first use.
    pub reserve_wal: bool,
}

/// What to change of a slot; `None` leaves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotChange {
    /// Send prepared transactions at their PREPARE (PostgreSQL 18).
    pub two_phase: Option<bool>,
    /// Keep it on standbys too (PostgreSQL 17).
    pub failover: Option<bool>,
}

/// Where a physical slot stands, as READ_REPLICATION_SLOT says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhysicalPosition {
    /// `None`: it holds back no log yet.
    pub restart_lsn: Option<Lsn>,
    /// The timeline that `restart_lsn` lies on.
    pub restart_timeline: Option<u32>,
}

impl PhysicalPosition {
    /// Of the answer to READ_REPLICATION_SLOT, which is a row of NULLs when there is no such slot.
    pub fn read(set: &ResultSet) -> Result<Option<PhysicalPosition>, PgError> {
        if set.bytes(0, 0).is_none() {
            return Ok(None);
        }
        let restart_lsn = set.bytes(0, 1).map(|_| set.parse(0, 1)).transpose()?;
        let restart_timeline = set.bytes(0, 2).map(|_| set.parse(0, 2)).transpose()?;
        Ok(Some(PhysicalPosition { restart_lsn, restart_timeline }))
    }
}

impl Connection {
    /// Makes a physical slot.
    pub fn create_physical_slot(
        &mut self,
        request: &PhysicalSlotRequest<'_>,
        patience: &Patience<'_>,
    ) -> Result<(), PgError> {
        self.query(&create_command(request, self.major_version())?, patience).map(drop)
    }

    /// Changes a slot.
    pub fn alter_slot(
        &mut self,
        name: &str,
        change: SlotChange,
        patience: &Patience<'_>,
    ) -> Result<(), PgError> {
        match alter_command(name, change, self.major_version())? {
            Some(command) => self.query(&command, patience).map(drop),
            None => Ok(()),
        }
    }

    /// Where a physical slot stands; `None` when there is none. An error for a logical one. Works on connections
    /// without a database, too.
    pub fn read_physical_slot(
        &mut self,
        name: &str,
        patience: &Patience<'_>,
    ) -> Result<Option<PhysicalPosition>, PgError> {
        if self.major_version() < 15 {
            return Err(PgError::Unsupported { what: "READ_REPLICATION_SLOT", needs: 15 });
        }
        let set =
            self.query_rows(&format!("READ_REPLICATION_SLOT {}", quote_command_identifier(name)?), patience)?;
        PhysicalPosition::read(&set)
    }

    /// Drops a slot as soon as nobody uses it.
    pub fn drop_slot_waiting(&mut self, name: &str, patience: &Patience<'_>) -> Result<(), PgError> {
        self.query(&format!("DROP_REPLICATION_SLOT {} WAIT", quote_command_identifier(name)?), patience)
            .map(drop)
    }
}

fn create_command(request: &PhysicalSlotRequest<'_>, major: u32) -> Result<String, PgError> {
    let temporary = if request.temporary { " TEMPORARY" } else { "" };
    let reserve = match (request.reserve_wal, major) {
        (false, _) => "",
        (true, ..15) => " RESERVE_WAL",
        (true, _) => " (RESERVE_WAL)",
    };
    let name = quote_command_identifier(request.name)?;
    Ok(format!("CREATE_REPLICATION_SLOT {name}{temporary} PHYSICAL{reserve}"))
}

fn alter_command(name: &str, change: SlotChange, major: u32) -> Result<Option<String>, PgError> {
    if change.two_phase.is_some() && major < 18 {
        return Err(PgError::Unsupported { what: "altering two_phase of a slot", needs: 18 });
    }
    if change.failover.is_some() && major < 17 {
        return Err(PgError::Unsupported { what: "altering failover of a slot", needs: 17 });
    }
    let set = |option, value: Option<bool>| value.map(|value| format!("{option} {value}"));
    let options: Vec<String> = [set("TWO_PHASE", change.two_phase), set("FAILOVER", change.failover)]
        .into_iter()
        .flatten()
        .collect();
    if options.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!("ALTER_REPLICATION_SLOT {} ({})", quote_command_identifier(name)?, options.join(", "))))
}
