//! The slot: is it there, is it ours to read, is it whole?

#![forbid(unsafe_code)]

use super::finding::{Findings, Rule, Severity};
use super::server::Seen;
use super::{Look, megabytes};
use crate::pg::{Connection, Patience, PgError, SlotInfo, quote_literal};
use crate::stream::error::Failure;
use crate::stream::handshake::lost;
use crate::stream::options::{Mode, Options, SlotCreate};

/// What came of it.
pub(super) struct Slot {
    /// The stream will make it.
    pub(super) is_to_be_made: bool,
}

/// Bytes of log from the slot's oldest to the server's latest.
const HELD: &str = "SELECT pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() \
     THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn)::pg_catalog.int8 \
     FROM pg_catalog.pg_replication_slots WHERE slot_name = ";

/// Less than this part of max_slot_wal_keep_size left is little.
const LITTLE: i64 = 5;

const MAKE_ANEW: &str = "drop the slot, make a new one and copy the data anew";

pub(super) fn check(look: &mut Look<'_>, seen: &Seen, findings: &mut Findings) -> Result<Slot, Failure> {
    let name = look.options.slot.as_str();
    if name.is_empty() {
        return Ok(Slot { is_to_be_made: false });
    }
    let patience = Patience { wake: &look.wake, cancelled: &|| false, deadline: look.deadline };
    let Some(slot) = look.connection.slot_info(name, &patience)? else {
        return Ok(missing(look.options, findings));
    };
    let of_logical_mode = look.options.mode == Mode::Logical;
    if (slot.slot_type == "logical") != of_logical_mode {
        add_kind(name, &slot.slot_type, findings);
        return Ok(Slot { is_to_be_made: false });
    }
    if of_logical_mode {
        check_owner(&slot, look.options, &seen.database, findings);
        check_wishes(&slot, look.options, findings);
    }
    check_use(&slot, name, seen.in_recovery, findings);
    check_log(&slot, look, seen, findings)?;
    Ok(Slot { is_to_be_made: false })
}

/// All that a physical connection tells of a slot, by itself, from PostgreSQL 15 on.
pub(super) fn check_by_command(
    sender: &mut Connection,
    options: &Options,
    patience: &Patience<'_>,
    findings: &mut Findings,
) -> Result<(), Failure> {
    if options.slot.is_empty() {
        return Ok(());
    }
    match sender.read_physical_slot(&options.slot, patience) {
        Ok(None) => drop(missing(options, findings)),
        // The command is for physical ones only.
        Err(PgError::Server(_)) => add_kind(&options.slot, "logical", findings),
        Ok(Some(_)) | Err(PgError::Unsupported { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn missing(options: &Options, findings: &mut Findings) -> Slot {
    let is_to_be_made = options.slot_create != SlotCreate::Never;
    if !is_to_be_made {
        findings.add(
            Severity::Error,
            Rule::SlotMissing,
            &options.slot,
            format!("there is no slot \"{}\"", options.slot),
            "check the name, and that this is the right server; or set slot.create=if-missing",
        );
    }
    Slot { is_to_be_made }
}

fn add_kind(name: &str, kind: &str, findings: &mut Findings) {
    findings.add(
        Severity::Error,
        Rule::SlotKind,
        name,
        format!("slot \"{name}\" is a {kind} one"),
        "use another slot, or the other mode",
    );
}

fn check_owner(slot: &SlotInfo, options: &Options, database: &str, findings: &mut Findings) {
    let name = options.slot.as_str();
    let home = slot.database.as_deref().unwrap_or_default();
    if home != database {
        let message = format!("slot \"{name}\" belongs to database \"{home}\", not to \"{database}\"");
        let remedy = "connect to that database, or use another slot";
        findings.add(Severity::Error, Rule::SlotDatabase, name, message, remedy);
    }
    let plugin = slot.plugin.as_deref().unwrap_or_default();
    if plugin != options.plugin {
        let message = format!("slot \"{name}\" uses the plugin {plugin}, not {}", options.plugin);
        let remedy = "set the option plugin, or use another slot";
        findings.add(Severity::Error, Rule::SlotPlugin, name, message, remedy);
    }
}

fn check_wishes(slot: &SlotInfo, options: &Options, findings: &mut Findings) {
    let name = options.slot.as_str();
    let wanted = options.two_phase || options.slot_two_phase;
    if slot.two_phase && !wanted {
        findings.add(
            Severity::Warning,
            Rule::SlotTwoPhase,
            name,
            format!("slot \"{name}\" sends prepared transactions at their PREPARE, whatever the option two_phase says"),
            "expect PREPARE events and set two_phase=on, or make another slot",
        );
    }
    if wanted && !slot.two_phase {
        let (message, remedy) = match options.two_phase {
            true => (
                format!(
                    "slot \"{name}\" has not two_phase yet: starting the stream switches it over for good"
                ),
                "make sure that every reader of the slot expects PREPARE events",
            ),
            false => (
                format!("slot.two_phase is on, but slot \"{name}\" is there already and has not two_phase"),
                "set two_phase=on to switch it over, or make another slot",
            ),
        };
        findings.add(Severity::Warning, Rule::SlotTwoPhase, name, message, remedy);
    }
    if options.slot_failover && !slot.failover && !slot.synced {
        findings.add(
            Severity::Warning,
            Rule::SlotFailover,
            name,
            format!("slot.failover is on, but slot \"{name}\" is there already and is not synchronised to standbys"),
            "walstream_admin_alter_slot changes that, while nobody reads the slot",
        );
    }
}

fn check_use(slot: &SlotInfo, name: &str, in_recovery: bool, findings: &mut Findings) {
    if slot.synced && in_recovery {
        let message = format!("slot \"{name}\" on this standby is a copy of the primary's");
        let remedy = "read from the primary, or promote this standby";
        findings.add(Severity::Error, Rule::SlotSynced, name, message, remedy);
    }
    if let Some(pid) = slot.active_pid {
        findings.add(
            Severity::Warning,
            Rule::SlotActive,
            name,
            format!("slot \"{name}\" is being read, by server process {pid}"),
            "one stream at a time reads a slot: stop that one, or use another slot (pg_stat_replication says who it is)",
        );
    }
}

fn check_log(
    slot: &SlotInfo,
    look: &mut Look<'_>,
    seen: &Seen,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let name = look.options.slot.as_str();
    if let Some(cause) = lost(slot) {
        let message =
            format!("the server invalidated slot \"{name}\" ({cause}): what it had not sent is gone");
        findings.add(Severity::Error, Rule::SlotLost, name, message, MAKE_ANEW);
        return Ok(());
    }
    let limit = seen.bytes("max_slot_wal_keep_size");
    let left = slot.safe_wal_size.filter(|left| limit.is_some_and(|limit| *left < limit / LITTLE));
    let unreserved = slot.wal_status.as_deref() == Some("unreserved");
    if unreserved || left.is_some() {
        let left = megabytes(slot.safe_wal_size.unwrap_or(0).max(0));
        findings.add(
            Severity::Warning,
            Rule::SlotEndangered,
            name,
            format!("after {left} more of log the server may invalidate slot \"{name}\""),
            "read and acknowledge at once, or raise max_slot_wal_keep_size and reload",
        );
    }
    let set = look.rows(&format!("{HELD}{}", quote_literal(name)))?;
    let held = super::number(&set, 0, 0).unwrap_or(0);
    if slot.active_pid.is_none() && seen.bytes("max_wal_size").is_some_and(|usual| held > usual) {
        findings.add(
            Severity::Warning,
            Rule::SlotHoldsWal,
            name,
            format!("nobody reads slot \"{name}\", which holds {} of log back", megabytes(held)),
            "start its reader, or drop it: the log fills the server's disk",
        );
    }
    Ok(())
}
