//! The tables of publications.

use crate::on_each_major;
use crate::report::{INFO, Report, WARNING};
use crate::support::Sql;

fn objects(report: &Report, code: &str, severity: u32) -> Vec<String> {
    let found = report.all(code);
    assert!(found.iter().all(|found| found.severity == severity), "{report:?}");
    found.iter().map(|found| found.object.clone()).collect()
}

on_each_major! {
    fn replica_identities(case, from 14) {
        case.sql.each(&[
            "CREATE TABLE fine (id int PRIMARY KEY)",
            "CREATE TABLE \"Without\" (id int)",
            "CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING",
            "CREATE TABLE whole (id int); ALTER TABLE whole REPLICA IDENTITY FULL",
            "CREATE TABLE late (id int PRIMARY KEY DEFERRABLE)",
            "CREATE TABLE indexed (id int NOT NULL)",
            "CREATE UNIQUE INDEX chosen ON indexed (id); ALTER TABLE indexed REPLICA IDENTITY USING INDEX chosen",
            "CREATE TABLE dropped (id int NOT NULL)",
            "CREATE UNIQUE INDEX gone ON dropped (id); ALTER TABLE dropped REPLICA IDENTITY USING INDEX gone",
            "DROP INDEX gone",
            // The leaf counts, whether it comes under its own name or its root's.
            "CREATE TABLE root (id int) PARTITION BY RANGE (id)",
            "CREATE TABLE good PARTITION OF root (PRIMARY KEY (id)) FOR VALUES FROM (0) TO (10)",
            "CREATE TABLE bad PARTITION OF root FOR VALUES FROM (10) TO (20)",
            "CREATE PUBLICATION pub FOR ALL TABLES",
            "CREATE PUBLICATION via FOR TABLE root WITH (publish_via_partition_root = true)",
            "CREATE PUBLICATION inserts FOR TABLE \"Without\" WITH (publish = 'insert, truncate')",
            "CREATE PUBLICATION updates FOR TABLE \"Without\" WITH (publish = 'update')",
        ]);
        let all = ["public.\"Without\"", "public.bad", "public.dropped", "public.late", "public.nothing"];
        assert_eq!(objects(&Report::case(case, &[]), "replica-identity", WARNING), all);
        let via = Report::case(case, &[("publication", "via")]);
        assert_eq!(objects(&via, "replica-identity", WARNING), ["public.bad"]);
        assert!(!Report::case(case, &[("publication", "inserts")]).has("replica-identity"));
        let updates = Report::case(case, &[("publication", "inserts,updates")]);
        let found = updates.one("replica-identity", WARNING, "public.\"Without\"");
        assert!(found.message.starts_with("UPDATE is published"), "{found:?}");
        // It is as the server sees it.
        for table in ["fine", "\"Without\"", "nothing", "whole", "late", "indexed", "dropped", "good", "bad"] {
            let refused = case.sql.try_run(&format!("UPDATE {table} SET id = id")).is_err();
            let told = all.contains(&format!("public.{table}").as_str());
            assert_eq!(refused, told, "{table}");
        }
    }

    /// A SQL_ASCII database takes any bytes as a name, and gives them back as they are.
    fn names_that_are_no_text(case, from 14) {
        let database = format!("{}_ascii", case.database);
        case.sql.run(&format!("CREATE DATABASE {database} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"));
        let conninfo = case.server.conninfo(&database);
        let mut sql = Sql::connect(&conninfo);
        sql.run(r"SET client_encoding TO 'SQL_ASCII'; DO $$ BEGIN EXECUTE format('CREATE TABLE %I (i int)', E'a\377'); END $$");
        sql.run("CREATE PUBLICATION pub FOR ALL TABLES");
        let report = Report::of(&conninfo, &[("slot", &database), ("publication", "pub"), ("slot.create", "temporary")]).unwrap();
        report.one("replica-identity", WARNING, "public.\"a\u{fffd}\"");
        drop(sql);
        case.sql.run(&format!("DROP DATABASE {database} WITH (FORCE)"));
    }

    fn partitions_under_their_own_names(case, from 14) {
        case.sql.each(&[
            "CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE TABLE middle PARTITION OF root FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id)",
            "CREATE TABLE leaf PARTITION OF middle FOR VALUES FROM (0) TO (10)",
            "CREATE TABLE leaf2 PARTITION OF middle FOR VALUES FROM (10) TO (20)",
            "CREATE PUBLICATION pub FOR TABLE root",
            "CREATE PUBLICATION everything FOR ALL TABLES",
            "CREATE PUBLICATION via FOR TABLE root WITH (publish_via_partition_root = true)",
            "CREATE PUBLICATION single FOR TABLE leaf",
        ]);
        for publication in ["pub", "everything"] {
            let report = Report::case(case, &[("publication", publication)]);
            let found = report.one("partition-root", WARNING, "public.root");
            assert!(found.remedy.contains(publication), "{found:?}");
        }
        // The leaf was asked for by its name.
        for publication in ["via", "single"] {
            let report = Report::case(case, &[("publication", publication)]);
            assert!(!report.has("partition-root"), "{report:?}");
        }
        if case.server.major() >= 15 {
            case.sql.run("CREATE PUBLICATION schema FOR TABLES IN SCHEMA public");
            Report::case(case, &[("publication", "schema")]).one("partition-root", WARNING, "public.root");
        }
    }

    fn generated_columns(case, from 14) {
        case.sql.run(
            "CREATE TABLE t (id int PRIMARY KEY, \"Twice\" int GENERATED ALWAYS AS (id * 2) STORED); \
             CREATE TABLE plain (id int PRIMARY KEY); CREATE PUBLICATION pub FOR ALL TABLES");
        let report = Report::case(case, &[]);
        let found = report.one("generated-columns", INFO, "public.t");
        assert!(found.message.contains("\"Twice\""), "{found:?}");
        if case.server.major() >= 18 {
            case.sql.run("ALTER PUBLICATION pub SET (publish_generated_columns = stored)");
            assert!(!Report::case(case, &[]).has("generated-columns"));
            case.sql.run("ALTER TABLE t ADD virtual int GENERATED ALWAYS AS (id * 3) VIRTUAL");
            let report = Report::case(case, &[]);
            let found = report.one("generated-columns", INFO, "public.t");
            assert!(found.message.contains("virtual") && !found.message.contains("Twice"), "{found:?}");
        }
    }

    fn unlogged_tables(case, from 14) {
        case.sql.each(&[
            "CREATE UNLOGGED TABLE cache (id int PRIMARY KEY)",
            "CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE UNLOGGED TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (10)",
            "CREATE TEMP TABLE passing (id int)",
            "CREATE PUBLICATION pub FOR ALL TABLES",
            "CREATE PUBLICATION one FOR TABLE root",
        ]);
        assert_eq!(objects(&Report::case(case, &[]), "unlogged-table", INFO), ["public.cache", "public.leaf"]);
        let one = Report::case(case, &[("publication", "one")]);
        assert_eq!(objects(&one, "unlogged-table", INFO), ["public.leaf"]);
        if case.server.major() >= 15 {
            case.sql.run("CREATE SCHEMA s; CREATE UNLOGGED TABLE s.u (id int); CREATE PUBLICATION schema FOR TABLES IN SCHEMA s");
            let report = Report::case(case, &[("publication", "schema")]);
            assert_eq!(objects(&report, "unlogged-table", INFO), ["s.u"]);
        }
    }
}
