//! No WAL piles up behind an idle consumer (rules 6 to 9), and acknowledging is exact (rules 17, 18).

use std::time::Duration;

use walstream::model::{Code, Kind};

use crate::on_each_major;
use crate::support::{Case, Got, Host, host::lsn, wait_until};

fn quiet(case: &mut Case<'_>) {
    case.sql.each(&["CREATE TABLE quiet (id int PRIMARY KEY)", "CREATE TABLE busy (id int, v text)"]);
    case.sql.run("CREATE PUBLICATION pub FOR TABLE quiet");
    let sql = format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", case.slot());
    case.sql.run(&sql);
}

/// So that a test that fails while another thread reads does not wait for that thread for ever.
struct WakeOnDrop<'a>(&'a Host);

impl Drop for WakeOnDrop<'_> {
    fn drop(&mut self) {
        self.0.wake();
    }
}

/// Writes elsewhere; gives the position behind it.
fn elsewhere(case: &mut Case<'_>) -> u64 {
    case.sql.run("INSERT INTO busy SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g");
    lsn(&case.sql.value("SELECT pg_current_wal_insert_lsn()"))
}

on_each_major! {
    /// Rule 7: the slot follows with no call beyond a waiting read, but not past what is pending.
    fn slot_follows_while_nothing_is_pending(case, from 14) {
        quiet(case);
        let host = case.stream(&[]);
        let at = elsewhere(case);
        case.flush();
        std::thread::scope(|scope| {
            scope.spawn(|| while !matches!(host.next(Duration::from_secs(20)), Got::Woken) {});
            let _wake = WakeOnDrop(&host);
            case.wait_confirmed(at);
        });
        let before = lsn(&case.slot_value("restart_lsn"));
        case.sql.run("INSERT INTO quiet VALUES (1)");
        let end = host.until(Kind::COMMIT).last().unwrap().ack_lsn;
        let past = elsewhere(case);
        wait_until(Duration::from_secs(20), "the server is past it", || host.stats().server_lsn >= past);
        assert!(lsn(&case.slot_value("confirmed_flush_lsn")) < end, "a pending transaction holds the slot");
        host.ack(end);
        case.wait_confirmed(past);
        case.sql.run("CHECKPOINT");
        let at = elsewhere(case);
        case.wait_confirmed(at);
        wait_until(Duration::from_secs(20), "restart_lsn follows, too", || {
            case.sql.run("CHECKPOINT");
            elsewhere(case);
            lsn(&case.slot_value("restart_lsn")) > before
        });
    }

    /// The same after a lost connection: what the slot moved past is not pending.
    fn slot_follows_after_a_reconnect(case, from 14) {
        quiet(case);
        let host = case.stream(&[("retry.initial_ms", "20")]);
        for round in 1..=2 {
            let at = elsewhere(case);
            case.wait_confirmed(at);
            let sender = case.walsender().unwrap();
            case.sql.run(&format!("SELECT pg_terminate_backend({sender})"));
            wait_until(Duration::from_secs(20), "it streams again", || host.stats().reconnects == round);
        }
        let at = elsewhere(case);
        case.wait_confirmed(at);
    }

    /// Rule 7: idle_advance=host delivers positions, confirmed when acknowledged; off does nothing.
    fn positions_for_the_host(case, from 14) {
        quiet(case);
        let host = case.stream(&[("idle_advance", "host")]);
        let at = elsewhere(case);
        let mut event = host.event();
        while event.ack_lsn < at {
            assert!(event.is(Kind::POSITION), "{event:?}");
            assert!(lsn(&case.slot_value("confirmed_flush_lsn")) < event.ack_lsn);
            host.ack(event.ack_lsn);
            event = host.event();
        }
        host.ack(event.ack_lsn);
        case.wait_confirmed(at);
        host.stop(5000);
        drop(host);

        let confirmed = case.slot_value("confirmed_flush_lsn");
        let host = case.stream(&[("idle_advance", "off")]);
        let at = elsewhere(case);
        wait_until(Duration::from_secs(20), "the server is past it", || host.stats().server_lsn >= at);
        host.stop(5000);
        assert_eq!(case.slot_value("confirmed_flush_lsn"), confirmed);
    }

    /// Rule 9: nothing is confirmed by itself below start_lsn; above the server's end it is E_GAP.
    fn start_positions(case, from 14) {
        quiet(case);
        let beyond = lsn(&case.sql.value("SELECT pg_current_wal_insert_lsn()")) + (1 << 30);
        let fault = case.host(&[]).try_start(beyond).unwrap_err();
        assert!(fault.is(Code::E_GAP), "{fault:?}");
        case.sql.run("INSERT INTO quiet VALUES (1)");
        let skipped = lsn(&case.sql.value("SELECT pg_current_wal_insert_lsn()"));
        case.sql.run("INSERT INTO quiet VALUES (2)");
        let host = case.host(&[]);
        host.start(skipped);
        assert_eq!(lsn(host.position().rsplit(':').next().unwrap()), skipped);
        let events = host.until(Kind::COMMIT);
        assert_eq!(events[2].text(0), "2", "transactions before start_lsn are skipped");
        host.ack(skipped);
    }

    /// Rule 14: a slot ahead of start_lsn is told, and with start.strict an error.
    fn slot_ahead_of_the_start(case, from 14) {
        quiet(case);
        let old = lsn(&case.sql.value("SELECT pg_current_wal_insert_lsn()"));
        let at = elsewhere(case);
        let host = case.stream(&[]);
        case.wait_confirmed(at);
        host.stop(5000);
        drop(host);
        let host = case.host(&[]);
        host.start(old);
        assert!(host.log().iter().any(|line| line.contains("ahead of the start position")), "{:?}", host.log());
        host.stop(5000);
        drop(host);
        let fault = case.host(&[("start.strict", "on"), ("idle_advance", "off")]).try_start(old).unwrap_err();
        assert!(fault.is(Code::E_GAP), "{fault:?}");
    }

    /// Rule 13: a saved position knows its server.
    fn saved_position(case, from 14) {
        quiet(case);
        let host = case.stream(&[]);
        case.sql.run("INSERT INTO quiet VALUES (1)");
        host.ack(host.until(Kind::COMMIT).last().unwrap().ack_lsn);
        let saved = host.position();
        host.stop(5000);
        drop(host);
        case.sql.run("INSERT INTO quiet VALUES (2)");
        let host = case.stream(&[("start.position", &saved)]);
        assert_eq!(host.until(Kind::COMMIT)[2].text(0), "2");
        host.stop(5000);
        drop(host);
        let other = format!("1{saved}");
        let fault = case.host(&[("start.position", &other[..saved.len()])]).try_start(0).unwrap_err();
        assert!(fault.is(Code::E_WRONG_SYSTEM), "{fault:?}");
    }

    /// stop_lsn: everything that was committed before, then END, also on an idle server; acknowledging goes on.
    fn stop_lsn(case, from 14) {
        quiet(case);
        case.sql.each(&["INSERT INTO quiet VALUES (1)", "INSERT INTO quiet VALUES (2)"]);
        let stop = case.sql.value("SELECT pg_current_wal_insert_lsn()");
        case.sql.run("INSERT INTO quiet VALUES (3)");
        let host = case.stream(&[("stop_lsn", &stop)]);
        let events = host.entries(2);
        assert_eq!(events[5].text(0), "2", "{events:#?}");
        assert_eq!(host.next(Duration::from_secs(20)), Got::End);
        assert_eq!(host.next(Duration::ZERO), Got::End);
        host.ack(events.last().unwrap().ack_lsn);
        case.wait_confirmed(events.last().unwrap().ack_lsn);
        drop(host);
        let idle = case.sql.value("SELECT pg_current_wal_insert_lsn()");
        case.flush();
        let host = case.stream(&[("stop_lsn", &idle)]);
        let third = host.entries(1);
        host.ack(third.last().unwrap().ack_lsn);
        assert_eq!(host.next(Duration::from_secs(20)), Got::End, "on an idle server, too");
    }
}
