//! The preflight: connects as a stream would, looks at everything that a stream needs, changes nothing.
//!
//! Owns its connections and the order of the looks. Each family of rules has a file with its SQL. Refuses to judge
//! by words: SQLSTATE, catalogs and settings tell.

#![forbid(unsafe_code)]

pub mod finding;

mod connect;
mod publication;
mod server;
mod slot;
mod table;
mod transaction;

pub use finding::{Finding, Rule, Severity};

use std::borrow::Cow;
use std::time::Instant;

use finding::Findings;

use super::error::Failure;
use super::options::{Mode, Options};
use super::plugin_options::{self, check_combinations};
use super::session::PGOUTPUT;
use crate::pg::{Connection, Conninfo, EventFd, Patience, PgError, ResultSet, quote_literal};

/// All that is found, the worst first. An error: there was no connection to look through.
pub fn check(conninfo: &str, options: &Options) -> Result<Vec<Finding>, Failure> {
    let conninfo = Conninfo::parse(conninfo).map_err(PgError::from)?;
    let mut findings = Findings::default();
    check_options(options, &mut findings);
    if let Some(look) = connect::connect(&conninfo, options, &mut findings)? {
        look_around(look, &mut findings)?;
    }
    Ok(findings.sorted())
}

fn look_around(mut look: Look<'_>, findings: &mut Findings) -> Result<(), Failure> {
    if let Err(failure) = plugin_options::check_version(look.options, look.connection.server_version()) {
        findings.add(Severity::Error, Rule::Option, "", failure.message, failure.hint);
    }
    let seen = server::check(&mut look, findings)?;
    let slot = slot::check(&mut look, &seen, findings)?;
    server::check_slots_left(&seen, slot.is_to_be_made, findings);
    if look.options.mode == Mode::Logical && look.options.plugin == PGOUTPUT {
        let names = publication::check(&mut look, findings)?;
        table::check(&mut look, &names, findings)?;
    }
    transaction::check(&mut look, &slot, findings)
}

/// What walstream_open and walstream_start would refuse.
fn check_options(options: &Options, findings: &mut Findings) {
    if let Err(failure) = check_combinations(options) {
        findings.add(Severity::Error, Rule::Option, "", failure.message, failure.hint);
    }
    if options.mode != Mode::Logical {
        return;
    }
    let needs_publication = options.plugin == PGOUTPUT && options.publication.is_empty();
    for (missing, option) in [(options.slot.is_empty(), "slot"), (needs_publication, "publication")] {
        if missing {
            let message = format!("the option {option} is not set");
            findings.add(Severity::Error, Rule::Option, option, message, "set it");
        }
    }
}

/// A connection that answers SQL.
struct Look<'a> {
    connection: Connection,
    options: &'a Options,
    wake: EventFd,
    deadline: Option<Instant>,
    /// mode=physical: the replication connection, which takes no SQL; held so that it counts.
    _sender: Option<Connection>,
}

impl Look<'_> {
    fn rows(&mut self, sql: &str) -> Result<ResultSet, Failure> {
        let patience = Patience { wake: &self.wake, cancelled: &|| false, deadline: self.deadline };
        Ok(self.connection.query_rows(sql, &patience)?)
    }
}

/// 'a', 'b', …
fn list(names: &[String]) -> String {
    names.iter().map(|name| quote_literal(name)).collect::<Vec<_>>().join(", ")
}

/// A value as text, NULL as "". A name of a SQL_ASCII database may be no text: U+FFFD stands for what is none.
fn text(set: &ResultSet, row: usize, column: usize) -> Cow<'_, str> {
    String::from_utf8_lossy(set.bytes(row, column).unwrap_or_default())
}

/// A whole number; NULL is `None`.
fn number(set: &ResultSet, row: usize, column: usize) -> Option<i64> {
    set.text(row, column)?.parse().ok()
}

/// For a person: "37 MB".
fn megabytes(bytes: i64) -> String {
    format!("{} MB", bytes >> 20)
}
