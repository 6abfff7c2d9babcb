//! The connections: the one that a stream would have, and an ordinary one that tells why that is refused.
//!
//! Nothing is SET, for behind a pooler that would stay with somebody else's session: only a SQL_ASCII database's own
//! encoding, which its sessions have anyway.

#![forbid(unsafe_code)]

use std::time::Instant;

use super::finding::{Findings, Rule, Severity};
use super::{Look, slot};
use crate::pg::{ConnectError, Connection, Conninfo, EventFd, Patience, PgError};
use crate::stream::error::Failure;
use crate::stream::options::{Mode, Options};
use crate::stream::server_failure::sqlstate;

/// Where the server decides by pg_hba.conf.
const HBA_DECIDES: &str = "ClientAuthentication";
/// The database that nearly every cluster has.
const ANY_DATABASE: &str = "postgres";

/// Something to look through; `None` when findings say why there is nothing.
pub(super) fn connect<'a>(
    conninfo: &Conninfo,
    options: &'a Options,
    findings: &mut Findings,
) -> Result<Option<Look<'a>>, Failure> {
    let line = Line { conninfo, options, wake: EventFd::new()? };
    match line.connect(&[("replication", line.replication())]) {
        Ok(sender) if options.mode == Mode::Logical => {
            let mut look = line.look(sender, None)?;
            let patience = Patience { wake: &look.wake, cancelled: &|| false, deadline: look.deadline };
            let identified = look.connection.identify_system(&patience);
            check_identified(&mut look, identified.map(drop), findings)?;
            Ok(Some(look))
        }
        Ok(sender) => line.beside(sender, findings),
        Err(PgError::Connect(refusal)) => line.instead(&refusal, findings),
        Err(error) => Err(error.into()),
    }
}

struct Line<'a, 'c> {
    conninfo: &'c Conninfo,
    options: &'a Options,
    wake: EventFd,
}

impl<'a> Line<'a, '_> {
    fn replication(&self) -> &'static str {
        if self.options.mode == Mode::Logical { "database" } else { "true" }
    }

    fn deadline(&self) -> Option<Instant> {
        let timeout = self.options.connect_timeout;
        if timeout.is_zero() { None } else { Instant::now().checked_add(timeout) }
    }

    fn connect(&self, extra: &[(&str, &str)]) -> Result<Connection, PgError> {
        let patience = Patience { wake: &self.wake, cancelled: &|| false, deadline: self.deadline() };
        let extra = [extra, &[("client_encoding", "UTF8")]].concat();
        Connection::connect(self.conninfo, &[], &extra, &patience)
    }

    /// Without replication. Physical replication needs no database: any will do.
    fn ordinary(&self) -> Result<Connection, PgError> {
        match self.connect(&[]) {
            Err(PgError::Connect(refusal))
                if self.options.mode != Mode::Logical && is(&refusal, sqlstate::INVALID_CATALOG_NAME) =>
            {
                self.connect(&[("dbname", ANY_DATABASE)])
            }
            other => other,
        }
    }

    fn look(self, connection: Connection, sender: Option<Connection>) -> Result<Look<'a>, Failure> {
        let deadline = self.deadline();
        let mut look = Look { connection, options: self.options, wake: self.wake, deadline, _sender: sender };
        // Names there may be no text, and are sent only as they are.
        if look.connection.parameter_status("server_encoding").as_deref() == Some("SQL_ASCII") {
            let patience = Patience { wake: &look.wake, cancelled: &|| false, deadline };
            look.connection.query("SET client_encoding TO 'SQL_ASCII'", &patience)?;
        }
        Ok(look)
    }

    /// A physical walsender takes no SQL: catalogs need another connection.
    fn beside(self, mut sender: Connection, findings: &mut Findings) -> Result<Option<Look<'a>>, Failure> {
        let patience = Patience { wake: &self.wake, cancelled: &|| false, deadline: self.deadline() };
        let identified = sender.identify_system(&patience);
        match self.ordinary() {
            Ok(ordinary) => {
                let mut look = self.look(ordinary, Some(sender))?;
                check_identified(&mut look, identified.map(drop), findings)?;
                Ok(Some(look))
            }
            Err(PgError::Connect(refusal)) => {
                identified?;
                findings.add(
                    Severity::Info,
                    Rule::CatalogsUnseen,
                    "",
                    format!("no ordinary connection: {}", refusal.message),
                    "to have settings looked at, name a database that the role may connect to",
                );
                slot::check_by_command(&mut sender, self.options, &patience, findings)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The replication connection is refused: is it only that one?
    fn instead(self, refusal: &ConnectError, findings: &mut Findings) -> Result<Option<Look<'a>>, Failure> {
        match self.ordinary() {
            Ok(ordinary) => {
                let mut look = self.look(ordinary, None)?;
                let pooler = behind_pooler(&mut look, false, findings)?;
                explain(&mut look, refusal, pooler, findings)?;
                Ok(Some(look))
            }
            Err(PgError::Connect(_)) if by_hba(refusal) => {
                add_hba(refusal, self.options.mode, findings);
                Ok(None)
            }
            Err(PgError::Connect(_)) => Err(PgError::Connect(Box::new(refusal.clone())).into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Is a connection for replication with a walsender, and with the server itself?
fn check_identified(
    look: &mut Look<'_>,
    identified: Result<(), PgError>,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let error = match identified {
        Ok(()) => return behind_pooler(look, true, findings).map(drop),
        Err(PgError::Server(error)) => error,
        Err(error) => return Err(error.into()),
    };
    if !behind_pooler(look, false, findings)? {
        findings.add(
            Severity::Error,
            Rule::ReplicationRefused,
            "",
            format!("no replication connection came about: {} (SQLSTATE {})", error.message, error.sqlstate),
            "something in between asks the server for an ordinary one: connect to the server itself",
        );
    }
    Ok(())
}

/// A server names its process when a connection begins; a pooler makes a number up, and has many processes.
fn behind_pooler(look: &mut Look<'_>, replicates: bool, findings: &mut Findings) -> Result<bool, Failure> {
    let named = look.connection.backend_pid();
    let set = look.rows("SELECT pg_catalog.pg_backend_pid()")?;
    let actual = super::number(&set, 0, 0);
    if actual == Some(named.into()) {
        return Ok(false);
    }
    let (severity, what) = match replicates {
        true => (
            Severity::Warning,
            "it passes replication on, but a cancelled command or a failover may get lost in it",
        ),
        false => (Severity::Error, "it does not pass replication on (PgBouncer does from 1.23 on)"),
    };
    let message = format!(
        "a pooler such as PgBouncer stands between here and the server: the connection was said to be with process {named}, \
         and is with {}; {what}",
        actual.unwrap_or_default()
    );
    findings.add(severity, Rule::Pooler, "", message, "connect to the server itself: its own host and port");
    Ok(true)
}

/// An ordinary connection is there, the replication one is not.
fn explain(
    look: &mut Look<'_>,
    refusal: &ConnectError,
    pooler: bool,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let words = refusal.message.as_str();
    if is(refusal, sqlstate::INSUFFICIENT_PRIVILEGE) {
        let set = look.rows("SELECT session_user::pg_catalog.text, pg_catalog.quote_ident(session_user)")?;
        let (role, quoted) = (super::text(&set, 0, 0), super::text(&set, 0, 1));
        let remedy = format!("ALTER ROLE {quoted} REPLICATION");
        findings.add(Severity::Error, Rule::RoleReplication, &role, words, remedy);
    } else if is(refusal, sqlstate::TOO_MANY_CONNECTIONS) {
        findings.add(
            Severity::Error,
            Rule::WalSendersExhausted,
            "max_wal_senders",
            words,
            "raise max_wal_senders and restart the server, or end readers that are not needed (pg_stat_replication)",
        );
    } else if by_hba(refusal) {
        add_hba(refusal, look.options.mode, findings);
    } else if !pooler {
        let state = refusal.sqlstate.map(|state| format!(" (SQLSTATE {state})")).unwrap_or_default();
        findings.add(
            Severity::Error,
            Rule::ReplicationRefused,
            "",
            format!("{words}{state}"),
            "an ordinary connection works: look for a pooler or proxy in between, and into the server's log",
        );
    }
    Ok(())
}

fn add_hba(refusal: &ConnectError, mode: Mode, findings: &mut Findings) {
    let remedy = match mode {
        Mode::Logical => "add an entry to pg_hba.conf for this database, role and address, and reload",
        _ => {
            "add an entry to pg_hba.conf for the database \"replication\" (\"all\" does not include it), this role and address, and reload"
        }
    };
    findings.add(Severity::Error, Rule::HbaRefused, "pg_hba.conf", refusal.message.as_str(), remedy);
}

fn by_hba(refusal: &ConnectError) -> bool {
    is(refusal, sqlstate::INVALID_AUTHORIZATION) && refusal.source_function.as_str() == HBA_DECIDES
}

fn is(refusal: &ConnectError, state: &str) -> bool {
    refusal.sqlstate.is_some_and(|found| found.as_str() == state)
}
