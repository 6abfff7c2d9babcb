//! `delivery=committed` of transactions that the server streams before their commit.

use std::time::Duration;

use walstream::model::Kind;

use crate::on_each_major;
use crate::support::{Case, Val, assert_tape, wait_until};

/// Small enough that a few hundred rows are streamed.
const STREAM_EARLY: &str = "ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'";

fn prepare(case: &mut Case<'_>) {
    let early = STREAM_EARLY.replace("{}", &case.database);
    case.sql.run(&early);
    case.sql.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
    case.publish();
}

on_each_major! {
    /// Rule 1, 2, 4: whatever way it comes, a large transaction is one BEGIN … COMMIT with rising seq.
    fn large_transactions_come_whole(case, from 14) {
        prepare(case);
        case.sql.run("INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series(1, 3000) g");
        let seen = ["off", "on"].map(|streaming| {
            let host = case.stream(&[("streaming", streaming)]);
            let events = host.until(Kind::COMMIT);
            assert_eq!(host.stats().open_transactions, 0);
            host.stop(5000);
            events
        });
        let streamed = format!("SELECT stream_txns FROM pg_stat_replication_slots WHERE slot_name = '{}'", case.slot());
        wait_until(Duration::from_secs(20), "the server says that it streamed", || case.sql.value(&streamed) != "0");
        let [plain, streamed] = &seen;
        assert_eq!(plain.len(), 3003, "BEGIN, RELATION, rows, COMMIT");
        let names: Vec<_> = plain.iter().map(|e| (e.kind, e.commit_lsn, e.seq, e.xid, e.new.clone(), e.ack_lsn)).collect();
        let same: Vec<_> = streamed.iter().map(|e| (e.kind, e.commit_lsn, e.seq, e.xid, e.new.clone(), e.ack_lsn)).collect();
        assert!(names == same, "streamed and plain delivery differ");
        let seqs: Vec<_> = plain.iter().filter(|e| e.is(Kind::INSERT)).map(|e| e.seq).collect();
        assert_eq!(seqs, (2..3002).collect::<Vec<_>>());
        assert_eq!(plain[0].seq, 1);
        assert_eq!(plain[3002].seq, u64::MAX);
        assert!(plain[2].new[1] == Val::Text("x".repeat(200)));
    }

    /// Rolled-back savepoints vanish, others stay, in order.
    fn savepoints_vanish(case, from 14) {
        prepare(case);
        let fill = |from: i32| format!("INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series({from}, {}) g", from + 999);
        case.sql.run("BEGIN");
        case.sql.run(&fill(0));
        case.sql.run("SAVEPOINT a");
        case.sql.run(&fill(1000));
        case.sql.run("SAVEPOINT b");
        case.sql.run(&fill(2000));
        case.sql.run("ROLLBACK TO a");
        case.sql.run(&fill(3000));
        case.sql.run("SAVEPOINT c");
        case.sql.run(&fill(4000));
        case.sql.run("RELEASE c");
        case.sql.run("SAVEPOINT d");
        case.sql.run(&fill(5000));
        case.sql.run("ROLLBACK TO d");
        case.sql.run("COMMIT");
        let host = case.stream(&[]);
        let events = host.until(Kind::COMMIT);
        let ids: Vec<i32> = events.iter().filter(|e| e.is(Kind::INSERT)).map(|e| e.text(0).parse().unwrap()).collect();
        let expected: Vec<i32> = (0..1000).chain(3000..5000).collect();
        assert!(ids == expected, "{} rows", ids.len());
    }

    /// A rolled-back transaction is never seen, and interleaved ones come apart in commit order.
    fn rolled_back_and_interleaved(case, from 14) {
        prepare(case);
        let host = case.stream(&[]);
        let mut other = crate::support::Sql::connect(&case.conninfo());
        let fill = |from: i32| format!("INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series({from}, {}) g", from + 999);
        other.run("BEGIN");
        case.sql.run("BEGIN");
        for i in 0..3 {
            other.run(&fill(i * 1000));
            case.sql.run(&fill(100_000 + i * 1000));
        }
        other.run("ROLLBACK");
        other.run("BEGIN");
        other.run(&fill(200_000));
        case.sql.run(&fill(103_000));
        other.run("COMMIT");
        case.sql.run("COMMIT");
        let first = host.until(Kind::COMMIT);
        let second = host.until(Kind::COMMIT);
        let ids = |events: &[crate::support::Seen]| -> Vec<i32> {
            events.iter().filter(|e| e.is(Kind::INSERT)).map(|e| e.text(0).parse().unwrap()).collect()
        };
        assert!(ids(&first) == (200_000..201_000).collect::<Vec<_>>());
        assert!(ids(&second) == (100_000..104_000).collect::<Vec<_>>());
        assert!(first.last().unwrap().commit_lsn < second.last().unwrap().commit_lsn);
    }

    /// A transactional message is rolled back with its savepoint. Streamed, it would not tell which one that is.
    fn messages_of_savepoints_vanish(case, from 14) {
        prepare(case);
        case.sql.each(&[
            "BEGIN",
            "INSERT INTO t VALUES (1)",
            "SAVEPOINT a",
            "SELECT pg_logical_emit_message(true, 'lost', repeat('x', 70000))",
            "ROLLBACK TO a",
            "SELECT pg_logical_emit_message(true, 'kept', repeat('y', 70000))",
            "COMMIT",
        ]);
        for streaming in ["auto", "on"] {
            let host = case.stream(&[("messages", "on"), ("streaming", streaming)]);
            assert_tape(&host.entries(1), "
                BEGIN #1 x1
                RELATION n x1 public.t [id int4,v text]
                INSERT #2 x1 public.t (1,null)
                MESSAGE #3 x1 transactional 'kept' y*70000
                COMMIT #end x1
            ");
        }
    }
}
