//! DDL in mid-stream: each row comes with the definition that it was written under.

use walstream::model::Kind;

use crate::on_each_major;
use crate::support::{Case, Host, Seen, Sql};

const FILL: &str = "SELECT pg_logical_emit_message(true, 'fill', repeat('x', 70000))";

const STREAM_EARLY: &str = "SET logical_decoding_work_mem = '64kB'";

/// Rows with what their relation is, in words: table, columns with types, identity.
fn rows(events: &[Seen]) -> Vec<String> {
    let word = |event: &&Seen| {
        let columns: Vec<_> =
            event.columns.iter().zip(&event.types).map(|(name, kind)| format!("{name} {kind}")).collect();
        let identity = char::from_u32(event.identity).unwrap();
        format!("{}({}){identity}", event.table.trim_start_matches("public."), columns.join(","))
    };
    events
        .iter()
        .filter(|event| !event.columns.is_empty() && !event.is(Kind::RELATION))
        .map(|event| word(&event))
        .collect()
}

/// A RELATION comes before the first row of each definition, and only then; versions differ where definitions do.
fn check_versions(events: &[Seen]) {
    let mut told: Vec<&Seen> = Vec::new();
    for event in events.iter().filter(|event| !event.columns.is_empty()) {
        let known = told.iter().find(|relation| relation.version == event.version);
        if event.is(Kind::RELATION) {
            assert!(known.is_none(), "told twice: {event:?}");
            let same = |relation: &&&Seen| {
                (&relation.table, &relation.columns, &relation.types, relation.identity)
                    == (&event.table, &event.columns, &event.types, event.identity)
            };
            let last = told.iter().rev().find(|relation| relation.table == event.table);
            assert!(last.filter(same).is_none(), "nothing changed: {event:?}");
            told.push(event);
        } else {
            let relation = known.unwrap_or_else(|| panic!("never told: {event:?}"));
            assert_eq!(
                (&relation.table, &relation.columns, &relation.types),
                (&event.table, &event.columns, &event.types)
            );
        }
    }
}

/// Steps, each a DDL that is followed by a row, and the definition of that row.
const STEPS: [(&str, &str, &str); 12] = [
    ("SELECT 1", "INSERT INTO t VALUES (1, 'a')", "t(id int4,a text)d"),
    ("ALTER TABLE t ADD b int", "INSERT INTO t VALUES (2, 'a', 2)", "t(id int4,a text,b int4)d"),
    (
        "ALTER TABLE t ADD c int DEFAULT 7",
        "INSERT INTO t VALUES (3, 'a', 2)",
        "t(id int4,a text,b int4,c int4)d",
    ),
    ("ALTER TABLE t DROP b", "INSERT INTO t VALUES (4, 'a', 2)", "t(id int4,a text,c int4)d"),
    ("ALTER TABLE t RENAME a TO \"A b\"", "INSERT INTO t VALUES (5, 'a')", "t(id int4,A b text,c int4)d"),
    ("ALTER TABLE t ALTER c TYPE bigint", "INSERT INTO t VALUES (6)", "t(id int4,A b text,c int8)d"),
    ("ALTER TABLE t REPLICA IDENTITY FULL", "INSERT INTO t VALUES (7)", "t(id int4,A b text,c int8)f"),
    ("ALTER TABLE t REPLICA IDENTITY DEFAULT", "INSERT INTO t VALUES (8)", "t(id int4,A b text,c int8)d"),
    ("ALTER TABLE t RENAME TO u", "INSERT INTO u VALUES (9)", "u(id int4,A b text,c int8)d"),
    (
        "DROP TABLE u; CREATE TABLE u (x uuid PRIMARY KEY)",
        "INSERT INTO u VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')",
        "u(x uuid)d",
    ),
    (
        "CREATE TYPE mood AS ENUM ('sad'); ALTER TABLE u ADD m mood",
        "UPDATE u SET m = 'sad'",
        "u(x uuid,m mood)d",
    ),
    // Nothing that a host could see.
    (
        "ALTER TABLE u ALTER m SET STATISTICS 10; ANALYZE u; CREATE INDEX ON u (m)",
        "UPDATE u SET m = 'sad'",
        "u(x uuid,m mood)d",
    ),
];

fn expected() -> Vec<String> {
    STEPS.iter().map(|step| step.2.to_owned()).collect()
}

fn ways(case: &mut Case<'_>) {
    for (delivery, streaming) in
        [("committed", "off"), ("committed", "on"), ("as-sent", "off"), ("as-sent", "on")]
    {
        let host = case.stream(&[("delivery", delivery), ("streaming", streaming)]);
        let mut events = Vec::new();
        while rows(&events).len() < STEPS.len() {
            events.push(host.event());
        }
        host.stop(5000);
        assert_eq!(rows(&events), expected(), "delivery={delivery} streaming={streaming}");
        check_versions(&events);
    }
}

fn prepare(case: &mut Case<'_>) {
    let early = format!("ALTER DATABASE {} {STREAM_EARLY}", case.database);
    case.sql.each(&[&early, "CREATE TABLE t (id int PRIMARY KEY, a text)"]);
    case.publish();
}

/// The columns of the first `count` rows.
fn columns(host: &Host, count: usize) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let event = host.event();
        if event.is(Kind::INSERT) {
            seen.push((event.text(0).to_owned(), event.columns.join(",")));
        }
    }
    seen
}

fn named(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, columns)| ((*id).to_owned(), (*columns).to_owned())).collect()
}

/// Together more than the server's memory for changes; the first of them is the larger one.
const MUCH: &str = "SELECT pg_logical_emit_message(true, 'much', repeat('x', 45000))";
const MORE: &str = "SELECT pg_logical_emit_message(true, 'more', repeat('x', 30000))";

/// The schema's name changes while a transaction is streamed that was prepared before the slot told of prepares: the server
/// does not announce the table again when that one commits.
fn schema_renamed_beside_a_late_prepare(case: &mut Case<'_>, delivery: &str) {
    let early = format!("ALTER DATABASE {} {STREAM_EARLY}", case.database);
    case.sql.each(&[&early, "CREATE SCHEMA old", "CREATE TABLE old.t (id int PRIMARY KEY)"]);
    case.publish();
    let prepare = format!("PREPARE TRANSACTION 'ddl {delivery}'");
    case.sql.each(&["BEGIN", "INSERT INTO old.t VALUES (1)", MUCH, &prepare, "INSERT INTO old.t VALUES (2)"]);
    let first = case.stream(&[]);
    let end = first.until(Kind::COMMIT).pop().unwrap().ack_lsn;
    first.ack(end);
    case.wait_confirmed(end);
    first.stop(5000);
    drop(first);
    let host = case.stream(&[("delivery", delivery), ("two_phase", "on"), ("slot.wait_ms", "20000")]);
    case.sql.each(&["BEGIN", "INSERT INTO old.t VALUES (3)", MORE, "COMMIT"]);
    case.sql.each(&["ALTER SCHEMA old RENAME TO new", "INSERT INTO new.t VALUES (4)"]);
    case.sql.each(&[&format!("COMMIT PREPARED 'ddl {delivery}'"), "INSERT INTO new.t VALUES (5)"]);
    let mut tables = Vec::new();
    while tables.len() < 4 {
        let event = host.event();
        if event.is(Kind::INSERT) {
            tables.push((event.text(0).to_owned(), event.table.clone()));
        }
    }
    tables.sort();
    assert_eq!(tables, named(&[("1", "old.t"), ("3", "old.t"), ("4", "new.t"), ("5", "new.t")]));
}

on_each_major! {
    /// PostgreSQL 15 does not announce a table again when its schema is renamed.
    fn schema_renamed_beside_a_late_prepare_as_sent(case, from 16) {
        schema_renamed_beside_a_late_prepare(case, "as-sent");
    }

    /// The same.
    fn schema_renamed_beside_a_late_prepare_committed(case, from 16) {
        schema_renamed_beside_a_late_prepare(case, "committed");
    }

    /// Each step in its own transaction.
    fn between_transactions(case, from 14) {
        prepare(case);
        for (ddl, row, _) in STEPS {
            case.sql.each(&[ddl, row]);
        }
        ways(case);
    }

    /// All steps in one transaction.
    fn in_one_transaction(case, from 14) {
        prepare(case);
        case.sql.run("BEGIN");
        for (ddl, row, _) in STEPS {
            case.sql.each(&[ddl, row]);
        }
        case.sql.run("COMMIT");
        ways(case);
    }

    /// The same, so large that it is streamed in several blocks.
    fn in_one_streamed_transaction(case, from 14) {
        prepare(case);
        case.sql.run("BEGIN");
        for (index, (ddl, row, _)) in STEPS.into_iter().enumerate() {
            case.sql.each(&[ddl, row]);
            if index % 3 == 1 {
                case.sql.run(FILL);
            }
        }
        case.sql.run("COMMIT");
        ways(case);
    }

    /// DDL under a savepoint that is rolled back was never there.
    fn rolled_back_with_its_savepoint(case, from 14) {
        prepare(case);
        case.sql.each(&[
            "BEGIN", "INSERT INTO t VALUES (1)", FILL, "SAVEPOINT s", "ALTER TABLE t ADD b int", "INSERT INTO t VALUES (2)", FILL, "ROLLBACK TO s",
            "INSERT INTO t VALUES (3)", FILL, "COMMIT", "INSERT INTO t VALUES (4)",
        ]);
        for streaming in ["off", "on"] {
            let host = case.stream(&[("streaming", streaming)]);
            assert_eq!(columns(&host, 3), named(&[("1", "id,a"), ("3", "id,a"), ("4", "id,a")]));
            host.stop(5000);
        }
    }

    /// A publication's column list changes while a transaction streams: its definition does not outlive those that came later.
    fn column_list_changes_beside_a_streamed_transaction(case, from 15) {
        let early = format!("ALTER DATABASE {} {STREAM_EARLY}", case.database);
        case.sql.each(&[&early, "CREATE TABLE t (id int PRIMARY KEY, a text, b text)", "CREATE PUBLICATION pub FOR TABLE t (id, a)"]);
        let make = format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", case.slot());
        case.sql.run(&make);
        let mut other = Sql::connect(&case.conninfo());
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1, 'a', 'b')", FILL]);
        other.each(&["ALTER PUBLICATION pub SET TABLE t (id, b)", "INSERT INTO t VALUES (2, 'a', 'b')"]);
        case.sql.run("COMMIT");
        other.run("INSERT INTO t VALUES (3, 'a', 'b')");
        for (delivery, streaming) in [("as-sent", "on"), ("committed", "on"), ("committed", "off")] {
            let host = case.stream(&[("delivery", delivery), ("streaming", streaming)]);
            let mut seen = columns(&host, 3);
            host.stop(5000);
            seen.sort();
            let first = if streaming == "on" { "id,a" } else { "id,b" };
            assert_eq!(seen, named(&[("1", first), ("2", "id,b"), ("3", "id,b")]), "{delivery} {streaming}");
        }
    }
}
