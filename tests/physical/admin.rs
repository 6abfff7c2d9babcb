//! Every administrative command on every major, and what it refuses.

use std::time::Duration;

use walstream::ffi::*;
use walstream::model::Code;

use crate::desk::{Desk, request};
use crate::on_each_major;
use crate::support::host::lsn;
use crate::support::{Case, Server, Sql, wait_until};

const LIMIT: Duration = Duration::from_secs(20);

pub fn desk(case: &Case<'_>) -> Desk {
    Desk::open(&case.conninfo(), &[]).unwrap()
}

/// Slots and walsenders that are left of this case.
pub fn leftovers(case: &mut Case<'_>) -> (String, String) {
    let slots = format!("SELECT count(*) FROM pg_replication_slots WHERE database = '{}'", case.database);
    let senders = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = '{}'",
        case.database
    );
    (case.sql.value(&slots), case.sql.value(&senders))
}

on_each_major! {
    fn the_system_is_identified(case, from 14) {
        let (system, database) = desk(case).identify().unwrap();
        assert_eq!(database, case.database);
        let known = case.sql.value("SELECT system_identifier FROM pg_control_system()");
        assert_eq!(system.system_id.to_string(), known);
        assert_eq!(system.timeline, 1);
        assert!(system.flush_lsn <= lsn(&case.sql.value("SELECT pg_current_wal_flush_lsn()")));
        assert_eq!(system.server_version.to_string(), case.sql.value("SHOW server_version_num"));
    }

    fn settings_are_shown(case, from 14) {
        let desk = desk(case);
        assert_eq!(desk.show("wal_level").unwrap(), "logical");
        assert_eq!(desk.show("wal_segment_size").unwrap(), "16MB");
        for name in ["no such setting", "wal_level; DROP TABLE x", "\"", "a\\'"] {
            let fault = desk.show(name).unwrap_err();
            assert!(fault.is(Code::E_ARGUMENT), "{name}: {fault:?}");
        }
        assert_eq!(desk.show("wal_level").unwrap(), "logical", "the connection still serves");
    }

    fn logical_slots_of_all_kinds(case, from 14) {
        let desk = desk(case);
        let name = case.slot().to_owned();
        let major = case.server.major();
        let (code, point, snapshot) = desk.create(&name, None, -1).unwrap();
        assert_eq!((code, snapshot.is_none()), (0, true));
        let slot = desk.read(&name).unwrap();
        assert_eq!((slot.confirmed_flush_lsn, slot.flags), (point, 0));
        assert_eq!((slot.plugin.as_str(), slot.database.as_str()), ("pgoutput", case.database.as_str()));
        assert_eq!((slot.wal_status.as_str(), slot.invalidation_reason.as_str()), ("reserved", ""));
        let fault = desk.create(&name, None, -1).map(|_| ()).unwrap_err();
        assert_eq!((fault.code, fault.sqlstate.as_str()), (Code::E_SERVER as i32, "42710"));
        assert_eq!(desk.drop_slot(&name, false, -1).unwrap(), 0);
        assert!(desk.read(&name).unwrap_err().is(Code::E_SLOT_MISSING));
        assert!(desk.drop_slot(&name, false, -1).unwrap_err().is(Code::E_SLOT_MISSING));

        let two_phase = SlotFlag::TWO_PHASE as u32;
        desk.create(&name, request(two_phase, SnapshotWish::NOTHING), -1).unwrap();
        assert_eq!(desk.read(&name).unwrap().flags, two_phase);
        desk.drop_slot(&name, true, -1).unwrap();

        let failover = SlotFlag::FAILOVER as u32;
        let made = desk.create(&name, request(failover, SnapshotWish::NOTHING), -1).map(|_| ());
        if major >= 17 {
            made.unwrap();
            assert_eq!(desk.read(&name).unwrap().flags, failover);
            desk.drop_slot(&name, false, -1).unwrap();
        } else {
            let fault = made.unwrap_err();
            assert!(fault.is(Code::E_UNSUPPORTED) && fault.message.contains("PostgreSQL 17"), "{fault:?}");
        }

        let temporary = SlotFlag::TEMPORARY as u32;
        desk.create(&name, request(temporary, SnapshotWish::NOTHING), -1).unwrap();
        assert_eq!(desk.read(&name).unwrap().flags, temporary | SlotFlag::ACTIVE as u32);
        drop(desk);
        wait_until(LIMIT, "the temporary slot is gone", || leftovers(case) == ("0".into(), "0".into()));
    }

    fn physical_slots(case, from 14) {
        let desk = desk(case);
        let name = format!("{}_ph", case.slot());
        let physical = SlotFlag::PHYSICAL as u32;
        let reserved = physical | SlotFlag::RESERVE_WAL as u32;
        let (_, point, _) = desk.create(&name, request(physical, SnapshotWish::NOTHING), -1).unwrap();
        assert_eq!(point, 0);
        let slot = desk.read(&name).unwrap();
        assert_eq!((slot.flags, slot.restart_lsn, slot.wal_status.as_str()), (physical, 0, ""));
        desk.drop_slot(&name, false, -1).unwrap();
        desk.create(&name, request(reserved, SnapshotWish::NOTHING), -1).unwrap();
        let slot = desk.read(&name).unwrap();
        let restart = case.sql.value(&format!(
            "SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = '{name}'"));
        assert_eq!((slot.restart_lsn, slot.flags), (lsn(&restart), physical));
        let timeline = if case.server.major() >= 15 { 1 } else { 0 };
        assert_eq!(slot.restart_timeline, timeline);
        desk.drop_slot(&name, false, -1).unwrap();
        let temporary = reserved | SlotFlag::TEMPORARY as u32;
        desk.create(&name, request(temporary, SnapshotWish::NOTHING), -1).unwrap();
        assert_ne!(desk.read(&name).unwrap().flags & SlotFlag::TEMPORARY as u32, 0);
    }

    fn an_exported_snapshot_lives_as_long_as_its_handle(case, from 14) {
        case.sql.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
        let desk = desk(case);
        let name = case.slot().to_owned();
        for wish in [SnapshotWish::EXPORT, SnapshotWish::USE] {
            let (_, point, snapshot) = desk.create(&name, request(0, wish), -1).unwrap();
            let snapshot = snapshot.unwrap();
            assert_eq!(snapshot.lsn(), point);
            case.sql.run("INSERT INTO t VALUES (2)");
            // The connection is the snapshot's now: this makes another.
            assert_eq!(desk.show("wal_level").unwrap(), "logical");
            let import = |sql: &mut Sql| {
                let begin = format!(
                    "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{}'", snapshot.name());
                let imported = sql.try_run(&begin);
                imported.map(|_| sql.value("SELECT count(*) FROM t"))
            };
            let mut other = Sql::connect(&case.conninfo());
            assert_eq!(import(&mut other).unwrap(), "1");
            let name_alone = snapshot.name();
            drop(snapshot);
            wait_until(LIMIT, "the snapshot is gone", || {
                let mut late = Sql::connect(&case.conninfo());
                late.try_run(&format!(
                    "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{name_alone}'")).is_err()
            });
            assert_eq!(other.value("SELECT count(*) FROM t"), "1", "whoever imported it keeps it");
            desk.drop_slot(&name, true, -1).unwrap();
            case.sql.run("DELETE FROM t WHERE a = 2");
        }
    }

    fn a_snapshot_outlives_its_admin(case, from 14) {
        let desk = desk(case);
        let name = case.slot().to_owned();
        let made = desk.create(&name, request(0, SnapshotWish::EXPORT), -1).unwrap();
        drop(desk);
        let snapshot = made.2.unwrap();
        case.sql.run(&format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{}'; COMMIT", snapshot.name()));
    }

    fn altering_needs_its_version(case, from 14) {
        let desk = desk(case);
        let name = case.slot().to_owned();
        let major = case.server.major();
        desk.create(&name, None, -1).unwrap();
        for (two_phase, failover, first, flag) in
            [(-1, 1, 17, SlotFlag::FAILOVER), (1, -1, 18, SlotFlag::TWO_PHASE)]
        {
            let altered = desk.alter(&name, two_phase, failover);
            if major >= first {
                assert_eq!(altered.unwrap(), 0);
                assert_ne!(desk.read(&name).unwrap().flags & flag as u32, 0);
                desk.alter(&name, two_phase.min(0), failover.min(0)).unwrap();
                assert_eq!(desk.read(&name).unwrap().flags & flag as u32, 0);
            } else {
                let fault = altered.unwrap_err();
                assert!(fault.is(Code::E_UNSUPPORTED), "{fault:?}");
                assert!(fault.message.contains(&format!("PostgreSQL {first}")), "{fault:?}");
            }
        }
        assert!(desk.alter(&name, 2, -1).unwrap_err().is(Code::E_ARGUMENT));
    }

    fn dropping_waits_for_the_reader(case, from 14) {
        case.publish();
        let host = case.stream(&[]);
        let desk = desk(case);
        let name = case.slot().to_owned();
        assert!(desk.drop_slot(&name, false, -1).unwrap_err().is(Code::E_SLOT_IN_USE));
        assert_eq!(desk.drop_slot(&name, true, 200).unwrap(), Code::TIMEOUT as i32);
        assert_ne!(desk.read(&name).unwrap().flags & SlotFlag::ACTIVE as u32, 0, "nothing was dropped");
        std::thread::scope(|scope| {
            let dropping = scope.spawn(|| desk.drop_slot(&name, true, -1));
            let waits = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ReplicationSlotDrop' AND datname = '{}'",
                case.database);
            wait_until(LIMIT, "the drop waits", || case.sql.value(&waits) == "1");
            assert_eq!(host.stop(-1), 0);
            assert_eq!(dropping.join().unwrap().unwrap(), 0);
        });
        assert!(desk.read(&name).unwrap_err().is(Code::E_SLOT_MISSING));
    }

    fn names_cannot_carry_commands(case, from 14) {
        let desk = desk(case);
        let long = "a".repeat(64);
        for name in ["", "A", "a b", "a\"; DROP_REPLICATION_SLOT x", "a'", "a\\", "a;b", "\u{e4}", &long] {
            let fault = desk.create(name, None, -1).map(|_| ()).unwrap_err();
            assert!(fault.is(Code::E_ARGUMENT), "{name}: {fault:?}");
            assert!(desk.read(name).unwrap_err().is(Code::E_ARGUMENT));
            assert!(desk.alter(name, -1, -1).unwrap_err().is(Code::E_ARGUMENT));
            assert!(desk.drop_slot(name, true, -1).unwrap_err().is(Code::E_ARGUMENT));
        }
        for (plugin, code, sqlstate) in [
            ("pgoutput\" (SNAPSHOT 'use'); SELECT 1; --", Code::E_ARGUMENT, ""),
            // It is a file's name to the server, and there is no such file.
            ("pgoutput (SNAPSHOT 'use'); SELECT 1; --", Code::E_SERVER, "58P01"),
        ] {
            let plugin = std::ffi::CString::new(plugin).unwrap();
            let mut wanted = request(0, SnapshotWish::NOTHING).unwrap();
            wanted.plugin = plugin.as_ptr();
            let fault = desk.create(case.slot(), Some(wanted), -1).map(|_| ()).unwrap_err();
            assert_eq!((fault.code, fault.sqlstate.as_str()), (code as i32, sqlstate), "{fault:?}");
        }
        assert_eq!(leftovers(case).0, "0");
    }

    fn a_session_that_the_server_ended_is_made_anew(case, from 14) {
        let desk = desk(case);
        case.sql.run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE backend_type = 'walsender' AND datname = '{}'", case.database));
        wait_until(LIMIT, "the session is gone", || leftovers(case).1 == "0");
        assert_eq!(desk.show("wal_level").unwrap(), "logical");
    }

    fn requests_that_no_slot_has(case, from 14) {
        let desk = desk(case);
        let physical = SlotFlag::PHYSICAL as u32;
        for (flags, wish) in [
            (physical | SlotFlag::TWO_PHASE as u32, SnapshotWish::NOTHING),
            (physical | SlotFlag::FAILOVER as u32, SnapshotWish::NOTHING),
            (physical, SnapshotWish::EXPORT),
            (SlotFlag::RESERVE_WAL as u32, SnapshotWish::NOTHING),
            (SlotFlag::ACTIVE as u32, SnapshotWish::NOTHING),
            (SlotFlag::TEMPORARY as u32 | SlotFlag::FAILOVER as u32, SnapshotWish::NOTHING),
        ] {
            let fault = desk.create(case.slot(), request(flags, wish), -1).map(|_| ()).unwrap_err();
            assert!(fault.is(Code::E_ARGUMENT), "{flags}: {fault:?}");
        }
        if case.server.major() == 14 {
            let two_phase = request(SlotFlag::TWO_PHASE as u32, SnapshotWish::EXPORT);
            let fault = desk.create(case.slot(), two_phase, -1).map(|_| ()).unwrap_err();
            assert!(fault.is(Code::E_UNSUPPORTED) && fault.message.contains("PostgreSQL 15"), "{fault:?}");
        }
        assert_eq!(leftovers(case).0, "0");
    }
}

/// Everything that needs no database, to a role that may connect to none.
#[test]
fn physical_needs_no_database() {
    for major in crate::support::server::majors() {
        // A line of the log behind a slot's making would be one more moment to be cancelled in, with the slot made.
        let quiet = ["--set", "log_replication_commands=off"];
        let server =
            Server::own(major, &[&["--hba", "host all keeper 127.0.0.1/32 reject"], &quiet[..]].concat());
        Sql::connect(&server.conninfo("postgres")).run("CREATE ROLE keeper LOGIN REPLICATION");
        let conninfo = format!("host=127.0.0.1 port={} user=keeper", server.port());
        assert!(Desk::open(&conninfo, &[]).map(|_| ()).unwrap_err().is(Code::E_AUTH));
        let desk = Desk::open(&conninfo, &[("mode", "physical")]).unwrap();
        let (system, database) = desk.identify().unwrap();
        assert_eq!((system.timeline, database.as_str()), (1, ""));
        assert_eq!(desk.show("wal_level").unwrap(), "logical");
        assert!(desk.history(1).unwrap().2.is_empty());
        let physical = SlotFlag::PHYSICAL as u32;
        for flags in
            [physical, physical | SlotFlag::RESERVE_WAL as u32, physical | SlotFlag::TEMPORARY as u32]
        {
            assert_eq!(desk.create("ph", request(flags, SnapshotWish::NOTHING), -1).unwrap().0, 0);
            let read = desk.read("ph");
            if major < 15 {
                let fault = read.unwrap_err();
                assert!(
                    fault.is(Code::E_UNSUPPORTED) && fault.message.contains("PostgreSQL 15"),
                    "{fault:?}"
                );
            } else {
                let slot = read.unwrap();
                let reserved = flags & SlotFlag::RESERVE_WAL as u32 != 0;
                assert_eq!((slot.flags, slot.restart_lsn != 0), (physical, reserved));
                assert_eq!(slot.restart_timeline, u32::from(reserved));
            }
            assert_eq!(desk.drop_slot("ph", false, -1).unwrap(), 0);
        }
        if major >= 15 {
            assert!(desk.read("ph").unwrap_err().is(Code::E_SLOT_MISSING));
        }
        assert!(desk.drop_slot("ph", true, -1).unwrap_err().is(Code::E_SLOT_MISSING));
        // Made and undone, without SQL.
        let late = desk.create("ph", request(physical, SnapshotWish::NOTHING), 0).unwrap();
        assert_eq!(late.0, Code::TIMEOUT as i32);
        assert!(desk.drop_slot("ph", false, -1).unwrap_err().is(Code::E_SLOT_MISSING));
        for wish in [SnapshotWish::NOTHING, SnapshotWish::EXPORT] {
            let fault = desk.create("lo", request(0, wish), -1).map(|_| ()).unwrap_err();
            assert!(fault.is(Code::E_ARGUMENT) && fault.message.contains("database"), "{fault:?}");
        }
    }
}

#[test]
fn timeline_histories() {
    let server = Server::own(crate::support::server::majors()[0], &[]);
    server.command("stop fast");
    std::fs::File::create(format!("{}/standby.signal", server.fact("datadir"))).unwrap();
    server.command("start");
    let desk = Desk::open(&server.conninfo("postgres"), &[]).unwrap();
    assert!(desk.history(1).unwrap().2.is_empty());
    server.command("promote");
    let mut sql = Sql::connect(&server.conninfo("postgres"));
    wait_until(LIMIT, "the standby is promoted", || sql.value("SELECT pg_is_in_recovery()") == "f");
    let (name, content, switches) = desk.history(2).unwrap();
    assert_eq!(name, "00000002.history");
    let path = format!("{}/pg_wal/{name}", server.fact("datadir"));
    assert_eq!(content, std::fs::read(path).unwrap());
    let [switch] = switches[..] else { panic!("{switches:?}") };
    assert_eq!((switch.old_timeline, switch.timeline), (1, 2));
    let line = String::from_utf8(content).unwrap();
    assert_eq!(switch.switch_lsn, lsn(line.split('\t').nth(1).unwrap()));
    assert!(desk.history(3).unwrap_err().is(Code::E_SERVER));
    assert_eq!(desk.identify().unwrap().0.timeline, 2);
}

#[test]
fn what_cannot_be_reached_or_is_not_allowed() {
    let nobody = "host=127.0.0.1 port=1 user=postgres dbname=postgres";
    assert!(Desk::open(nobody, &[]).map(|_| ()).unwrap_err().is(Code::E_CONNECT));
    assert!(Desk::open("port=x y", &[]).map(|_| ()).unwrap_err().is(Code::E_ARGUMENT));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let conninfo = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable");
    let fault = Desk::open(&conninfo, &[("connect_timeout_ms", "200")]).map(|_| ()).unwrap_err();
    assert!(fault.is(Code::E_CONNECT), "{fault:?}");
}
