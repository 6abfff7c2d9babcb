//! The server's settings and limits.

#![forbid(unsafe_code)]

use std::collections::HashMap;

use super::Look;
use super::finding::{Findings, Rule, Severity};
use crate::pg::parse_identifier_list;
use crate::stream::error::Failure;
use crate::stream::options::Mode;

/// In the units of pg_settings: milliseconds, megabytes.
const SETTINGS: &str = "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('hot_standby_feedback', \
     'max_replication_slots', 'max_slot_wal_keep_size', 'max_wal_senders', 'max_wal_size', \
     'synchronous_standby_names', 'wal_level', 'wal_sender_timeout')";

/// pg_stat_get_wal_senders gives a row for each, whoever asks.
const STATE: &str = "SELECT pg_catalog.pg_is_in_recovery(), \
     (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots), \
     (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_wal_senders()), \
     pg_catalog.current_setting('application_name'), pg_catalog.current_database()";

/// The first major version whose standbys decode.
const STANDBY_DECODES: i32 = 160_000;
/// A third of it is left for a status update to arrive in time.
const SHORT_TIMEOUT_MS: i64 = 1000;

/// What others want to know, too.
pub(super) struct Seen {
    settings: HashMap<String, String>,
    slots: i64,
    senders: i64,
    application_name: String,
    pub(super) in_recovery: bool,
    pub(super) database: String,
}

impl Seen {
    fn text(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// Of a setting in megabytes; `None`: no limit.
    pub(super) fn bytes(&self, name: &str) -> Option<i64> {
        u32::try_from(self.number(name)).ok().map(|megabytes| i64::from(megabytes) << 20)
    }
}

pub(super) fn check(look: &mut Look<'_>, findings: &mut Findings) -> Result<Seen, Failure> {
    let set = look.rows(SETTINGS)?;
    let pair = |row| (super::text(&set, row, 0).into_owned(), super::text(&set, row, 1).into_owned());
    let settings = (0..set.rows()).map(pair).collect();
    let set = look.rows(STATE)?;
    let seen = Seen {
        settings,
        in_recovery: super::text(&set, 0, 0) == "t",
        slots: super::number(&set, 0, 1).unwrap_or(0),
        senders: super::number(&set, 0, 2).unwrap_or(0),
        application_name: super::text(&set, 0, 3).into_owned(),
        database: super::text(&set, 0, 4).into_owned(),
    };
    check_wal_level(&seen, look.options.mode, findings);
    check_senders(&seen, findings);
    check_timeout(&seen, look, findings);
    check_synchronous(&seen, findings);
    if seen.in_recovery && look.options.mode == Mode::Logical {
        check_standby(&seen, look.connection.server_version(), findings);
    }
    Ok(seen)
}

fn check_wal_level(seen: &Seen, mode: Mode, findings: &mut Findings) {
    let level = seen.text("wal_level");
    let (fits, needed) = match mode {
        Mode::Logical => (level == "logical", "logical"),
        _ => (level != "minimal", "replica"),
    };
    if !fits {
        let remedy = format!("set wal_level = {needed} and restart the server");
        findings.add(
            Severity::Error,
            Rule::WalLevel,
            "wal_level",
            format!("wal_level is {level}, but {needed} is needed"),
            remedy,
        );
    }
}

/// When even the last one was taken, the connection was refused: see connect.rs.
fn check_senders(seen: &Seen, findings: &mut Findings) {
    let most = seen.number("max_wal_senders");
    if most > 0 && seen.senders >= most && !findings.has(Rule::WalSendersExhausted) {
        findings.add(
            Severity::Warning,
            Rule::WalSendersExhausted,
            "max_wal_senders",
            format!("{} of {most} walsenders are in use, this check's the last of them", seen.senders),
            "raise max_wal_senders and restart the server: after a broken connection the dead walsender keeps its place for \
             up to wal_sender_timeout",
        );
    }
}

/// Called once it is known whether the stream has to make its slot.
pub(super) fn check_slots_left(seen: &Seen, is_to_be_made: bool, findings: &mut Findings) {
    let most = seen.number("max_replication_slots");
    if seen.slots < most {
        return;
    }
    let severity = if is_to_be_made { Severity::Error } else { Severity::Info };
    findings.add(
        severity,
        Rule::ReplicationSlotsExhausted,
        "max_replication_slots",
        format!("{} of {most} replication slots are in use", seen.slots),
        "raise max_replication_slots and restart the server, or drop slots that are not needed (pg_replication_slots)",
    );
}

fn check_timeout(seen: &Seen, look: &Look<'_>, findings: &mut Findings) {
    let timeout = seen.number("wal_sender_timeout");
    let interval = look.options.status_interval.as_millis();
    if timeout == 0 {
        return;
    }
    let remedy = "raise wal_sender_timeout on the server, for this role alone if need be: ALTER ROLE … SET wal_sender_timeout";
    if timeout < SHORT_TIMEOUT_MS {
        let message = format!(
            "wal_sender_timeout is {timeout} ms: the server hangs up when no status update comes for so long, which a short \
             hiccup of network or machine brings about"
        );
        findings.add(Severity::Warning, Rule::SenderTimeout, "wal_sender_timeout", message, remedy);
    } else if interval > u128::from(timeout.unsigned_abs()) / 3 {
        let message = format!(
            "wal_sender_timeout is {timeout} ms, so that status updates are sent every {} ms instead of {interval}",
            timeout / 3
        );
        findings.add(Severity::Info, Rule::SenderTimeout, "wal_sender_timeout", message, remedy);
    }
}

/// A standby waits for nobody.
fn check_synchronous(seen: &Seen, findings: &mut Findings) {
    let names = seen.text("synchronous_standby_names");
    if seen.in_recovery || !matches_us(names, &seen.application_name) {
        return;
    }
    findings.add(
        Severity::Warning,
        Rule::SynchronousStandby,
        "synchronous_standby_names",
        format!(
            "synchronous_standby_names ({names}) matches this application_name ({}): commits wait for what this host acknowledges, \
             and stand still while it sleeps",
            seen.application_name
        ),
        "set another application_name in the connection string, or take it out of synchronous_standby_names",
    );
}

/// As `syncrep.c: SyncRepGetStandbyPriority` does: "*" or the name, in any case.
fn matches_us(setting: &str, application_name: &str) -> bool {
    // "FIRST 2 (a, b)", "ANY 1 (a)", "2 (a, b)" or "a, b": only quoted names may hold a parenthesis.
    let quote = setting.find('"').unwrap_or(setting.len());
    let names = match setting[..quote].find('(') {
        Some(at) => setting[at + 1..].trim_end().trim_end_matches(')'),
        None => setting,
    };
    let names = parse_identifier_list(names).unwrap_or_default();
    names.iter().any(|name| name == "*" || name.eq_ignore_ascii_case(application_name))
}

fn check_standby(seen: &Seen, version: i32, findings: &mut Findings) {
    if version < STANDBY_DECODES {
        findings.add(
            Severity::Error,
            Rule::StandbyLogical,
            "",
            "the server is a standby, from which PostgreSQL decodes from 16 on only",
            "connect to the primary: with several hosts in the connection string, target_session_attrs=read-write finds it",
        );
    } else if seen.text("hot_standby_feedback") != "on" {
        findings.add(
            Severity::Warning,
            Rule::StandbyFeedback,
            "hot_standby_feedback",
            "the server is a standby with hot_standby_feedback off: the primary may remove catalog rows that the slot needs, and \
             the slot is lost then",
            "set hot_standby_feedback = on there, and give it a slot on the primary (primary_slot_name)",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_synchronous_standby_names() {
        for (setting, name, matches) in [
            ("", "walstream", false),
            ("*", "walstream", true),
            ("a, Walstream", "walstream", true),
            ("a,b", "walstream", false),
            ("2 (a, walstream)", "walstream", true),
            ("FIRST 1 (walstream)", "walstream", true),
            ("any 1 ( \"Wal\"\"(stream\" , b ) ", "wal\"(stream", true),
            ("\"walstream (a)\"", "walstream (a)", true),
            ("ANY 1 (walstream2)", "walstream", false),
            ("ANY 1 (*)", "", true),
        ] {
            assert_eq!(matches_us(setting, name), matches, "{setting}");
        }
    }
}
