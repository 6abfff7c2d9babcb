//! Prepared transactions, as sent: BEGIN_PREPARE … PREPARE, then COMMIT_PREPARED or ROLLBACK_PREPARED; streamed ones; and
//! slots that decode them whatever was asked. Their names belong to the whole server: each test has its own.

use walstream::model::Kind;

use crate::on_each_major;
use crate::support::{Case, Host, Seen, assert_tape};

const FILL: &str = "SELECT pg_logical_emit_message(true, 'fill', repeat('x', 70000))";

/// Together more than the server's memory for changes; the first of them is the larger one.
const MUCH: &str = "SELECT pg_logical_emit_message(true, 'much', repeat('x', 45000))";
const MORE: &str = "SELECT pg_logical_emit_message(true, 'more', repeat('x', 30000))";

fn prepare(case: &mut Case<'_>) {
    let early = format!("ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'", case.database);
    case.sql.each(&[&early, "CREATE TABLE t (id int PRIMARY KEY)"]);
    case.publish();
}

fn as_sent(case: &Case<'_>, options: &[(&str, &str)]) -> Host {
    let mut all = vec![("delivery", "as-sent"), ("two_phase", "on"), ("messages", "on")];
    all.extend_from_slice(options);
    case.stream(&all)
}

fn ends(events: &[Seen]) -> Vec<&Seen> {
    let kinds = [Kind::PREPARE, Kind::STREAM_PREPARE, Kind::COMMIT_PREPARED, Kind::ROLLBACK_PREPARED];
    events.iter().filter(|event| kinds.iter().any(|kind| event.is(*kind))).collect()
}

on_each_major! {
    /// What ends each, and what names it (rules 1 and 2).
    fn commit_and_rollback(case, from 15) {
        prepare(case);
        let host = as_sent(case, &[]);
        case.sql.each(&[
            "BEGIN", "INSERT INTO t VALUES (1)", "PREPARE TRANSACTION 'one'",
            "BEGIN", "INSERT INTO t VALUES (2)", "PREPARE TRANSACTION 'two'",
            "INSERT INTO t VALUES (3)",
        ]);
        // The server leaves out what it knows to be rolled back, so it must not be yet.
        let mut events = host.entries(3);
        case.sql.each(&["ROLLBACK PREPARED 'two'", "COMMIT PREPARED 'one'"]);
        events.extend(host.entries(2));
        assert_tape(&events, "
            BEGIN_PREPARE #1 x1 'one'
            RELATION n x1 public.t [id int4]
            INSERT #2 x1 public.t (1)
            PREPARE #end x1 'one'
            BEGIN_PREPARE #1 x2 'two'
            INSERT #2 x2 public.t (2)
            PREPARE #end x2 'two'
            BEGIN #1 x3
            INSERT #2 x3 public.t (3)
            COMMIT #end x3
            ROLLBACK_PREPARED #0 x2 'two'
            COMMIT_PREPARED #1 x1 'one'
        ");
        let [one, two, rolled_back, committed] = ends(&events)[..] else { panic!() };
        assert_eq!((rolled_back.prepare_end_lsn, rolled_back.commit_lsn), (two.ack_lsn, rolled_back.ack_lsn));
        assert!(committed.commit_lsn > one.ack_lsn && committed.ack_lsn > committed.commit_lsn);
        assert!(committed.commit_time_us >= one.commit_time_us);
        host.ack(committed.ack_lsn);
        case.wait_confirmed(committed.ack_lsn);
    }

    /// Nothing published in it: the prepare comes all the same, and so does its end.
    fn empty_ones(case, from 15) {
        prepare(case);
        let host = as_sent(case, &[]);
        case.sql.each(&[
            "BEGIN", "CREATE TABLE other (id int)", "PREPARE TRANSACTION 'empty'", "COMMIT PREPARED 'empty'",
        ]);
        assert_tape(&host.entries(2), "
            BEGIN_PREPARE #1 x1 'empty'
            PREPARE #end x1 'empty'
            COMMIT_PREPARED #1 x1 'empty'
        ");
    }

    /// Streamed, then prepared.
    fn streamed(case, from 15) {
        prepare(case);
        let host = as_sent(case, &[]);
        case.sql.each(&[
            "BEGIN", "INSERT INTO t VALUES (1)", FILL, "SAVEPOINT a", "INSERT INTO t VALUES (2)", "PREPARE TRANSACTION 'long one'",
            "BEGIN", "INSERT INTO t VALUES (3)", FILL, "PREPARE TRANSACTION 'long two'",
        ]);
        // The server leaves out what it knows to be rolled back, so it must not be yet.
        let mut events = host.entries(2);
        case.sql.each(&["ROLLBACK PREPARED 'long two'", "COMMIT PREPARED 'long one'"]);
        events.extend(host.entries(2));
        assert_tape(&events, "
            STREAM_START n x1 streamed
            RELATION n x1/x1 streamed public.t [id int4]
            INSERT n x1/x1 streamed public.t (1)
            MESSAGE n x1 streamed transactional 'fill' x*70000
            STREAM_STOP n x1 streamed
            STREAM_START n x1 streamed
            INSERT n x1/x2 streamed public.t (2)
            STREAM_STOP n x1 streamed
            STREAM_PREPARE #end x1 streamed 'long one'
            STREAM_START n x3 streamed
            INSERT n x3/x3 streamed public.t (3)
            MESSAGE n x3 streamed transactional 'fill' x*70000
            STREAM_STOP n x3 streamed
            STREAM_PREPARE #end x3 streamed 'long two'
            ROLLBACK_PREPARED #0 x3 'long two'
            COMMIT_PREPARED #1 x1 'long one'
        ");
        let [one, two, rolled_back, _] = ends(&events)[..] else { panic!() };
        assert!(one.ack_lsn > one.commit_lsn && one.commit_time_us > 0);
        assert_eq!(rolled_back.prepare_end_lsn, two.ack_lsn);
    }

    /// A slot that was made with two_phase decodes prepares, also for a host that did not ask for it.
    fn by_the_slot_alone(case, from 15) {
        case.sql.each(&["CREATE TABLE t (id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES"]);
        let make = format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput', false, true)", case.slot());
        case.sql.run(&make);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", "PREPARE TRANSACTION 'alone'", "COMMIT PREPARED 'alone'"]);
        for delivery in ["as-sent", "committed"] {
            for protocol in ["auto", "2", "1"] {
                let host = case.stream(&[("delivery", delivery), ("protocol_version", protocol)]);
                assert_tape(&host.entries(2), "
                    BEGIN_PREPARE #1 x1 'alone'
                    RELATION n x1 public.t [id int4]
                    INSERT #2 x1 public.t (1)
                    PREPARE #end x1 'alone'
                    COMMIT_PREPARED #1 x1 'alone'
                ");
                host.stop(5000);
            }
        }
    }

    /// PostgreSQL 14 has such slots, but pgoutput does not know prepares there.
    fn by_the_slot_alone_on_14(case, from 14) {
        if case.server.major() > 14 {
            return;
        }
        case.sql.each(&["CREATE TABLE t (id int PRIMARY KEY)", "CREATE PUBLICATION pub FOR ALL TABLES"]);
        let make = format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput', false, true)", case.slot());
        case.sql.run(&make);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", "PREPARE TRANSACTION 'alone on 14'", "COMMIT PREPARED 'alone on 14'"]);
        let host = case.stream(&[("delivery", "as-sent")]);
        assert_tape(&host.entries(1), "
            BEGIN #1 x1
            RELATION n x1 public.t [id int4]
            INSERT #2 x1 public.t (1)
            COMMIT #end x1
        ");
    }

    /// Rule 12: prepared before the slot decoded prepares. It comes at its commit, and only that can be acknowledged.
    fn late_prepares(case, from 15) {
        prepare(case);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", "PREPARE TRANSACTION 'late'", "INSERT INTO t VALUES (2)"]);
        let first = case.stream(&[]);
        let before = first.entries(1);
        first.ack(before.last().unwrap().ack_lsn);
        first.stop(5000);
        drop(first);
        let host = as_sent(case, &[]);
        case.sql.run("COMMIT PREPARED 'late'");
        let events = host.entries(1);
        assert_tape(&events, "
            BEGIN_PREPARE #1 x1 'late'
            RELATION n x1 public.t [id int4]
            INSERT #2 x1 public.t (1)
            PREPARE #end x1 'late'
            COMMIT_PREPARED #1 x1 'late'
        ");
        assert!(events[0].commit_lsn < before[0].commit_lsn, "prepared before");
        assert_eq!(events[3].ack_lsn, 0);
        host.ack(events[4].ack_lsn);
        case.wait_confirmed(events[4].ack_lsn);
    }

    /// The same, streamed before its COMMIT PREPARED: another transaction needs the server's memory.
    fn late_and_streamed(case, from 15) {
        prepare(case);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", MUCH, "PREPARE TRANSACTION 'late streamed'", "INSERT INTO t VALUES (2)"]);
        let first = case.stream(&[]);
        let before = first.entries(1);
        first.ack(before.last().unwrap().ack_lsn);
        first.stop(5000);
        drop(first);
        let host = as_sent(case, &[]);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (3)", MORE, "COMMIT"]);
        let mut events = host.entries(1);
        case.sql.run("COMMIT PREPARED 'late streamed'");
        events.extend(host.entries(1));
        assert_tape(&events, "
            STREAM_START n x1 streamed
            RELATION n x1/x1 streamed public.t [id int4]
            INSERT n x1/x1 streamed public.t (1)
            MESSAGE n x1 streamed transactional 'much' x*45000
            STREAM_STOP n x1 streamed
            BEGIN #1 x2
            RELATION n x2 public.t [id int4]
            INSERT #2 x2 public.t (3)
            MESSAGE #3 x2 transactional 'more' x*30000
            COMMIT #end x2
            STREAM_PREPARE #end x1 streamed 'late streamed'
            COMMIT_PREPARED #1 x1 'late streamed'
        ");
        let [prepare, commit] = ends(&events)[..] else { panic!() };
        assert!(prepare.commit_lsn < before[0].commit_lsn, "prepared before");
        assert_eq!(prepare.ack_lsn, 0);
        host.ack(commit.ack_lsn);
        case.wait_confirmed(commit.ack_lsn);
    }

    /// Acknowledged by an earlier process, and streamed all the same: its end is the end of its blocks.
    fn blocks_of_one_that_is_prepared(case, from 15) {
        prepare(case);
        for (row, end) in [(1, "COMMIT"), (3, "ROLLBACK")] {
            let first = as_sent(case, &[]);
            case.sql.each(&["BEGIN", &format!("INSERT INTO t VALUES ({row})"), MUCH, "PREPARE TRANSACTION 'blocks'"]);
            first.ack(first.entries(1).last().unwrap().ack_lsn);
            first.stop(5000);
            drop(first);
            let host = as_sent(case, &[]);
            case.sql.each(&["BEGIN", &format!("INSERT INTO t VALUES ({row} + 1)"), MORE, "COMMIT"]);
            let events = host.entries(1);
            assert!(events[0].is(Kind::STREAM_START));
            assert_eq!(host.stats().open_transactions, 1);
            case.sql.run(&format!("{end} PREPARED 'blocks'"));
            let ended = host.entries(1);
            assert_eq!(ends(&ended).len(), 1);
            assert_eq!(ended.last().unwrap().xid, events[0].xid);
            assert_eq!(host.stats().open_transactions, 0);
            host.ack(ended.last().unwrap().ack_lsn);
            host.stop(5000);
        }
    }

    /// The PREPARE was acknowledged by an earlier process: only its end comes.
    fn the_end_alone(case, from 15) {
        prepare(case);
        let first = as_sent(case, &[]);
        case.sql.each(&["BEGIN", "INSERT INTO t VALUES (1)", "PREPARE TRANSACTION 'ended one'", "BEGIN", "INSERT INTO t VALUES (2)", "PREPARE TRANSACTION 'ended two'"]);
        let prepared = first.entries(2);
        first.ack(prepared.last().unwrap().ack_lsn);
        first.stop(5000);
        drop(first);
        case.sql.each(&["COMMIT PREPARED 'ended one'", "ROLLBACK PREPARED 'ended two'"]);
        let host = as_sent(case, &[]);
        let events = host.entries(2);
        assert_tape(&events, "
            COMMIT_PREPARED #1 x1 'ended one'
            ROLLBACK_PREPARED #0 x2 'ended two'
        ");
        assert_eq!([events[0].xid, events[1].xid], [prepared[0].xid, prepared.last().unwrap().xid]);
    }

    /// Committed delivery hands prepares out at PREPARE too, streamed ones whole.
    fn assembled(case, from 15) {
        prepare(case);
        case.sql.run("ALTER TABLE t ADD v text");
        let host = case.stream(&[("two_phase", "on")]);
        let large = "INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series(1, 1000) g";
        case.sql.each(&["BEGIN", large, "PREPARE TRANSACTION 'whole'", "COMMIT PREPARED 'whole'"]);
        let events = host.entries(2);
        let changes: Vec<_> = events.iter().filter(|event| event.is(Kind::INSERT)).map(|event| event.seq).collect();
        assert_eq!(changes, (2..1002).collect::<Vec<_>>());
        let rest: Vec<_> = events.into_iter().filter(|event| !event.is(Kind::INSERT)).map(|event| Seen { subxid: 0, ..event }).collect();
        assert_tape(&rest, "
            BEGIN_PREPARE #1 x1 'whole'
            RELATION n x1 public.t [id int4,v text]
            PREPARE #end x1 'whole'
            COMMIT_PREPARED #1 x1 'whole'
        ");
    }
}
