//! Prepared transactions in `delivery=committed` (rules 1, 2, 11, 12).

use walstream::model::Kind;

use crate::on_each_major;
use crate::support::{Case, Host, Seen, Sql};

fn prepare(case: &mut Case<'_>) {
    let early = format!("ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'", case.database);
    case.sql.each(&[
        &early,
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "CREATE PUBLICATION pub FOR ALL TABLES",
    ]);
    let sql =
        format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput', false, true)", case.slot());
    case.sql.run(&sql);
    // A session that was there before the setting does not have it.
    case.sql = Sql::connect(&case.conninfo());
}

/// Together more than the server's memory for changes; the first of them is the larger one.
const MUCH: &str = "SELECT pg_logical_emit_message(true, 'much', repeat('x', 45000))";
const MORE: &str = "SELECT pg_logical_emit_message(true, 'more', repeat('x', 30000))";

fn kinds(events: &[Seen]) -> Vec<&'static str> {
    events.iter().filter(|e| !e.is(Kind::RELATION)).map(Seen::kind_name).collect()
}

/// A host for which the slot decodes prepares from behind the first transaction on, and that transaction's end.
fn decoding_prepares_from_now(case: &mut Case<'_>) -> (Host, u64) {
    let options = [("slot.wait_ms", "20000"), ("retry.initial_ms", "10"), ("two_phase", "on")];
    let plain = case.stream(&options[..2]);
    let end = plain.until(Kind::COMMIT).pop().unwrap().ack_lsn;
    plain.ack(end);
    case.wait_confirmed(end);
    plain.stop(5000);
    drop(plain);
    (case.stream(&options), end)
}

/// Prepared before `end`, sent at its commit, which is what counts.
fn expect_late(events: &[Seen], end: u64) {
    assert_eq!(kinds(events), ["BEGIN_PREPARE", "INSERT", "PREPARE", "COMMIT_PREPARED"]);
    let prepare = events.iter().find(|e| e.is(Kind::PREPARE)).unwrap();
    assert_eq!(prepare.ack_lsn, 0);
    assert!(prepare.commit_lsn < end);
}

on_each_major! {
    /// PREPARE comes before the commit, with its GID, then how it ended.
    fn commit_and_rollback(case, from 15) {
        prepare(case);
        let host = case.stream(&[("two_phase", "on")]);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", "PREPARE TRANSACTION '2pc one'"]);
        let events = host.until(Kind::PREPARE);
        assert_eq!(kinds(&events), ["BEGIN_PREPARE", "INSERT", "PREPARE"]);
        let (begin, end) = (&events[0], events.last().unwrap());
        assert_eq!((begin.seq, end.seq), (1, u64::MAX));
        assert_eq!((begin.name.as_deref(), end.name.as_deref()), (Some("2pc one"), Some("2pc one")));
        assert!(end.ack_lsn > end.commit_lsn && begin.commit_lsn == end.commit_lsn);
        case.sql.run("COMMIT PREPARED '2pc one'");
        let commit = host.until(Kind::COMMIT_PREPARED).pop().unwrap();
        assert_eq!((commit.seq, commit.name.as_deref()), (1, Some("2pc one")));
        assert!(commit.commit_lsn >= end.ack_lsn && commit.ack_lsn > commit.commit_lsn);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (2)", "PREPARE TRANSACTION '2pc two'", "ROLLBACK PREPARED '2pc two'"]);
        let prepare_end = host.until(Kind::PREPARE).pop().unwrap().ack_lsn;
        let rollback = host.until(Kind::ROLLBACK_PREPARED).pop().unwrap();
        assert_eq!((rollback.seq, rollback.commit_lsn, rollback.prepare_end_lsn), (0, rollback.ack_lsn, prepare_end));
        host.ack(rollback.ack_lsn);
        case.wait_confirmed(rollback.ack_lsn);
    }

    /// The slot decides, not the option: a two_phase slot is decoded whatever was asked.
    fn the_slot_decides(case, from 15) {
        prepare(case);
        let host = case.stream(&[]);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", "PREPARE TRANSACTION '2pc the slot decides'", "COMMIT PREPARED '2pc the slot decides'"]);
        assert_eq!(kinds(&host.until(Kind::COMMIT_PREPARED)), ["BEGIN_PREPARE", "INSERT", "PREPARE", "COMMIT_PREPARED"]);
    }

    /// Streamed before its PREPARE, it looks the same.
    fn streamed(case, from 15) {
        prepare(case);
        let host = case.stream(&[("two_phase", "on")]);
        case.sql.each(&[
            "BEGIN",
            "INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series(1, 2000) g",
            "SAVEPOINT s",
            "INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series(10001, 12000) g",
            "ROLLBACK TO s",
            "PREPARE TRANSACTION '2pc big'",
        ]);
        let events = host.until(Kind::PREPARE);
        assert!(events[0].is(Kind::BEGIN_PREPARE));
        let rows: Vec<_> = events.iter().filter(|e| e.is(Kind::INSERT)).collect();
        assert_eq!(rows.len(), 2000);
        assert!(rows.iter().enumerate().all(|(i, e)| e.seq == i as u64 + 2));
        case.sql.run("ROLLBACK PREPARED '2pc big'");
        host.until(Kind::ROLLBACK_PREPARED);
    }

    /// Unacknowledged, a PREPARE comes again to the next process; acknowledged, its end comes alone.
    fn across_processes(case, from 15) {
        prepare(case);
        let options = [("two_phase", "on"), ("slot.wait_ms", "20000")];
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", "PREPARE TRANSACTION '2pc across processes'"]);
        let first = case.stream(&options).until(Kind::PREPARE);
        let second_host = case.stream(&options);
        let second = second_host.until(Kind::PREPARE);
        assert_eq!(first.iter().map(Seen::identity).collect::<Vec<_>>(), second.iter().map(Seen::identity).collect::<Vec<_>>());
        let end = second.last().unwrap().ack_lsn;
        second_host.ack(end);
        case.wait_confirmed(end);
        second_host.stop(5000);
        case.sql.run("COMMIT PREPARED '2pc across processes'");
        let third = case.stream(&options).until(Kind::COMMIT_PREPARED);
        assert_eq!(kinds(&third), ["COMMIT_PREPARED"]);
    }

    /// Rule 12: prepared before the slot decoded prepares, it comes late, with nothing to acknowledge but its end.
    fn late(case, from 15) {
        case.sql.each(&["CREATE TABLE t (id int PRIMARY KEY, v text)"]);
        case.publish();
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", "PREPARE TRANSACTION '2pc early'", "INSERT INTO t VALUES (2)"]);
        let (host, end) = decoding_prepares_from_now(case);
        case.sql.run("COMMIT PREPARED '2pc early'");
        let events = host.until(Kind::COMMIT_PREPARED);
        expect_late(&events, end);
        let pid = case.walsender().expect("streaming");
        case.sql.run(&format!("SELECT pg_terminate_backend({pid})"));
        case.sql.run("INSERT INTO t VALUES (3)");
        assert_eq!(kinds(&host.until(Kind::COMMIT)), ["BEGIN", "INSERT", "COMMIT"], "nothing twice after a reconnect");
        host.ack(host.stats().delivered_lsn);
    }

    /// The same, streamed before its COMMIT PREPARED: another transaction needs the server's memory.
    fn late_and_streamed(case, from 15) {
        case.sql.each(&["CREATE TABLE t (id int PRIMARY KEY, v text)", "CREATE PUBLICATION pub FOR ALL TABLES"]);
        let make = format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", case.slot());
        let early = format!("ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'", case.database);
        case.sql.each(&[&early, &make]);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", MUCH, "PREPARE TRANSACTION '2pc early and streamed'", "INSERT INTO t VALUES (2)"]);
        let (host, end) = decoding_prepares_from_now(case);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (3)", MORE, "COMMIT"]);
        assert_eq!(kinds(&host.until(Kind::COMMIT)), ["BEGIN", "INSERT", "COMMIT"]);
        assert_eq!(host.stats().open_transactions, 1, "it is being streamed");
        case.sql.run("COMMIT PREPARED '2pc early and streamed'");
        let events = host.until(Kind::COMMIT_PREPARED);
        expect_late(&events, end);
        let end = events.last().unwrap().ack_lsn;
        host.ack(end);
        case.wait_confirmed(end);
    }

    /// Prepared for an earlier process and acknowledged: the server may stream it all the same, and tells only how it ended.
    fn blocks_of_one_that_is_prepared(case, from 15) {
        prepare(case);
        let options = [("two_phase", "on"), ("slot.wait_ms", "20000")];
        for (row, end, kind) in [(1, "COMMIT", Kind::COMMIT_PREPARED), (3, "ROLLBACK", Kind::ROLLBACK_PREPARED)] {
            let first = case.stream(&options);
            case.sql.each(&["BEGIN", &format!("INSERT INTO t VALUES ({row})"), MUCH, "PREPARE TRANSACTION '2pc blocks'"]);
            let prepared = first.until(Kind::PREPARE).pop().unwrap().ack_lsn;
            first.ack(prepared);
            case.wait_confirmed(prepared);
            first.stop(5000);
            drop(first);
            let host = case.stream(&options);
            case.sql.each(&["BEGIN", &format!("INSERT INTO t VALUES ({row} + 1)"), MORE, "COMMIT"]);
            assert_eq!(kinds(&host.until(Kind::COMMIT)), ["BEGIN", "INSERT", "COMMIT"]);
            assert_eq!(host.stats().open_transactions, 1, "it is being streamed");
            case.sql.run(&format!("{end} PREPARED '2pc blocks'"));
            let events = host.until(kind);
            assert_eq!(events.len(), 1, "{events:?}");
            assert_eq!(host.stats().open_transactions, 0);
            host.ack(events[0].ack_lsn);
            case.wait_confirmed(events[0].ack_lsn);
            host.stop(5000);
        }
    }
}
