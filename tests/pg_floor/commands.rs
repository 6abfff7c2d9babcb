//! Commands and their results; waits that end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use walstream::pg::*;

use crate::server::*;

#[test]
fn queries_errors_and_notices() {
    let server = Server::start("", "");
    let mut connection = server.replication();
    let sets = run(
        &mut connection,
        "SELECT 1 AS a, NULL, 'x' || chr(233); ; CREATE TABLE t (i int); SELECT i FROM t",
    );
    assert_eq!(
        sets.iter().map(ResultSet::status).collect::<Vec<_>>(),
        [Status::Rows, Status::Command, Status::Rows]
    );
    assert_eq!(
        (sets[0].text(0, 0), sets[0].text(0, 1), sets[0].text(0, 2)),
        (Some("1"), None, Some("x\u{e9}"))
    );
    assert_eq!((sets[0].bytes(0, 3), sets[0].bytes(1, 0), sets[2].bytes(0, 0)), (None, None, None));
    assert_eq!((sets[0].column_name(0).as_deref(), sets[0].column_name(3)), (Some("a"), None));
    assert_eq!((sets[0].rows(), sets[0].columns(), sets[2].rows()), (1, 3, 0));
    assert_eq!(sets[1].command_tag(), "CREATE TABLE");
    assert_eq!(run(&mut connection, "")[0].status(), Status::Empty);

    let error = server_error(connection.query("SELECT 1; SELECT 1/0; SELECT 2", patience!()));
    assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("ERROR", "22012"));
    assert_eq!(error.source_function.as_str(), "int4div");
    run(
        &mut connection,
        "DO $$ BEGIN RAISE WARNING 'two\nlines' USING DETAIL = 'more', HINT = 'do', ERRCODE = '01234'; END $$",
    );
    let notices = connection.take_notices();
    assert_eq!(notices.len(), 1);
    assert_eq!(
        [&notices[0].severity, &notices[0].message, &notices[0].detail, &notices[0].hint].map(Words::as_str),
        ["WARNING", "two lines", "more", "do"]
    );
    assert_eq!(notices[0].sqlstate.as_str(), "01234");
    assert_eq!(notices[0].source_function.as_str(), "exec_stmt_raise");
    assert!(connection.take_notices().is_empty());
    assert!(matches!(connection.query("SELECT '\0'", patience!()), Err(PgError::Nul)));
    assert!(matches!(connection.receive(), Err(PgError::Protocol(_))));

    // More than a socket takes at once, both ways.
    let long = "x".repeat(8_000_000);
    assert_eq!(one(&mut connection, &format!("SELECT '{long}'")), long);

    // A COPY where rows are expected is no hang.
    assert!(matches!(connection.query("COPY t TO STDOUT", patience!()), Err(PgError::Protocol(_))));
    let mut plain = server.connect("");
    assert!(matches!(plain.start_copy_out("SELECT 1", patience!()), Err(PgError::Protocol(_))));
    assert_eq!(
        server_error(plain.start_copy_out("COPY u TO STDOUT", patience!())).sqlstate.as_str(),
        "42P01"
    );
    assert_eq!(one(&mut plain, "SELECT 5"), "5");
    // Its results outlive a connection, and so does asking them for what they lack.
    let set = run(&mut plain, "SELECT 1").remove(0);
    drop(plain);
    assert_eq!((set.text(0, 0), set.text(7, 7)), (Some("1"), None));
}

#[test]
fn a_wait_ends_when_cancelled_or_late() {
    let server = Server::start("", "");
    let mut connection = server.connect("");
    let (wake, cancelled) = (EventFd::new().unwrap(), AtomicBool::new(false));
    let mut watcher = server.connect("");
    let sleeping = format!(
        "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = {} AND query LIKE 'SELECT pg_sleep%'",
        connection.backend_pid()
    );
    std::thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            until(&mut watcher, &sleeping);
            wake.signal();
            assert_eq!(one(&mut watcher, &sleeping), "t", "a signal alone cancels nothing");
            cancelled.store(true, Ordering::SeqCst);
            wake.signal();
        });
        let patience =
            Patience { wake: &wake, cancelled: &|| cancelled.load(Ordering::SeqCst), deadline: None };
        let result = connection.query("SELECT pg_sleep(60)", &patience);
        assert!(matches!(result, Err(PgError::Cancelled)), "{result:?}");
        canceller.join().unwrap();
    });
    let mut connection = server.connect("");
    let started = Instant::now();
    let patience =
        Patience { wake: &wake, cancelled: &|| false, deadline: Some(started + Duration::from_millis(150)) };
    let result = connection.query("SELECT pg_sleep(60)", &patience);
    assert!(matches!(result, Err(PgError::TimedOut)), "{result:?}");
    assert!(started.elapsed() >= Duration::from_millis(150) && started.elapsed() < Duration::from_secs(30));
}

#[test]
fn slots_and_publications() {
    let server = Server::start("max_prepared_transactions=2", "");
    let mut connection = server.replication();
    connection.pin_session(patience!()).unwrap();
    let major = connection.server_version() / 10_000;
    assert_eq!(connection.slot_info("a", patience!()).unwrap(), None);
    let request = SlotRequest {
        name: "a",
        plugin: "pgoutput",
        temporary: false,
        two_phase: true,
        failover: major >= 17,
        snapshot: Snapshot::Nothing,
    };
    let created = connection.create_logical_slot(&request, patience!()).unwrap();
    assert_eq!(created.snapshot, None);
    let info = connection.slot_info("a", patience!()).unwrap().unwrap();
    assert_eq!(info.confirmed_flush_lsn, Some(created.consistent_point));
    assert_eq!(
        info,
        SlotInfo {
            plugin: Some("pgoutput".into()),
            slot_type: "logical".into(),
            database: Some("postgres".into()),
            temporary: false,
            active_pid: None,
            restart_lsn: info.restart_lsn,
            confirmed_flush_lsn: info.confirmed_flush_lsn,
            wal_status: Some("reserved".into()),
            two_phase: true,
            two_phase_at: info.two_phase_at,
            conflicting: false,
            invalidation_reason: None,
            failover: major >= 17,
            synced: false,
            xmin: None,
            catalog_xmin: info.catalog_xmin,
            safe_wal_size: None,
        }
    );
    assert!(info.restart_lsn.is_some());
    assert_eq!(info.two_phase_at.is_some(), major >= 18);
    let again = connection.create_logical_slot(&request, patience!());
    assert_eq!(server_error(again).sqlstate.as_str(), "42710");

    let request = SlotRequest { name: "b", temporary: true, two_phase: false, failover: false, ..request };
    let exported =
        connection.create_logical_slot(&SlotRequest { snapshot: Snapshot::Export, ..request }, patience!());
    let snapshot = exported.unwrap().snapshot.expect("an exported snapshot");
    let import =
        format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{snapshot}'; COMMIT");
    run(&mut server.connect(""), &import);
    let info = connection.slot_info("b", patience!()).unwrap().unwrap();
    assert_eq!((info.temporary, info.two_phase, info.failover), (true, false, false));
    assert_eq!(info.active_pid, Some(connection.backend_pid()));
    let mut other = server.replication();
    run(&mut other, "BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ");
    let used = SlotRequest { name: "c", snapshot: Snapshot::Use, ..request };
    other.create_logical_slot(&used, patience!()).unwrap();
    run(&mut other, "COMMIT");
    let busy = other.drop_slot("b", patience!());
    assert_eq!(server_error(busy).sqlstate.as_str(), "55006");
    connection.drop_slot("a", patience!()).unwrap();
    assert_eq!(connection.slot_info("a", patience!()).unwrap(), None);
    assert_eq!(server_error(connection.drop_slot("a", patience!())).sqlstate.as_str(), "42704");
    if major == 14 {
        let both = SlotRequest { two_phase: true, snapshot: Snapshot::Export, ..request };
        let result = connection.create_logical_slot(&both, patience!());
        assert!(matches!(result, Err(PgError::Unsupported { needs: 15, .. })), "{result:?}");
    }
    if major < 17 {
        let modern = SlotRequest { temporary: false, failover: true, ..request };
        let result = connection.create_logical_slot(&modern, patience!());
        assert!(matches!(result, Err(PgError::Unsupported { needs: 17, .. })), "{result:?}");
    }

    run(&mut connection, r#"CREATE PUBLICATION "It's \here"; CREATE PUBLICATION p"#);
    let names = ["p", "It's \\here", "P", "q'; DROP PUBLICATION p; --\\"];
    let survey = connection.survey("b", &names, patience!()).unwrap();
    assert_eq!(survey.missing_publications, [names[2], names[3]]);
    assert_eq!((survey.wal_sender_timeout.as_str(), survey.run.in_recovery), ("1min", false));
    assert_eq!(survey.slot, connection.slot_info("b", patience!()).unwrap());
    let none = connection.survey("none", &[] as &[&str], patience!()).unwrap();
    assert!(none.slot.is_none() && none.missing_publications.is_empty());
}
