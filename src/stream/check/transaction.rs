//! Transactions that have been open for long: a new slot begins after them, an old one keeps log for them.

#![forbid(unsafe_code)]

use super::finding::{Findings, Rule, Severity};
use super::slot::Slot;
use super::{Look, number, text};
use crate::stream::error::Failure;
use crate::stream::options::Mode;

/// Whoever writes has a lock on its transaction, which everybody may see. Since when, only some may.
const RUNNING: &str = "SELECT l.pid, pg_catalog.max(a.application_name), \
     pg_catalog.max(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000)::pg_catalog.int8 \
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
     WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_catalog.pg_backend_pid() \
     GROUP BY l.pid ORDER BY l.pid";

const PREPARED: &str = "SELECT gid, \
     (extract(epoch FROM pg_catalog.clock_timestamp() - prepared) * 1000)::pg_catalog.int8, database \
     FROM pg_catalog.pg_prepared_xacts ORDER BY prepared";

/// When connect_timeout_ms sets no limit.
const LONG_MS: i64 = 30_000;

pub(super) fn check(look: &mut Look<'_>, slot: &Slot, findings: &mut Findings) -> Result<(), Failure> {
    if look.options.mode != Mode::Logical {
        return Ok(());
    }
    let long = match i64::try_from(look.options.connect_timeout.as_millis()) {
        Ok(0) | Err(_) => LONG_MS,
        Ok(limit) => limit,
    };
    check_running(look, slot, long, findings)?;
    check_prepared(look, slot, long, findings)
}

fn consequence(slot: &Slot) -> &'static str {
    if slot.is_to_be_made {
        "the slot that the stream is to make begins only after its end"
    } else {
        "a slot keeps all log from its beginning on"
    }
}

fn check_running(
    look: &mut Look<'_>,
    slot: &Slot,
    long: i64,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let set = look.rows(RUNNING)?;
    let mut hidden = Vec::new();
    for row in 0..set.rows() {
        let (pid, application) = (text(&set, row, 0), text(&set, row, 1));
        match number(&set, row, 2) {
            None => hidden.push(pid.into_owned()),
            Some(age) if age > long => findings.add(
                Severity::Warning,
                Rule::LongTransaction,
                &pid,
                format!(
                    "server process {pid} (application \"{application}\") has had a transaction open for {} s: {}",
                    age / 1000,
                    consequence(slot)
                ),
                format!("let it end, or SELECT pg_terminate_backend({pid})"),
            ),
            Some(_) => {}
        }
    }
    if !hidden.is_empty() {
        findings.add(
            Severity::Info,
            Rule::ActivityHidden,
            "",
            format!(
                "this role may not see for how long these processes have had transactions open: {}",
                hidden.join(", ")
            ),
            "GRANT pg_read_all_stats to it, to have them looked at",
        );
    }
    Ok(())
}

fn check_prepared(
    look: &mut Look<'_>,
    slot: &Slot,
    long: i64,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let set = look.rows(PREPARED)?;
    for row in 0..set.rows() {
        let (gid, database) = (text(&set, row, 0), text(&set, row, 2));
        let age = number(&set, row, 1).unwrap_or(0);
        if age > long {
            findings.add(
                Severity::Warning,
                Rule::LongTransaction,
                &gid,
                format!(
                    "transaction \"{gid}\" of database \"{database}\" was prepared {} s ago and is not ended: {}",
                    age / 1000,
                    consequence(slot)
                ),
                "COMMIT PREPARED or ROLLBACK PREPARED it, in its database",
            );
        }
    }
    Ok(())
}
