//! A slot that is made at the start: while older transactions are open, the server makes nobody wait but its maker.

use std::thread;
use std::time::{Duration, Instant};

use walstream::model::Code;

use crate::on_each_major;
use crate::support::{Case, Host, Sql, wait_until};

const SOON: Duration = Duration::from_secs(20);
const MAKES: (&str, &str) = ("slot.create", "if-missing");
const AT_ONCE: (&str, &str) = ("slot.wait_ms", "0");

/// With a transaction that a new slot has to wait for, until it is ended.
fn blocked(case: &mut Case<'_>) -> Sql {
    case.sql.run("CREATE PUBLICATION pub FOR ALL TABLES");
    let mut old = Sql::connect(&case.conninfo());
    old.run("BEGIN; CREATE TABLE held_open ()");
    old
}

fn walsenders(case: &mut Case<'_>) -> String {
    case.sql.value(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = current_database()",
    )
}

fn slots(case: &mut Case<'_>) -> String {
    let sql = format!("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{}'", case.slot());
    case.sql.value(&sql)
}

fn wait_being_made(case: &mut Case<'_>) {
    wait_until(SOON, "the slot is being made", || slots(case) == "1");
}

/// The older transaction is still open: it is not its end that took the slot away.
fn expect_nothing_left(case: &mut Case<'_>) {
    wait_until(SOON, "the walsender is gone", || walsenders(case) == "0");
    assert_eq!(slots(case), "0");
}

on_each_major! {
    fn a_creation_that_takes_too_long_leaves_no_slot(case, from 14) {
        let _old = blocked(case);
        let fault = case.host(&[MAKES, ("connect_timeout_ms", "500")]).try_start(0).unwrap_err();
        assert!(fault.is(Code::E_CONNECT), "{fault:?}");
        expect_nothing_left(case);
    }

    fn a_creation_that_is_called_off_leaves_no_slot(case, from 14) {
        let old = blocked(case);
        let host = case.host(&[MAKES]);
        thread::scope(|scope| {
            let start = scope.spawn(|| host.try_start(0).unwrap());
            wait_being_made(case);
            host.wake();
            assert_eq!(start.join().unwrap(), Code::WOKEN as i32);
        });
        expect_nothing_left(case);
        // The same handle, once nothing is in the way.
        drop(old);
        host.start(0);
    }

    fn a_slot_that_another_is_making_is_waited_for(case, from 14) {
        let mut old = blocked(case);
        let (maker, waiter) = (case.host(&[MAKES]), case.host(&[]));
        thread::scope(|scope| {
            let making = scope.spawn(|| maker.start(0));
            wait_being_made(case);
            for options in [&[AT_ONCE][..], &[AT_ONCE, MAKES]] {
                let fault = case.host(options).try_start(0).unwrap_err();
                assert!(fault.is(Code::E_SLOT_IN_USE), "{fault:?}");
                assert!(fault.message.contains("being made"), "{fault:?}");
            }
            let waiting = scope.spawn(|| waiter.start(0));
            wait_until(SOON, "it waits", || log_has(&waiter, "being made"));
            old.run("COMMIT");
            making.join().unwrap();
            wait_until(SOON, "it waits for the reader now", || log_has(&waiter, "active for PID"));
            maker.stop(1000);
            waiting.join().unwrap();
        });
    }

    /// One and a half times the server's wal_sender_timeout, not the minute of those that have none.
    fn the_wait_for_a_held_slot_is_the_servers_also_at_the_first_start(case, from 14) {
        case.publish();
        let _reader = case.stream(&[]);
        let began = Instant::now();
        let conninfo = format!("{} options='-c wal_sender_timeout=1s'", case.conninfo());
        let fault = case.host_at(&conninfo, &[]).try_start(0).unwrap_err();
        assert!(fault.is(Code::E_SLOT_IN_USE), "{fault:?}");
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    }
}

fn log_has(host: &Host, words: &str) -> bool {
    host.log().iter().any(|line| line.contains(words))
}
