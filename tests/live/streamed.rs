//! `delivery=as-sent` of what the server streams before its commit: blocks, savepoints, aborts, interleaving.

use std::time::Duration;

use walstream::model::{EventFlag, Kind};

use crate::on_each_major;
use crate::support::{Case, Host, Seen, Sql, assert_tape, wait_until};

const PROMPT: Duration = Duration::from_secs(20);

/// A change so large that the server streams what there is of its transaction at once.
const FILL: &str = "SELECT pg_logical_emit_message(true, 'fill', repeat('x', 70000))";

fn prepare(case: &mut Case<'_>) {
    prepare_table(case, "CREATE TABLE t (id int PRIMARY KEY)");
}

fn prepare_table(case: &mut Case<'_>, table: &str) {
    let early = format!("ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'", case.database);
    case.sql.each(&[&early, table]);
    case.publish();
}

fn as_sent(case: &Case<'_>, streaming: &str) -> Host {
    case.stream(&[("delivery", "as-sent"), ("streaming", streaming), ("messages", "on")])
}

fn streamed_all(events: &[Seen]) {
    for event in events.iter().filter(|event| event.has(EventFlag::STREAMED)) {
        let ends = event.is(Kind::STREAM_COMMIT) || event.is(Kind::STREAM_PREPARE);
        assert_ne!(ends, event.has(EventFlag::NO_IDENTITY), "{event:?}");
        assert!(ends || event.ack_lsn == 0, "{event:?}");
    }
}

/// The values of `streaming` that the server knows.
fn ways(case: &Case<'_>) -> &'static [&'static str] {
    if case.server.major() >= 16 { &["on", "parallel"] } else { &["on"] }
}

on_each_major! {
    /// Blocks, then the commit, which alone is to be acknowledged. Each change tells its subtransaction.
    fn blocks_and_commit(case, from 14) {
        prepare(case);
        case.sql.each(&[
            "BEGIN", "INSERT INTO t VALUES (1)", FILL, "UPDATE t SET id = 2", "SAVEPOINT a", "INSERT INTO t VALUES (3)", FILL,
            "TRUNCATE t", "COMMIT",
        ]);
        for streaming in ways(case) {
            let host = as_sent(case, streaming);
            let events = host.entries(1);
            assert_tape(&events, "
                STREAM_START n x1 streamed
                RELATION n x1/x1 streamed public.t [id int4]
                INSERT n x1/x1 streamed public.t (1)
                MESSAGE n x1 streamed transactional 'fill' x*70000
                STREAM_STOP n x1 streamed
                STREAM_START n x1 streamed
                UPDATE n x1/x1 streamed public.t key(1) (2)
                INSERT n x1/x2 streamed public.t (3)
                MESSAGE n x1 streamed transactional 'fill' x*70000
                STREAM_STOP n x1 streamed
                STREAM_START n x1 streamed
                TRUNCATE n x1/x2 streamed public.t
                STREAM_STOP n x1 streamed
                STREAM_COMMIT #end x1 streamed
            ");
            streamed_all(&events);
            wait_until(PROMPT, "no transaction is open", || host.stats().open_transactions == 0);
            let commit = events.last().unwrap();
            assert!(commit.commit_lsn > events[2].lsn && commit.ack_lsn > commit.commit_lsn && commit.commit_time_us > 0);
            assert_eq!(events[2].commit_lsn, 0, "not known yet");
        }
    }

    /// A savepoint's rollback is told by its subxid; with streaming=parallel also where and when it was.
    fn savepoints_and_aborts(case, from 14) {
        prepare_table(case, "CREATE TABLE t (id int)");
        for streaming in ways(case) {
            let host = as_sent(case, streaming);
            // The server leaves out what it knows to be rolled back, so it must not be yet.
            case.sql.each(&[
                "BEGIN", "INSERT INTO t VALUES (1)", "SAVEPOINT a", "INSERT INTO t VALUES (2)", "SAVEPOINT b", "INSERT INTO t VALUES (3)", FILL,
            ]);
            case.flush();
            let mut events = host.until(Kind::STREAM_STOP);
            case.sql.each(&[
                "ROLLBACK TO a", "INSERT INTO t VALUES (4)", FILL, "COMMIT", "BEGIN", "INSERT INTO t VALUES (5)", FILL,
            ]);
            case.flush();
            events.extend(host.until(Kind::STREAM_COMMIT));
            events.extend(host.until(Kind::STREAM_STOP));
            case.sql.each(&["ROLLBACK", "INSERT INTO t VALUES (6)"]);
            events.extend(host.entries(1));
            assert_tape(&events, "
                STREAM_START n x1 streamed
                RELATION n x1/x1 streamed public.t [id int4]
                INSERT n x1/x1 streamed public.t (1)
                INSERT n x1/x2 streamed public.t (2)
                INSERT n x1/x3 streamed public.t (3)
                MESSAGE n x1 streamed transactional 'fill' x*70000
                STREAM_STOP n x1 streamed
                STREAM_ABORT n x1/x3 streamed
                STREAM_ABORT n x1/x2 streamed
                STREAM_START n x1 streamed
                INSERT n x1/x4 streamed public.t (4)
                MESSAGE n x1 streamed transactional 'fill' x*70000
                STREAM_STOP n x1 streamed
                STREAM_COMMIT #end x1 streamed
                STREAM_START n x5 streamed
                INSERT n x5/x5 streamed public.t (5)
                MESSAGE n x5 streamed transactional 'fill' x*70000
                STREAM_STOP n x5 streamed
                STREAM_ABORT n x5/x5 streamed
                BEGIN #1 x6
                INSERT #2 x6 public.t (6)
                COMMIT #end x6
            ");
            streamed_all(&events);
            for abort in events.iter().filter(|event| event.is(Kind::STREAM_ABORT)) {
                assert_eq!(abort.commit_time_us != 0, *streaming == "parallel", "{abort:?}");
                assert_ne!(abort.lsn, 0);
            }
            wait_until(PROMPT, "no transaction is open", || host.stats().open_transactions == 0);
            host.ack(events.last().unwrap().ack_lsn);
            host.stop(5000);
        }
    }

    /// Blocks of several transactions take turns, with whole ones in between.
    fn interleaved(case, from 14) {
        prepare(case);
        let mut other = Sql::connect(&case.conninfo());
        for step in [
            (1, "BEGIN"), (2, "BEGIN"), (1, "INSERT INTO t VALUES (11)"), (2, "INSERT INTO t VALUES (21)"), (1, FILL), (2, FILL),
            (1, "INSERT INTO t VALUES (12)"), (1, FILL), (3, "INSERT INTO t VALUES (31)"), (2, "INSERT INTO t VALUES (22)"), (2, "COMMIT"),
            (1, "INSERT INTO t VALUES (13)"), (1, "COMMIT"),
        ] {
            match step {
                (1, sql) => case.sql.run(sql),
                (2, sql) => other.run(sql),
                (_, sql) => Sql::connect(&case.conninfo()).run(sql),
            }
        }
        for streaming in ways(case) {
            let host = as_sent(case, streaming);
            let events = host.entries(3);
            assert_tape(&events, "
                STREAM_START n x1 streamed
                RELATION n x1/x1 streamed public.t [id int4]
                INSERT n x1/x1 streamed public.t (11)
                MESSAGE n x1 streamed transactional 'fill' x*70000
                STREAM_STOP n x1 streamed
                STREAM_START n x2 streamed
                RELATION n x2/x2 streamed public.t [id int4]
                INSERT n x2/x2 streamed public.t (21)
                MESSAGE n x2 streamed transactional 'fill' x*70000
                STREAM_STOP n x2 streamed
                STREAM_START n x1 streamed
                INSERT n x1/x1 streamed public.t (12)
                MESSAGE n x1 streamed transactional 'fill' x*70000
                STREAM_STOP n x1 streamed
                BEGIN #1 x3
                RELATION n x3 public.t [id int4]
                INSERT #2 x3 public.t (31)
                COMMIT #end x3
                STREAM_START n x2 streamed
                INSERT n x2/x2 streamed public.t (22)
                STREAM_STOP n x2 streamed
                STREAM_COMMIT #end x2 streamed
                STREAM_START n x1 streamed
                INSERT n x1/x1 streamed public.t (13)
                STREAM_STOP n x1 streamed
                STREAM_COMMIT #end x1 streamed
            ");
            streamed_all(&events);
            let acks: Vec<_> = events.iter().map(|event| event.ack_lsn).filter(|lsn| *lsn != 0).collect();
            assert!(acks.is_sorted());
        }
    }

    /// The origin is told once, in the first block, without a position: the commit is not there yet.
    fn origins(case, from 14) {
        prepare(case);
        let origin = format!("node_{}", case.database);
        case.sql.run(&format!("SELECT pg_replication_origin_create('{origin}')"));
        case.sql.each(&[
            &format!("SELECT pg_replication_origin_session_setup('{origin}')"),
            "BEGIN", "SELECT pg_replication_origin_xact_setup('16/B374D848', '2020-01-01 00:00:00+00')",
            "INSERT INTO t VALUES (1)", FILL, "INSERT INTO t VALUES (2)", "COMMIT",
            "SELECT pg_replication_origin_session_reset()",
            &format!("SELECT pg_replication_origin_drop('{origin}')"),
        ]);
        let host = as_sent(case, "on");
        let events = host.until(Kind::STREAM_COMMIT);
        // PostgreSQL 14 tells of the transaction that made the origin, too.
        let streamed: Vec<_> = events.into_iter().filter(|event| event.has(EventFlag::STREAMED)).collect();
        assert_tape(&streamed, &format!("
            STREAM_START n x1 streamed
            ORIGIN n x1/x1 streamed '{origin}'
            RELATION n x1/x1 streamed public.t [id int4]
            INSERT n x1/x1 streamed public.t (1)
            MESSAGE n x1 streamed transactional 'fill' x*70000
            STREAM_STOP n x1 streamed
            STREAM_START n x1 streamed
            INSERT n x1/x1 streamed public.t (2)
            STREAM_STOP n x1 streamed
            STREAM_COMMIT #end x1 streamed
        "));
        assert_eq!(streamed[1].origin_lsn, 0);
    }

    /// A definition that only a streamed transaction has does not touch rows outside of it, nor others' after its rollback.
    fn definitions_of_a_rolled_back_one(case, from 14) {
        prepare(case);
        let host = as_sent(case, "on");
        case.sql.each(&["INSERT INTO t VALUES (1)", "BEGIN", "ALTER TABLE t ADD v text", "INSERT INTO t VALUES (2, 'b')", FILL]);
        // The server leaves out what it knows to be rolled back, so it must not be yet.
        case.flush();
        let mut events = host.until(Kind::STREAM_STOP);
        case.sql.each(&[
            "ROLLBACK", "INSERT INTO t VALUES (3)",
            "BEGIN", "ALTER TABLE t ADD w int", "INSERT INTO t VALUES (4, 5)", FILL, "COMMIT",
            "INSERT INTO t VALUES (6, 7)",
        ]);
        events.extend(host.entries(3));
        let rows: Vec<_> = events.into_iter().filter(|event| event.is(Kind::INSERT)).collect();
        let columns: Vec<_> = rows.iter().map(|row| (row.text(0).to_owned(), row.columns.join(","))).collect();
        let expected = [("1", "id"), ("2", "id,v"), ("3", "id"), ("4", "id,w"), ("6", "id,w")];
        assert_eq!(columns, expected.map(|(id, columns)| (id.to_owned(), columns.to_owned())));
        assert_eq!(rows[0].version, rows[2].version);
        assert_eq!(rows[3].version, rows[4].version);
    }
}
