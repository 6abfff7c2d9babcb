//! The tables that are published, and those that seem to be.

#![forbid(unsafe_code)]

use super::finding::{Findings, Rule, Severity};
use super::{Look, list, text};
use crate::stream::error::Failure;

/// The first major versions whose publications take schemas, or know of generated columns.
const SCHEMAS: i32 = 150_000;
const GENERATED: i32 = 180_000;

const NAME: &str = "pg_catalog.format('%I.%I', n.nspname, c.relname)";

/// Findings for the tables of these publications.
pub(super) fn check(look: &mut Look<'_>, names: &[String], findings: &mut Findings) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let queries = Queries { names: list(names), version: look.connection.server_version() };
    check_identity(look, &queries, findings)?;
    check_roots(look, &queries, findings)?;
    check_generated(look, &queries, findings)?;
    check_unlogged(look, &queries, findings)
}

struct Queries {
    names: String,
    version: i32,
}

impl Queries {
    /// published: a row for each table as each publication shows it, a root instead of its partitions where it is
    /// published via root. By the function that is below the view pg_publication_tables, which joins by names: the
    /// planner knows nothing of either, and thousands of tables took minutes.
    fn published(&self) -> String {
        let columns = if self.version >= GENERATED { "t.attrs" } else { "NULL::pg_catalog.int2vector" };
        format!(
            "WITH published AS MATERIALIZED (SELECT p.oid AS pub, p.pubname, p.puballtables, p.pubviaroot, p.pubupdate, p.pubdelete, \
             c.oid AS relid, c.relkind, c.relispartition, {columns} AS columns FROM pg_catalog.pg_publication p \
             CROSS JOIN LATERAL pg_catalog.pg_get_publication_tables(p.pubname) t \
             JOIN pg_catalog.pg_class c ON c.oid = t.relid WHERE p.pubname IN ({})) ",
            self.names
        )
    }

    /// Does publication `publication` name the schema of relation `relation`?
    fn by_schema(&self, publication: &str, relation: &str) -> String {
        if self.version < SCHEMAS {
            return "false".to_owned();
        }
        format!(
            "EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s JOIN pg_catalog.pg_class x ON x.relnamespace = s.pnnspid \
             WHERE s.pnpubid = {publication} AND x.oid = {relation})"
        )
    }

    /// As the server chooses it (`relcache.c: RelationGetIndexList`), of the tables that are written: of leaves.
    fn identity(&self) -> String {
        format!(
            "{} SELECT {NAME}, pg_catalog.bool_or(p.pubupdate), pg_catalog.bool_or(p.pubdelete) FROM published p \
             CROSS JOIN LATERAL (SELECT p.relid WHERE p.relkind <> 'p' UNION \
             SELECT t.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(p.relid) t WHERE t.isleaf) leaf \
             JOIN pg_catalog.pg_class c ON c.oid = leaf.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE (p.pubupdate OR p.pubdelete) AND c.relkind = 'r' AND c.relreplident <> 'f' \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate \
             AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END) \
             GROUP BY 1 ORDER BY 1",
            self.published()
        )
    }

    /// Roots that are in a publication, whose leaves come instead.
    fn roots(&self) -> String {
        format!(
            "{} SELECT {NAME}, pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(p.pubname), ', ') FROM published p \
             JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.pg_partition_root(p.relid) \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE p.relispartition AND NOT p.pubviaroot AND c.oid <> p.relid AND (p.puballtables \
             OR EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(p.relid) a WHERE a.relid <> p.relid AND ( \
             EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.pub AND r.prrelid = a.relid) OR {}))) \
             GROUP BY 1 ORDER BY 1",
            self.published(),
            self.by_schema("p.pub", "a.relid")
        )
    }

    /// Table by table: tables that were never analyzed make a join of them all slow.
    fn generated(&self) -> String {
        let unpublished = match self.version >= GENERATED {
            true => "p.columns IS NOT NULL AND NOT a.attnum = ANY (p.columns)",
            false => "true",
        };
        format!(
            "{} SELECT DISTINCT {NAME}, g.names FROM published p \
             JOIN pg_catalog.pg_class c ON c.oid = p.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) AS names \
             FROM pg_catalog.pg_attribute a WHERE a.attrelid = p.relid AND a.attnum > 0 AND NOT a.attisdropped \
             AND a.attgenerated <> '' AND {unpublished}) g WHERE g.names IS NOT NULL ORDER BY 1",
            self.published()
        )
    }

    /// A publication of all tables, of a schema or of a partitioned table passes over them without a word.
    fn unlogged(&self) -> String {
        format!(
            "SELECT {NAME}, pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(p.pubname), ', ') \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_catalog.pg_publication p ON p.pubname IN ({}) \
             WHERE c.relpersistence = 'u' AND c.relkind = 'r' AND (p.puballtables OR {} \
             OR EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) a \
             JOIN pg_catalog.pg_publication_rel r ON r.prrelid = a.relid WHERE r.prpubid = p.oid)) GROUP BY 1 ORDER BY 1",
            self.names,
            self.by_schema("p.oid", "c.oid")
        )
    }
}

fn check_identity(look: &mut Look<'_>, queries: &Queries, findings: &mut Findings) -> Result<(), Failure> {
    let set = look.rows(&queries.identity())?;
    for row in 0..set.rows() {
        let table = text(&set, row, 0);
        let operations = match (&*text(&set, row, 1), &*text(&set, row, 2)) {
            ("t", "t") => "UPDATE and DELETE are",
            ("t", _) => "UPDATE is",
            _ => "DELETE is",
        };
        findings.add(
            Severity::Warning,
            Rule::ReplicaIdentity,
            &table,
            format!("{operations} published of {table}, which has no replica identity: the server refuses them to whoever writes"),
            format!("add a primary key, or ALTER TABLE {table} REPLICA IDENTITY FULL, or publish inserts only"),
        );
    }
    Ok(())
}

fn check_roots(look: &mut Look<'_>, queries: &Queries, findings: &mut Findings) -> Result<(), Failure> {
    let set = look.rows(&queries.roots())?;
    for row in 0..set.rows() {
        let (table, publications) = (text(&set, row, 0), text(&set, row, 1));
        findings.add(
            Severity::Warning,
            Rule::PartitionRoot,
            &table,
            format!("rows of the partitioned table {table} come under its partitions' names (publication {publications})"),
            format!("ALTER PUBLICATION {publications} SET (publish_via_partition_root = true), unless that is what you want"),
        );
    }
    Ok(())
}

fn check_generated(look: &mut Look<'_>, queries: &Queries, findings: &mut Findings) -> Result<(), Failure> {
    let set = look.rows(&queries.generated())?;
    let remedy = match queries.version >= GENERATED {
        true => {
            "to have stored ones: ALTER PUBLICATION … SET (publish_generated_columns = stored), or name them in its column list"
        }
        false => "compute them from the other columns (PostgreSQL 18 can publish stored ones)",
    };
    for row in 0..set.rows() {
        let (table, columns) = (text(&set, row, 0), text(&set, row, 1));
        let message = format!("generated columns of {table} are not published: {columns}");
        findings.add(Severity::Info, Rule::GeneratedColumns, &table, message, remedy);
    }
    Ok(())
}

fn check_unlogged(look: &mut Look<'_>, queries: &Queries, findings: &mut Findings) -> Result<(), Failure> {
    let set = look.rows(&queries.unlogged())?;
    for row in 0..set.rows() {
        let (table, publications) = (text(&set, row, 0), text(&set, row, 1));
        findings.add(
            Severity::Info,
            Rule::UnloggedTable,
            &table,
            format!("{table} is unlogged: nothing of it comes, though publication {publications} seems to include it"),
            format!("ALTER TABLE {table} SET LOGGED, if its changes are wanted"),
        );
    }
    Ok(())
}
