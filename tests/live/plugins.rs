//! Other output plugins: RAW events with what they write, unparsed.

use std::time::Duration;

use walstream::model::{Code, EventFlag, Kind};

use crate::on_each_major;
use crate::support::{Case, Got, Host, Seen};

fn prepare(case: &mut Case<'_>) {
    case.sql.run("CREATE TABLE t (id int PRIMARY KEY, a text)");
    let make = format!("SELECT pg_create_logical_replication_slot('{}', 'test_decoding')", case.slot());
    case.sql.run(&make);
}

fn open(case: &Case<'_>, options: &[(&str, &str)]) -> Host {
    let mut all = vec![("slot", case.slot()), ("plugin", "test_decoding")];
    all.extend_from_slice(options);
    Host::open(&case.conninfo(), &all)
}

fn lines(events: &[Seen]) -> Vec<String> {
    events.iter().map(|event| String::from_utf8(event.payload.clone().unwrap()).unwrap()).collect()
}

fn read(host: &Host, count: usize) -> Vec<Seen> {
    (0..count).map(|_| host.event()).collect()
}

on_each_major! {
    /// Each message of the plugin is one event, at the server's position.
    fn raw_events(case, from 14) {
        prepare(case);
        case.sql.run("INSERT INTO t VALUES (1, NULL), (2, 'x')");
        let peek = format!("SELECT lsn, data FROM pg_logical_slot_peek_changes('{}', NULL, NULL, 'include-xids', 'off')", case.slot());
        let told = case.sql.rows(&peek);
        let host = open(case, &[("plugin.include-xids", "off")]);
        host.start(0);
        let events = read(&host, 4);
        assert_eq!(lines(&events), [
            "BEGIN",
            "table public.t: INSERT: id[integer]:1 a[text]:null",
            "table public.t: INSERT: id[integer]:2 a[text]:'x'",
            "COMMIT",
        ]);
        for (event, told) in events.iter().zip(&told) {
            assert!(event.is(Kind::RAW) && event.has(EventFlag::NO_IDENTITY) && event.seq == 0, "{event:?}");
            assert_eq!(event.lsn, crate::support::host::lsn(told[0].as_deref().unwrap()));
            assert_eq!(event.ack_lsn, event.lsn);
            assert!(event.name.is_none() && event.table.is_empty());
        }
        host.ack(events[3].ack_lsn);
        case.wait_confirmed(events[3].ack_lsn);
        host.stop(5000);
        assert_eq!(case.sql.rows(&peek).len(), 0);
    }

    /// Acknowledging a change in the middle of a transaction brings the whole of it again.
    fn acknowledged_in_the_middle(case, from 14) {
        prepare(case);
        case.sql.run("INSERT INTO t VALUES (1), (2), (3)");
        let options = [("plugin.include-xids", "off"), ("plugin.skip-empty-xacts", "on")];
        let host = open(case, &options);
        host.start(0);
        let first = read(&host, 5);
        host.ack(first[2].ack_lsn);
        host.stop(5000);
        let again = open(case, &options);
        again.start(0);
        assert_eq!(lines(&read(&again, 5)), lines(&first));
    }

    /// By itself nothing is confirmed: only the host knows where a transaction ends.
    fn no_idle_advance(case, from 14) {
        prepare(case);
        case.sql.run("INSERT INTO t VALUES (1)");
        let before = case.slot_value("confirmed_flush_lsn");
        let host = open(case, &[("status_interval_ms", "50")]);
        host.start(0);
        let events = read(&host, 3);
        assert_eq!(host.next(Duration::from_millis(200)), Got::Timeout);
        host.stop(5000);
        assert_eq!(case.slot_value("confirmed_flush_lsn"), before);
        let host = open(case, &[("plugin.idle_advance", "on"), ("status_interval_ms", "50")]);
        host.start(0);
        let last = read(&host, 3).pop().unwrap().ack_lsn;
        assert_eq!(last, events[2].ack_lsn);
        host.ack(last);
        case.sql.run("CREATE TABLE other (id int)");
        let end = crate::support::host::lsn(&case.sql.value("SELECT pg_current_wal_lsn()"));
        // That transaction is told, too, so there is something to acknowledge.
        read(&host, 2).into_iter().for_each(|event| host.ack(event.ack_lsn));
        case.wait_confirmed(end);
    }

    /// Large outputs and bytes that are not text come as they are.
    fn binary_output(case, from 14) {
        prepare(case);
        case.sql.run("SELECT pg_logical_emit_message(true, 'p', repeat('z', 2000000))");
        let host = open(case, &[("plugin.force-binary", "on"), ("plugin.include-xids", "off")]);
        host.start(0);
        let events = read(&host, 3);
        let payload = events[1].payload.as_ref().unwrap();
        assert!(payload.ends_with(b"zzzz") && payload.len() > 2_000_000);
    }

    /// What the plugin does not know is the server's error; a slot of another plugin is the host's.
    fn refusals(case, from 14) {
        prepare(case);
        let fault = open(case, &[("plugin.no_such_option", "1")]).try_start(0).unwrap_err();
        assert_eq!((fault.code, fault.sqlstate.as_str()), (Code::E_SERVER as i32, "22023"), "{fault:?}");
        assert!(fault.message.contains("no_such_option"));
        case.sql.run("CREATE PUBLICATION pub");
        let fault = open(case, &[("plugin", "pgoutput"), ("publication", "pub")]).try_start(0).unwrap_err();
        assert!(fault.is(Code::E_ARGUMENT) && fault.message.contains("test_decoding"), "{fault:?}");
    }

    /// walstream makes slots of other plugins, too.
    fn made_by_walstream(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        let host = open(case, &[("slot.create", "if-missing"), ("plugin.include-xids", "off")]);
        host.start(0);
        case.sql.run("INSERT INTO t VALUES (1)");
        assert_eq!(lines(&read(&host, 3))[1], "table public.t: INSERT: id[integer]:1");
        assert_eq!(case.slot_value("plugin"), "test_decoding");
    }
}
