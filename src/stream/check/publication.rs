//! Publications: are they there, is there something in them, were they there at the slot's position?

#![forbid(unsafe_code)]

use super::finding::{Findings, Rule, Severity};
use super::{Look, list, text};
use crate::pg::{quote_identifier, quote_literal};
use crate::stream::error::Failure;

/// For each: its operations and tables, is it younger than the slot, may the slot's xmin be another one's? A new
/// slot takes over the catalog_xmin of an older one (`procarray.c: GetOldestSafeDecodingTransactionId`).
fn sql(names: &[String], slot: &str) -> String {
    format!(
        "SELECT p.pubname, p.pubinsert OR p.pubupdate OR p.pubdelete OR p.pubtruncate, \
         EXISTS (SELECT FROM pg_catalog.pg_publication_tables t WHERE t.pubname = p.pubname), \
         s.catalog_xmin IS NOT NULL AND pg_catalog.age(p.xmin) <= pg_catalog.age(s.catalog_xmin), \
         EXISTS (SELECT FROM pg_catalog.pg_replication_slots o WHERE o.slot_name <> s.slot_name \
         AND o.catalog_xmin IS NOT NULL AND pg_catalog.age(o.catalog_xmin) >= pg_catalog.age(s.catalog_xmin)) \
         FROM pg_catalog.pg_publication p LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name = {} \
         WHERE p.pubname IN ({}) ORDER BY p.pubname",
        quote_literal(slot),
        list(names)
    )
}

/// The publications that there are.
pub(super) fn check(look: &mut Look<'_>, findings: &mut Findings) -> Result<Vec<String>, Failure> {
    let wanted = &look.options.publication;
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let set = look.rows(&sql(wanted, &look.options.slot))?;
    let found: Vec<String> = (0..set.rows()).map(|row| text(&set, row, 0).into_owned()).collect();
    for name in wanted.iter().filter(|name| !found.contains(name)) {
        findings.add(
            Severity::Error,
            Rule::PublicationMissing,
            name,
            format!("there is no publication {} in this database", quote_identifier(name)),
            "check name and database, or CREATE PUBLICATION; names that are not lower case need double quotes in the option",
        );
    }
    for (row, name) in found.iter().enumerate() {
        let is = |column| text(&set, row, column) == "t";
        check_content(name, is(1), is(2), findings);
        if is(3) {
            add_younger(name, is(4), findings);
        }
    }
    Ok(found)
}

fn check_content(name: &str, operations: bool, tables: bool, findings: &mut Findings) {
    let quoted = quote_identifier(name);
    let (lacks, remedy) = match (operations, tables) {
        (true, true) => return,
        (_, false) => ("contains no table", format!("ALTER PUBLICATION {quoted} ADD TABLE …")),
        (false, _) => (
            "publishes no operation",
            format!("ALTER PUBLICATION {quoted} SET (publish = 'insert, update, delete, truncate')"),
        ),
    };
    findings.add(
        Severity::Warning,
        Rule::PublicationEmpty,
        name,
        format!("publication {quoted} {lacks}: nothing of it will come"),
        remedy,
    );
}

fn add_younger(name: &str, inherited: bool, findings: &mut Findings) {
    let severity = if inherited { Severity::Info } else { Severity::Warning };
    let message = format!(
        "publication {} was possibly made or changed after the slot's position: changes from before are missing, and up to \
         PostgreSQL 17 the stream ends there with an error",
        quote_identifier(name)
    );
    findings.add(
        severity,
        Rule::PublicationYounger,
        name,
        message,
        "if it is so, make a new slot after the publication; read on, it passes once the slot's position does",
    );
}
