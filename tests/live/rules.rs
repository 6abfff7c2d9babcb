//! The delivery rules that no other file shows, each by its number.

use std::time::{Duration, Instant};

use walstream::model::{Code, Kind};

use crate::on_each_major;
use crate::support::{Case, Got, Host, Proxy, Server, Sql, host::lsn, server};

fn table(case: &mut Case<'_>) {
    case.sql.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
    case.publish();
}

on_each_major! {
    /// Rule 5: settings of role and database do not change a byte of a value; the host's own `options` do.
    fn rule_5_values_are_pinned(case, from 14) {
        case.sql.run("CREATE TABLE t (at timestamptz, span interval, bytes bytea, f float8, cash money, day date)");
        case.publish();
        case.sql.run("SET TimeZone = 'UTC'; INSERT INTO t VALUES ('2024-02-03 04:05:06.7', '1 day 2 hours', '\\x00ff', 0.1, 12.5, '2024-02-03')");
        let expected = ["2024-02-03 04:05:06.7+00", "1 day 02:00:00", "\\x00ff", "0.1", "$12.50", "2024-02-03"];
        let read = |host: &Host| -> Vec<String> {
            let events = host.until(Kind::COMMIT);
            let row = events.iter().find(|e| e.is(Kind::INSERT)).unwrap();
            (0..6).map(|column| row.text(column).trim().to_owned()).collect()
        };
        let plain = read(&case.stream(&[]));
        for setting in [
            "DateStyle = 'German'", "IntervalStyle = 'iso_8601'", "extra_float_digits = 0", "TimeZone = 'Asia/Tokyo'",
            "bytea_output = 'escape'", "client_encoding = 'LATIN1'",
        ] {
            case.sql.run(&format!("ALTER DATABASE {} SET {setting}", case.database));
        }
        let options = [("slot.wait_ms", "60000")];
        assert_eq!(read(&case.stream(&options)), plain);
        assert_eq!([&plain[..4], &plain[5..]].concat(), [&expected[..4], &expected[5..]].concat());
        let knowingly = format!("{} options='-c TimeZone=Asia/Tokyo'", case.conninfo());
        let host = case.host_at(&knowingly, &options);
        host.start(0);
        assert_eq!(read(&host)[0], "2024-02-03 13:05:06.7+09");
    }

    /// Rule 25: a publication that was made after the slot's position ends the stream up to 17; 18 warns and leaves its changes out.
    fn rule_25_publication_younger_than_the_slot(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY, v text)");
        case.sql.run(&format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", case.database));
        let fault = case.host(&[]).try_start(0).unwrap_err();
        assert!(fault.is(Code::E_PUBLICATION), "{fault:?}");
        case.sql.run("INSERT INTO t VALUES (1)");
        case.sql.run("CREATE PUBLICATION pub FOR ALL TABLES");
        case.sql.run("INSERT INTO t VALUES (2)");
        for (option, ends) in [("warn", case.server.major() < 18), ("error", true)] {
            let host = case.host(&[("publication.missing", option), ("slot.wait_ms", "60000")]);
            // The server may refuse before the host has asked for the first event.
            match host.try_start(0) {
                Err(fault) => assert!(ends && fault.is(Code::E_PUBLICATION), "{option}: {fault:?}"),
                Ok(_) if ends => {
                    let fault = host.failure();
                    assert!(fault.is(Code::E_PUBLICATION), "{option}: {fault:?}");
                }
                Ok(_) => {
                    assert_eq!(host.until(Kind::COMMIT)[2].text(0), "2");
                    assert!(host.log().iter().any(|line| line.starts_with("1 server:")), "{:#?}", host.log());
                }
            }
        }
    }

    /// Rule 27: however large single messages are, what waits is bounded.
    fn rule_27_large_messages_in_a_small_queue(case, from 14) {
        table(case);
        case.sql.run("INSERT INTO t SELECT g, repeat('x', 3000000) FROM generate_series(1, 20) g");
        let host = case.stream(&[("queue.max_bytes", "64kB"), ("streaming", "off")]);
        let mut rows = 0;
        loop {
            let event = host.event();
            rows += usize::from(event.is(Kind::INSERT));
            let waiting = host.stats().queue_bytes;
            assert!(waiting <= (64 << 10) + 3 * 3_100_000, "{waiting} bytes wait");
            if event.is(Kind::COMMIT) {
                break;
            }
        }
        assert_eq!(rows, 20);
    }

    /// Rule 28: open touches no network, start makes the first connection and returns its error, or retries when told to.
    fn rule_28_the_first_connection(case, from 14) {
        table(case);
        let proxy = Proxy::new(case.server.port());
        proxy.refuse(true);
        let conninfo = proxy.conninfo(&case.conninfo());
        let host = case.host_at(&conninfo, &[]);
        assert_eq!(proxy.connections(), 0);
        let fault = host.try_start(0).unwrap_err();
        assert!(fault.is(Code::E_CONNECT), "{fault:?}");
        let patient = case.host_at(&conninfo, &[("retry.first", "on"), ("retry.initial_ms", "10"), ("retry.max_ms", "50")]);
        std::thread::scope(|scope| {
            let starting = scope.spawn(|| patient.try_start(0));
            crate::support::wait_until(Duration::from_secs(20), "it was tried", || patient.stats().last_error != 0);
            proxy.refuse(false);
            assert_eq!(starting.join().unwrap(), Ok(0));
        });
        drop(patient);
        assert_eq!(host.try_start(0), Ok(0), "a start that failed may be called again");
    }

    /// Rule 30: the last acknowledgement is sent by stop, by free, and after END.
    fn rule_30_the_last_acknowledgement(case, from 14) {
        table(case);
        let options = [("slot.wait_ms", "60000"), ("idle_advance", "off")];
        for (id, how) in ["stop", "free", "end"].into_iter().enumerate() {
            case.sql.run(&format!("INSERT INTO t VALUES ({id})"));
            let stop_lsn = case.sql.value("SELECT pg_current_wal_insert_lsn()");
            let mut all = options.to_vec();
            if how == "end" {
                all.push(("stop_lsn", &stop_lsn));
            }
            let host = case.stream(&all);
            let end = host.until(Kind::COMMIT).pop().unwrap().ack_lsn;
            if how == "end" {
                assert_eq!(host.next(Duration::from_secs(60)), Got::End);
            }
            host.ack(end);
            if how != "free" {
                host.stop(10_000);
            }
            drop(host);
            crate::support::wait_until(Duration::from_secs(20), how, || case.walsender().is_none());
            assert_eq!(lsn(&case.slot_value("confirmed_flush_lsn")), end, "{how}");
        }
    }
}

/// Rule 19: the server saves a slot's position lazily. After its crash a process that starts at 0 may see acknowledged
/// transactions again; one that starts at its own position does not.
#[test]
fn rule_19_after_a_crash_of_the_server() {
    let Some(&major) = server::majors().last() else { return };
    let server = Server::own(major, &[]);
    let mut case = Case::new(&server);
    table(&mut case);
    case.sql.run("CHECKPOINT");
    case.sql.run("INSERT INTO t VALUES (1)");
    let host = case.stream(&[]);
    let end = host.until(Kind::COMMIT).pop().unwrap().ack_lsn;
    host.ack(end);
    case.wait_confirmed(end);
    host.stop(10_000);
    drop(host);
    server.command("crash");
    server.command("start");
    case.sql = Sql::connect(&case.conninfo());
    case.sql.run("INSERT INTO t VALUES (2)");
    let ids = |host: &Host| -> Vec<String> {
        let mut ids = Vec::new();
        let began = Instant::now();
        while ids.last().is_none_or(|id| id != "2") {
            assert!(began.elapsed() < Duration::from_secs(60));
            ids.extend(
                host.until(Kind::COMMIT).iter().filter(|e| e.is(Kind::INSERT)).map(|e| e.text(0).to_owned()),
            );
        }
        ids
    };
    // Whether "1" comes again is the server's to say: the slot may have been saved in time.
    let from_zero = ids(&case.stream(&[]));
    assert!(from_zero == ["1", "2"] || from_zero == ["2"], "{from_zero:?}");
    let host = case.host(&[("slot.wait_ms", "60000")]);
    host.start(end);
    assert_eq!(ids(&host), ["2"]);
}
