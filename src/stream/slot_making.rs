//! Making a slot, and undoing that when it was called off.
//!
//! Owns the knowledge of how far it came. Refuses to drop a slot that it did not make: one of that name may have been there.

#![forbid(unsafe_code)]

use super::calling_off::{Outcome, call_off, unconfirmed, unhurried};
use super::error::Failure;
use super::option_values;
use super::server_failure::sqlstate;
use crate::lsn::Lsn;
use crate::model::Code;
use crate::pg::{Connection, EventFd, Patience, PgError, PhysicalSlotRequest, SlotRequest, Snapshot};

/// A slot to make.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// Of what kind.
    pub kind: WantedKind<'a>,
    /// To be dropped with the connection.
    pub temporary: bool,
}

/// What distinguishes the kinds of slots.
#[derive(Clone, Debug)]
pub enum WantedKind<'a> {
    /// One that decodes.
    Logical {
        /// The output plugin.
        plugin: &'a str,
        /// Send prepared transactions at their PREPARE.
        two_phase: bool,
        /// Keep it on standbys too.
        failover: bool,
        /// What becomes of the snapshot that belongs to the slot's start.
        snapshot: Snapshot,
    },
    /// One that holds back log.
    Physical {
        /// From now on, not only from its first use.
        reserve_wal: bool,
    },
}

/// Consistent point and, if there is one to hold, the snapshot's name.
pub(super) type Start = (Lsn, Option<String>);

/// Makes it, or leaves none behind.
pub(super) fn make_or_undo(
    connection: &mut Connection,
    wanted: &Wanted<'_>,
    patience: &Patience<'_>,
) -> Result<Start, Failure> {
    // What is wound up here takes no wake-up away from a successor on the same stream.
    let quiet = EventFd::new()?;
    let mut stage = Stage::NotAsked;
    let made = make(connection, wanted, patience, &quiet, &mut stage);
    let outcome = match &made {
        Err(PgError::Cancelled | PgError::TimedOut) => call_off(connection, &quiet)?,
        Err(_) if matches!(stage, Stage::Made) => Outcome::Done,
        _ => return Ok(made?),
    };
    undo(connection, wanted, stage, outcome, &quiet)?;
    Ok(made?)
}

/// How far it came.
#[derive(Clone, Copy)]
enum Stage {
    /// The server was not asked for it, or it refused.
    NotAsked,
    Asked,
    Made,
}

fn make(
    connection: &mut Connection,
    wanted: &Wanted<'_>,
    patience: &Patience<'_>,
    quiet: &EventFd,
    stage: &mut Stage,
) -> Result<Start, PgError> {
    let (name, temporary) = (wanted.name, wanted.temporary);
    match wanted.kind {
        WantedKind::Physical { reserve_wal } => {
            let request = PhysicalSlotRequest { name, temporary, reserve_wal };
            *stage = Stage::Asked;
            connection.create_physical_slot(&request, patience).map(|()| (Lsn::ZERO, None))
        }
        WantedKind::Logical { plugin, two_phase, failover, snapshot } => {
            let request = SlotRequest { name, plugin, temporary, two_phase, failover, snapshot };
            if snapshot == Snapshot::Use {
                connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", patience)?;
            }
            *stage = Stage::Asked;
            let created = match connection.create_logical_slot(&request, patience) {
                Err(error @ (PgError::Server(_) | PgError::Unsupported { .. }))
                    if snapshot == Snapshot::Use =>
                {
                    *stage = Stage::NotAsked;
                    // A refusal is told, also when a cancel comes by now.
                    connection.query("ROLLBACK", &unhurried(quiet))?;
                    return Err(error);
                }
                other => other?,
            };
            *stage = Stage::Made;
            let snapshot = match snapshot {
                Snapshot::Nothing => None,
                Snapshot::Export => created.snapshot,
                // The transaction has it; others import it from there.
                Snapshot::Use => {
                    let set = connection.query_rows("SELECT pg_catalog.pg_export_snapshot()", patience)?;
                    set.text(0, 0).map(str::to_owned)
                }
            };
            Ok((created.consistent_point, snapshot))
        }
    }
}

/// A slot whose making was called off, or failed when it was there, is not to be there, whichever was faster.
fn undo(
    connection: &mut Connection,
    wanted: &Wanted<'_>,
    stage: Stage,
    outcome: Outcome,
    wake: &EventFd,
) -> Result<(), Failure> {
    let patience = unhurried(wake);
    // Without a database it would be refused, as all SQL is.
    if matches!(wanted.kind, WantedKind::Logical { snapshot: Snapshot::Use, .. }) {
        connection.query("ROLLBACK", &patience).map_err(unconfirmed)?;
    }
    match (stage, outcome) {
        (Stage::NotAsked, _) | (Stage::Asked, Outcome::CalledOff) => return Ok(()),
        (Stage::Asked, Outcome::Refused(error)) => return Err(error.into()),
        (Stage::Asked, Outcome::Done) | (Stage::Made, _) => {}
    }
    match connection.drop_slot(wanted.name, &patience) {
        Err(PgError::Server(error)) if error.sqlstate.as_str() == sqlstate::UNDEFINED_OBJECT => Ok(()),
        other => other.map_err(unconfirmed),
    }
}

/// Can such a slot be?
pub(super) fn check_wanted(wanted: &Wanted<'_>) -> Result<(), Failure> {
    check_slot_name(wanted.name)?;
    if let WantedKind::Logical { plugin, failover, .. } = wanted.kind {
        if !option_values::word(plugin, &mut String::new()) {
            return Err(Failure::new(Code::E_ARGUMENT, format!("{plugin:?} is no output plugin's name"))
                .hint("give the name of an installed plugin, such as pgoutput"));
        }
        if failover && wanted.temporary {
            return Err(Failure::new(Code::E_ARGUMENT, "a temporary slot cannot have failover")
                .hint("choose one of the two"));
        }
    }
    Ok(())
}

/// Is it one?
pub(super) fn check_slot_name(name: &str) -> Result<(), Failure> {
    if !name.is_empty() && option_values::slot_name(name, &mut String::new()) {
        return Ok(());
    }
    Err(Failure::new(Code::E_ARGUMENT, format!("{name:?} is no slot's name"))
        .hint("a slot's name has 1 to 63 of a-z, 0-9 and _"))
}
