//! What an error of libpq or the server means for a stream: its code, whether a retry can cure it, what to do.
//!
//! Decided by SQLSTATE and the server's source function, never by words: they are translated (delivery-rules.md, 29).

#![forbid(unsafe_code)]

use super::error::{Cure, Failure};
use crate::model::Code;
use crate::pg::{ConnectError, ConninfoError, Hurdle, PgError, ServerError};

/// SQLSTATEs of the server's errcodes.txt that mean something to a stream.
pub mod sqlstate {
    /// A slot that another connection holds; a database that is being dropped.
    pub const OBJECT_IN_USE: &str = "55006";
    /// A slot that is invalid or still synchronised; a wal_level that is too low.
    pub const OBJECT_NOT_IN_PREREQUISITE_STATE: &str = "55000";
    /// No such slot, publication, option.
    pub const UNDEFINED_OBJECT: &str = "42704";
    /// A slot of this name exists.
    pub const DUPLICATE_OBJECT: &str = "42710";
    /// A role without REPLICATION, a publication without rights.
    pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
    /// Refused by pg_hba.conf, or an unknown role.
    pub const INVALID_AUTHORIZATION: &str = "28000";
    /// Too high a proto_version, an unknown option.
    pub const FEATURE_NOT_SUPPORTED: &str = "0A000";
    /// max_replication_slots is reached.
    pub const CONFIGURATION_LIMIT_EXCEEDED: &str = "53400";
    /// max_wal_senders or max_connections is reached.
    pub const TOO_MANY_CONNECTIONS: &str = "53300";
    /// No such database.
    pub const INVALID_CATALOG_NAME: &str = "3D000";
    /// A file is missing: the plugin's library, or a segment of WAL.
    pub const UNDEFINED_FILE: &str = "58P01";
}

/// The server's function that looks publications up, up to 17 (an error) and in 18 (a warning).
const PUBLICATION_LOOKUPS: [&str; 3] = ["get_publication_oid", "GetPublicationByName", "LoadPublications"];

/// Classes of SQLSTATE whose errors pass: connection, rollback by the server, resources, operator, system.
const PASSING_CLASSES: [&str; 5] = ["08", "40", "53", "57", "58"];

impl From<PgError> for Failure {
    fn from(error: PgError) -> Failure {
        match error {
            PgError::Connect(error) => connect_failure(&error),
            PgError::Server(error) => server_failure(&error),
            PgError::Lost(words) => {
                let message = if words.is_empty() {
                    "the server closed the connection".to_owned()
                } else {
                    format!("connection lost: {words}")
                };
                Failure::new(Code::E_CONNECT, message).cure(Cure::Retry).hint(
                    "the server's log says why, if it ended the connection; a network in between leaves nothing there",
                )
            }
            PgError::TimedOut => Failure::new(
                Code::E_CONNECT,
                "the server did not answer within connect_timeout_ms",
            )
            .cure(Cure::Retry)
            .hint(
                "check host, port and firewall; creating a slot also waits for all open transactions to end",
            ),
            PgError::Cancelled => Failure::new(Code::E_CLOSED, "cancelled"),
            PgError::Conninfo(error @ ConninfoError::NeedsNewerLibpq { .. }) => Failure::new(
                Code::E_UNSUPPORTED,
                error.to_string(),
            )
            .hint(
                "run with that libpq, or with a walstream built with the feature `bundled`, or leave it out",
            ),
            PgError::Conninfo(error) => Failure::new(Code::E_ARGUMENT, error.to_string())
                .hint("see \"Connection Strings\" in the PostgreSQL documentation"),
            PgError::Unsupported { what, needs } => unsupported(what, needs),
            PgError::OutOfMemory => crate::model::OutOfMemory.into(),
            PgError::System(errno) => {
                let mut failure = Failure::new(Code::E_IO, format!("a system call failed: {errno}"))
                    .hint("check the limits of the process, above all on open files");
                failure.os_errno = errno.raw_os_error();
                failure
            }
            PgError::Libpq(words) => Failure::new(Code::E_SERVER, format!("libpq: {words}"))
                .hint("check the connection string and the server's log"),
            PgError::Protocol(what) => {
                Failure::protocol(format!("unexpected answer from the server: {what}"))
            }
            PgError::DoubleQuote => {
                Failure::new(Code::E_ARGUMENT, "a name contains a double quote").hint("remove it")
            }
            PgError::Nul => Failure::new(Code::E_ARGUMENT, "a name contains a NUL byte").hint("remove it"),
        }
    }
}

/// An option that the server's version does not know.
pub fn unsupported(what: &str, needs: u32) -> Failure {
    Failure::new(Code::E_UNSUPPORTED, format!("{what} needs PostgreSQL {needs} or later"))
        .hint("leave the option at its default, or use a newer server")
}

fn connect_failure(error: &ConnectError) -> Failure {
    let state = error.sqlstate.map(|state| state.to_string()).unwrap_or_default();
    let mut failure = Failure::new(Code::E_CONNECT, error.message.as_str());
    (failure.code, failure.cure) = match (state.as_str(), state.get(..2)) {
        _ if error.needs_password => (Code::E_AUTH, Cure::None),
        ("", _) if error.hurdle == Hurdle::Demand => (Code::E_AUTH, Cure::None),
        ("", _) => (Code::E_CONNECT, Cure::Retry),
        (sqlstate::INSUFFICIENT_PRIVILEGE, _) | (_, Some("28")) => (Code::E_AUTH, Cure::None),
        (_, Some(class)) if PASSING_CLASSES.contains(&class) => (Code::E_CONNECT, Cure::Retry),
        _ => (Code::E_SERVER, Cure::None),
    };
    let hint = match (state.as_str(), failure.code) {
        _ if error.needs_password => {
            "give a password: in the connection string, PGPASSWORD, ~/.pgpass or a service file"
        }
        (sqlstate::INSUFFICIENT_PRIVILEGE, _) => {
            "the role needs the REPLICATION attribute: ALTER ROLE name REPLICATION"
        }
        ("28P01", _) => "check user and password",
        ("", Code::E_AUTH) => {
            "the server does not authenticate as channel_binding or require_auth demand: channel binding needs TLS and scram-sha-256 in pg_hba.conf"
        }
        (_, Code::E_AUTH) => {
            "check user, password and pg_hba.conf: logical replication needs an entry for its database, physical one for \"replication\""
        }
        (sqlstate::INVALID_CATALOG_NAME, _) => "check dbname: a logical slot belongs to one database",
        (sqlstate::TOO_MANY_CONNECTIONS, _) => {
            "raise max_wal_senders or max_connections, or close other connections"
        }
        ("", _) if error.hurdle == Hurdle::Tls => {
            "check that the server has ssl on, its certificate (host name, dates, who signed it), and sslmode, sslrootcert, sslcert and sslkey"
        }
        ("", _) if error.hurdle == Hurdle::Admission => {
            "see the server's log; if it asks for a certificate, check sslcert, sslkey and the server's ssl_ca_file"
        }
        ("", _) => "check host and port, and that the server is running and listens there",
        _ => "see the server's log",
    };
    failure.sqlstate = state;
    failure.hint(hint)
}

fn server_failure(error: &ServerError) -> Failure {
    let state = error.sqlstate.to_string();
    let looks_up_publication = PUBLICATION_LOOKUPS.contains(&error.source_function.as_str());
    let (code, cure, hint) = match state.as_str() {
        sqlstate::UNDEFINED_OBJECT if looks_up_publication => (
            Code::E_PUBLICATION,
            Cure::None,
            "the publication does not exist at this point of the stream: it was dropped, or made after the slot's position; \
             create it before the slot, or make a new slot",
        ),
        sqlstate::UNDEFINED_OBJECT => (
            Code::E_SLOT_MISSING,
            Cure::None,
            "check the name, or set slot.create=if-missing and start from 0",
        ),
        sqlstate::OBJECT_IN_USE => (
            Code::E_SLOT_IN_USE,
            Cure::RetryWhileHeld,
            "another connection reads this slot: stop it, use another slot, or raise slot.wait_ms",
        ),
        sqlstate::INSUFFICIENT_PRIVILEGE => (
            Code::E_AUTH,
            Cure::None,
            "the role needs the REPLICATION attribute: ALTER ROLE name REPLICATION",
        ),
        sqlstate::FEATURE_NOT_SUPPORTED => {
            (Code::E_UNSUPPORTED, Cure::None, "the server does not know an option that was asked for")
        }
        sqlstate::CONFIGURATION_LIMIT_EXCEEDED => (
            Code::E_SERVER,
            Cure::None,
            "raise max_replication_slots and restart the server, or drop unused slots",
        ),
        sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE
            if error.source_function.as_str() == "CheckLogicalDecodingRequirements" =>
        {
            (Code::E_SERVER, Cure::None, "set wal_level = logical and restart the server")
        }
        sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE => {
            (Code::E_SERVER, Cure::None, "see pg_replication_slots and the server's log")
        }
        // The plugin's library is missing, which no retry brings.
        sqlstate::UNDEFINED_FILE => (Code::E_SERVER, Cure::None, "see the server's log"),
        other if other.get(..2).is_some_and(|class| PASSING_CLASSES.contains(&class)) => {
            (Code::E_SERVER, Cure::Retry, "see the server's log")
        }
        _ => (Code::E_SERVER, Cure::None, "see the server's log"),
    };
    let mut failure = Failure::new(code, error.message.as_str()).cure(cure).detail(error.detail.as_str());
    failure.sqlstate = state;
    let server_hint = error.hint.as_str();
    failure.hint(if server_hint.is_empty() {
        hint.to_owned()
    } else {
        format!("{hint}; server: {server_hint}")
    })
}
