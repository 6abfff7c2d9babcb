//! Other output plugins: RAW events with what they write, unparsed.

use std::time::Duration;

use walstream::model::{Code, EventFlag, Kind};

use crate::on_each_major;
use crate::support::host::lsn;
use crate::support::{Case, Got, Host, Seen};

/// The server has transactions of its own, such as autovacuum's, that this plugin tells of.
const SKIP_EMPTY: (&str, &str) = ("plugin.skip-empty-xacts", "on");

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

/// What the server tells of the slot over SQL, with positions.
fn peek(case: &mut Case<'_>) -> Vec<(u64, String)> {
    let slot = case.slot();
    let rows = case.sql.rows(&format!(
        "SELECT lsn, data FROM pg_logical_slot_peek_changes('{slot}', NULL, NULL, 'include-xids', 'off')"
    ));
    rows.into_iter().map(|row| (lsn(row[0].as_deref().unwrap()), row[1].clone().unwrap())).collect()
}

on_each_major! {
    /// Each message of the plugin is one event, at the server's position.
    fn raw_events(case, from 14) {
        prepare(case);
        case.sql.run("INSERT INTO t VALUES (1, NULL), (2, 'x')");
        let told = peek(case);
        let host = open(case, &[("plugin.include-xids", "off")]);
        host.start(0);
        let events = read(&host, told.len());
        let ours = lines(&events).join("\n").replace("BEGIN\nCOMMIT\n", "");
        assert!(ours.starts_with("BEGIN\n\
            table public.t: INSERT: id[integer]:1 a[text]:null\n\
            table public.t: INSERT: id[integer]:2 a[text]:'x'\n\
            COMMIT"), "{ours}");
        for (event, (lsn, line)) in events.iter().zip(&told) {
            assert!(event.is(Kind::RAW) && event.has(EventFlag::NO_IDENTITY) && event.seq == 0, "{event:?}");
            assert_eq!((event.lsn, event.payload.as_deref()), (*lsn, Some(line.as_bytes())));
            assert_eq!(event.ack_lsn, event.lsn);
            assert!(event.name.is_none() && event.table.is_empty());
        }
        let last = events.last().unwrap().ack_lsn;
        host.ack(last);
        case.wait_confirmed(last);
        host.stop(5000);
        // The next one may begin where the last one ended.
        assert!(peek(case).iter().all(|(lsn, _)| *lsn >= last));
    }

    /// Acknowledging a change in the middle of a transaction brings the whole of it again.
    fn acknowledged_in_the_middle(case, from 14) {
        prepare(case);
        case.sql.run("INSERT INTO t VALUES (1), (2), (3)");
        let options = [("plugin.include-xids", "off"), SKIP_EMPTY];
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
        let host = open(case, &[SKIP_EMPTY, ("status_interval_ms", "50")]);
        host.start(0);
        let events = read(&host, 3);
        assert_eq!(host.next(Duration::from_millis(200)), Got::Timeout);
        host.stop(5000);
        assert_eq!(case.slot_value("confirmed_flush_lsn"), before);
        let host = open(case, &[SKIP_EMPTY, ("plugin.idle_advance", "on"), ("status_interval_ms", "50")]);
        host.start(0);
        let last = read(&host, 3).pop().unwrap().ack_lsn;
        assert_eq!(last, events[2].ack_lsn);
        host.ack(last);
        case.sql.run("CREATE TABLE other (id int)");
        let end = lsn(&case.sql.value("SELECT pg_current_wal_lsn()"));
        case.wait_confirmed(end);
    }

    /// Large outputs and bytes that are not text come as they are.
    fn binary_output(case, from 14) {
        prepare(case);
        case.sql.run("SELECT pg_logical_emit_message(true, 'p', repeat('z', 2000000))");
        let host = open(case, &[("plugin.force-binary", "on"), ("plugin.include-xids", "off")]);
        host.start(0);
        let payloads = std::iter::repeat_with(|| host.event().payload.unwrap());
        assert!(payloads.take(20).any(|payload| payload.ends_with(b"zzzz") && payload.len() > 2_000_000));
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
