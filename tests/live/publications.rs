//! What publications leave out or turn round: column lists, row filters, generated columns, partitions.

use crate::on_each_major;
use crate::support::{Case, Host, assert_tape};

fn publish(case: &mut Case<'_>, publication: &str) {
    case.sql.run(&format!("CREATE PUBLICATION pub {publication}"));
    let make = format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", case.slot());
    case.sql.run(&make);
}

fn as_sent(case: &Case<'_>) -> Host {
    case.stream(&[("delivery", "as-sent")])
}

on_each_major! {
    /// Only the listed columns are there, in the table's order.
    fn column_lists(case, from 15) {
        case.sql.run("CREATE TABLE t (a text, id int PRIMARY KEY, b int, c text)");
        publish(case, "FOR TABLE t (c, id)");
        case.sql.run("BEGIN; INSERT INTO t VALUES ('a', 1, 2, 'c'); UPDATE t SET a = 'z'; UPDATE t SET id = 3; DELETE FROM t; COMMIT");
        let host = as_sent(case);
        assert_tape(&host.entries(1), "
            BEGIN #1 x1
            RELATION n x1 public.t [id int4,c text]
            INSERT #2 x1 public.t (1,c)
            UPDATE #3 x1 public.t (1,c)
            UPDATE #4 x1 public.t key(1,-) (3,c)
            DELETE #5 x1 public.t key(3,-)
            COMMIT #end x1
        ");
    }

    /// A filter turns an UPDATE that crosses it into an INSERT or a DELETE.
    fn row_filters(case, from 15) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY, a text)");
        publish(case, "FOR TABLE t WHERE (id < 10)");
        case.sql.run(
            "BEGIN; INSERT INTO t VALUES (1, 'in'), (11, 'out'); UPDATE t SET id = 12 WHERE id = 1; UPDATE t SET id = 2 WHERE id = 11; \
             UPDATE t SET a = 'same' WHERE id = 2; DELETE FROM t; COMMIT",
        );
        case.sql.run("INSERT INTO t VALUES (20, 'out')");
        case.sql.run("TRUNCATE t");
        let host = as_sent(case);
        assert_tape(&host.entries(2), "
            BEGIN #1 x1
            RELATION n x1 public.t [id int4,a text]
            INSERT #2 x1 public.t (1,in)
            DELETE #3 x1 public.t key(1,-)
            INSERT #4 x1 public.t (2,out)
            UPDATE #5 x1 public.t (2,same)
            DELETE #6 x1 public.t key(2,-)
            COMMIT #end x1
            BEGIN #1 x2
            TRUNCATE #2 x2 public.t
            COMMIT #end x2
        ");
    }

    /// Only some kinds of change are published.
    fn published_operations(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        publish(case, "FOR TABLE t WITH (publish = 'insert, truncate')");
        case.sql.run("BEGIN; INSERT INTO t VALUES (1); UPDATE t SET id = 2; DELETE FROM t; TRUNCATE t; COMMIT");
        let host = as_sent(case);
        assert_tape(&host.entries(1), "
            BEGIN #1 x1
            RELATION n x1 public.t [id int4]
            INSERT #2 x1 public.t (1)
            TRUNCATE #3 x1 public.t
            COMMIT #end x1
        ");
    }

    /// Generated columns are left out, unless PostgreSQL 18 is told to send the stored ones, by the publication or by a list.
    fn generated_columns(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY, d int GENERATED ALWAYS AS (id * 2) STORED, a text)");
        publish(case, "FOR TABLE t");
        case.sql.run("INSERT INTO t VALUES (1, DEFAULT, 'a')");
        assert_tape(&as_sent(case).entries(1), "
            BEGIN #1 x1
            RELATION n x1 public.t [id int4,a text]
            INSERT #2 x1 public.t (1,a)
            COMMIT #end x1
        ");
        if case.server.major() < 18 {
            return;
        }
        for change in ["SET (publish_generated_columns = stored)", "SET TABLE t (id, d)"] {
            case.sql.each(&[&format!("ALTER PUBLICATION pub {change}"), "DELETE FROM t", "INSERT INTO t VALUES (2, DEFAULT, 'b')"]);
        }
        assert_tape(&as_sent(case).entries(5), "
            BEGIN #1 x1
            RELATION n x1 public.t [id int4,a text]
            INSERT #2 x1 public.t (1,a)
            COMMIT #end x1
            BEGIN #1 x2
            RELATION n x2 public.t [id int4,d int4,a text]
            DELETE #2 x2 public.t key(1,-,-)
            COMMIT #end x2
            BEGIN #1 x3
            INSERT #2 x3 public.t (2,4,b)
            COMMIT #end x3
            BEGIN #1 x4
            RELATION n x4 public.t [id int4,d int4]
            DELETE #2 x4 public.t key(2,-)
            COMMIT #end x4
            BEGIN #1 x5
            INSERT #2 x5 public.t (2,4)
            COMMIT #end x5
        ");
    }

    /// Partitions speak for themselves, or their root for them, in its order of columns.
    fn partitions(case, from 14) {
        case.sql.each(&[
            "CREATE TABLE p (id int PRIMARY KEY, a text) PARTITION BY RANGE (id)",
            "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
            "CREATE TABLE p2 (a text, id int NOT NULL)",
            "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10) TO (20)",
        ]);
        let changes = "BEGIN; INSERT INTO p VALUES (1, 'one'), (11, 'two'); UPDATE p SET id = 12 WHERE id = 1; DELETE FROM p WHERE id = 11; \
                       TRUNCATE p1; TRUNCATE p; COMMIT";
        publish(case, "FOR TABLE p");
        case.sql.run(changes);
        let host = as_sent(case);
        let events = host.entries(1);
        assert_tape(&events, "
            BEGIN #1 x1
            RELATION n x1 public.p1 [id int4,a text]
            INSERT #2 x1 public.p1 (1,one)
            RELATION n x1 public.p2 [a text,id int4]
            INSERT #3 x1 public.p2 (two,11)
            DELETE #4 x1 public.p1 key(1,-)
            INSERT #5 x1 public.p2 (one,12)
            DELETE #6 x1 public.p2 key(-,11)
            TRUNCATE #7 x1 public.p1
            TRUNCATE #8 x1 public.p1,public.p2
            COMMIT #end x1
        ");
        host.ack(events.last().unwrap().ack_lsn);
        host.stop(5000);
        case.sql.run("ALTER PUBLICATION pub SET (publish_via_partition_root = true)");
        case.sql.run(changes);
        let rooted = as_sent(case);
        // PostgreSQL 14 tells of the ALTER, too, as a transaction without changes.
        let entries = if case.server.major() == 14 { rooted.entries(2).split_off(2) } else { rooted.entries(1) };
        assert_tape(&entries, "
            BEGIN #1 x1
            RELATION n x1 public.p [id int4,a text]
            INSERT #2 x1 public.p (1,one)
            INSERT #3 x1 public.p (11,two)
            DELETE #4 x1 public.p key(1,-)
            INSERT #5 x1 public.p (12,one)
            DELETE #6 x1 public.p key(11,-)
            TRUNCATE #7 x1 public.p
            COMMIT #end x1
        ");
    }

    /// Several publications, names that need quotes, and a table that joins later.
    fn several_publications(case, from 14) {
        case.sql.each(&["CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "CREATE TABLE c (id int)"]);
        case.sql.each(&["CREATE PUBLICATION \"P, \"\"q\"\"'\" FOR TABLE a", "CREATE PUBLICATION other FOR TABLE b"]);
        publish(case, "");
        case.sql.each(&["INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)", "INSERT INTO c VALUES (1)"]);
        case.sql.each(&["ALTER PUBLICATION other ADD TABLE c", "INSERT INTO c VALUES (2)"]);
        let host = case.stream(&[("delivery", "as-sent"), ("publication", r#"OTHER, "P, ""q""'""#)]);
        let mut events = Vec::new();
        while events.iter().filter(|event: &&crate::support::Seen| !event.new.is_empty()).count() < 3 {
            events.push(host.event());
        }
        let rows: Vec<_> = events.iter().filter(|event| !event.new.is_empty()).map(|event| (event.table.as_str(), event.text(0))).collect();
        assert_eq!(rows, [("public.a", "1"), ("public.b", "1"), ("public.c", "2")]);
    }
}
