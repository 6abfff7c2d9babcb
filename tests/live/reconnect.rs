//! A lost connection is invisible to the host: nothing lost, nothing twice, wherever it broke (rules 10, 11, 13, 14, 16).

use std::time::Duration;

use walstream::model::{Code, Kind};

use crate::on_each_major;
use crate::support::{Case, Got, Host, Proxy, Seen, Server, Sql, wait_until};

const FAST: (&str, &str) = ("retry.initial_ms", "10");

fn ledger(case: &mut Case<'_>) {
    let early = format!("ALTER DATABASE {} SET logical_decoding_work_mem = '64kB'", case.database);
    case.sql.each(&[&early, "CREATE TABLE ledger (id bigserial PRIMARY KEY, v text)"]);
    case.publish();
}

fn insert(case: &mut Case<'_>, rows: u32) {
    case.sql.run(&format!("INSERT INTO ledger (v) SELECT repeat('x', 100) FROM generate_series(1, {rows})"));
}

/// Whole transactions, each event once, in order; gives the ids.
fn check(events: &[Seen]) -> Vec<u64> {
    let mut ids = Vec::new();
    let mut open: Option<(u64, u64)> = None;
    for event in events.iter().filter(|e| !e.is(Kind::RELATION)) {
        open = match (open, event.kind_name()) {
            (None, "BEGIN") => Some((event.commit_lsn, 2)),
            (Some((lsn, seq)), "INSERT") => {
                assert_eq!((event.commit_lsn, event.seq), (lsn, seq), "{event:?}");
                ids.push(event.text(0).parse().unwrap());
                Some((lsn, seq + 1))
            }
            (Some((lsn, _)), "COMMIT") => {
                assert_eq!(event.commit_lsn, lsn);
                None
            }
            _ => panic!("out of place: {event:?}"),
        };
    }
    assert_eq!(open, None, "a transaction without an end");
    assert!(ids.is_sorted(), "rows out of order");
    ids
}

fn all_rows(case: &mut Case<'_>) -> Vec<u64> {
    case.sql
        .rows("SELECT id FROM ledger ORDER BY id")
        .iter()
        .map(|row| row[0].as_ref().unwrap().parse().unwrap())
        .collect()
}

fn lost_in_the_middle(case: &mut Case<'_>, options: &[(&str, &str)]) {
    ledger(case);
    let proxy = Proxy::new(case.server.port());
    let mut all = vec![FAST, ("queue.max_bytes", "64kB")];
    all.extend_from_slice(options);
    let host = case.host_at(&proxy.conninfo(&case.conninfo()), &all);
    host.start(0);
    let mut more_cuts = [31_003, 64_000, 7_777, 1_000].into_iter();
    let (mut events, mut delivered) = (Vec::new(), Vec::new());
    for (rows, bytes) in [(1, 5), (3000, 50_001), (2, 100), (2000, 123_456), (1, 150)] {
        // While it is being written and streamed, and again while it is being read.
        proxy.cut_after(bytes);
        insert(case, rows);
        while !events.last().is_some_and(|event: &Seen| event.is(Kind::COMMIT)) {
            if events.len() % 700 == 10
                && let Some(bytes) = more_cuts.next()
            {
                proxy.cut_after(bytes);
            }
            events.push(host.event());
        }
        delivered.append(&mut events);
    }
    let events = delivered;
    assert_eq!(check(&events), all_rows(case));
    assert!(host.stats().reconnects >= 3, "{} reconnects; log {:#?}", host.stats().reconnects, host.log());
    let end = events.last().unwrap().ack_lsn;
    host.ack(end);
    case.wait_confirmed(end);
}

on_each_major! {
    /// Cut at many bytes, inside transactions that come in one piece.
    fn cut_in_plain_transactions(case, from 14) {
        lost_in_the_middle(case, &[("streaming", "off")]);
    }

    /// The same inside stream blocks.
    fn cut_in_streamed_transactions(case, from 14) {
        lost_in_the_middle(case, &[("streaming", "on")]);
    }

    /// The server's process is killed again and again.
    fn walsender_killed(case, from 14) {
        ledger(case);
        let host = case.stream(&[FAST]);
        let mut events = Vec::new();
        for _ in 0..5 {
            insert(case, 500);
            if let Some(pid) = case.walsender() {
                case.sql.run(&format!("SELECT pg_terminate_backend({pid})"));
            }
            events.extend(host.until(Kind::COMMIT));
            host.ack(events.last().unwrap().ack_lsn);
        }
        assert_eq!(check(&events), all_rows(case));
        assert!(host.stats().reconnects > 0);
        assert_ne!(host.stats().last_error, 0);
        assert!(host.log().iter().any(|line| line.contains("trying again")), "{:#?}", host.log());
    }

    /// Rule 24: as-sent tells that unfinished transactions are to be forgotten.
    fn interrupted_as_sent(case, from 14) {
        ledger(case);
        let proxy = Proxy::new(case.server.port());
        let options = [FAST, ("delivery", "as-sent"), ("streaming", "off"), ("queue.max_bytes", "64kB")];
        let host = case.host_at(&proxy.conninfo(&case.conninfo()), &options);
        host.start(0);
        // More than all buffers on the way hold: the line is cut before its end is read.
        insert(case, 60_000);
        let part = host.until(Kind::INSERT);
        assert!(part[0].is(Kind::BEGIN));
        proxy.cut();
        host.until(Kind::INTERRUPTED);
        let again = host.until(Kind::COMMIT);
        assert_eq!(check(&again), all_rows(case), "the whole transaction comes again");
    }

    /// Rule 14: somebody else moved the slot while we were away.
    fn slot_moved_meanwhile(case, from 14) {
        ledger(case);
        let (proxy, host) = cut_off(case);
        insert(case, 1);
        let advance = format!("SELECT pg_replication_slot_advance('{}', pg_current_wal_lsn())", case.slot());
        case.sql.run(&advance);
        proxy.refuse(false);
        let fault = host.failure();
        assert!(fault.is(Code::E_GAP), "{fault:?}");
        assert!(matches!(host.next(Duration::ZERO), Got::Failed(again) if again.is(Code::E_GAP)), "said again");
    }

    /// Rule 16: a slot that is missing at a reconnect is not made anew.
    fn slot_dropped_meanwhile(case, from 14) {
        ledger(case);
        let (proxy, host) = cut_off(case);
        case.sql.run(&format!("SELECT pg_drop_replication_slot('{}')", case.slot()));
        proxy.refuse(false);
        let fault = host.failure();
        assert!(fault.is(Code::E_SLOT_MISSING), "{fault:?}");
    }

    /// Another cluster behind the same address.
    fn another_system(case, from 14) {
        ledger(case);
        let (proxy, host) = cut_off(case);
        let other = Server::own(case.server.major(), &["--fresh"]);
        let mut sql = Sql::connect(&other.conninfo("postgres"));
        sql.run(&format!("CREATE DATABASE {}", case.database));
        proxy.lead_to(other.port());
        proxy.refuse(false);
        let fault = host.failure();
        assert!(fault.is(Code::E_WRONG_SYSTEM), "{fault:?}");
        assert!(fault.hint.contains("pg_upgrade"));
    }

    /// A publication that is dropped does not stop a retry from saying so.
    fn publication_dropped_meanwhile(case, from 14) {
        ledger(case);
        let (proxy, host) = cut_off(case);
        case.sql.run("DROP PUBLICATION pub");
        proxy.refuse(false);
        let fault = host.failure();
        assert!(fault.is(Code::E_PUBLICATION), "{fault:?}");
    }
}

/// A host that streamed, and whose line is cut until the proxy lets it through again.
fn cut_off(case: &mut Case<'_>) -> (Proxy, Host) {
    let proxy = Proxy::new(case.server.port());
    let host = case.host_at(
        &proxy.conninfo(&case.conninfo()),
        &[FAST, ("retry.max_ms", "50"), ("slot.create", "if-missing")],
    );
    host.start(0);
    insert(case, 10);
    let events = host.until(Kind::COMMIT);
    let end = events.last().unwrap().ack_lsn;
    host.ack(end);
    case.wait_confirmed(end);
    proxy.refuse(true);
    proxy.cut();
    wait_until(Duration::from_secs(20), "the walsender is gone", || case.walsender().is_none());
    (proxy, host)
}
