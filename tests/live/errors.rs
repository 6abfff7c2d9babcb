//! Each error that a server can provoke, on the oldest and the newest major, and in another language: code, SQLSTATE,
//! what to do, and no password anywhere.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use walstream::model::Code;
use walstream::model::code::ErrorFlag;

use crate::support::host::Fault;
use crate::support::server::{self, Server};
use crate::support::{Case, Host, Sql};

const SECRET: &str = "s3cr3t-pa55word";
/// What the server says to 1/0 in English.
const ENGLISH: &str = "division by zero";

const ARGUMENTS: [&str; 8] = [
    "--hba",
    "host all locked 127.0.0.1/32 scram-sha-256",
    "--hba",
    "host all barred 127.0.0.1/32 reject",
    "--set",
    "max_slot_wal_keep_size=1MB",
    "--set",
    "log_error_verbosity=terse",
];

/// A fault as expected: code, SQLSTATE ("" also where the library found it out itself), may be tried again.
#[track_caller]
fn expect(fault: &Fault, code: Code, sqlstate: &str, retriable: bool) {
    assert_eq!((fault.code, fault.sqlstate.as_str()), (code as i32, sqlstate), "{fault:?}");
    assert_eq!(fault.flags & ErrorFlag::RETRIABLE as u32 != 0, retriable, "{fault:?}");
    no_secret(fault);
}

#[track_caller]
fn no_secret(fault: &Fault) {
    for text in [&fault.message, &fault.detail, &fault.hint] {
        assert!(!text.contains(SECRET), "{fault:?}");
    }
}

struct Scene<'a> {
    case: Case<'a>,
}

impl Scene<'_> {
    fn try_start(&self, conninfo: &str, options: &[(&str, &str)]) -> Fault {
        let host = self.case.host_at(&format!("{conninfo} password={SECRET}"), options);
        let fault = host.try_start(0).unwrap_err();
        assert_eq!(fault.flags & ErrorFlag::FATAL as u32, 0, "a start may be tried again: {fault:?}");
        let log = host.log();
        assert!(!log.iter().any(|line| line.contains(SECRET)), "{log:?}");
        fault
    }

    fn with(&self, options: &[(&str, &str)]) -> Fault {
        self.try_start(&self.case.conninfo(), options)
    }

    fn slot(&mut self, name: &str, rest: &str) {
        self.case.sql.run(&format!("SELECT pg_create_logical_replication_slot('{name}'{rest})"));
    }
}

fn all(server: &Server) {
    let mut scene = Scene { case: Case::new(server) };
    scene.case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
    scene.case.publish();
    refused(&mut scene);
    not_there(&mut scene);
    not_fitting(&mut scene);
    unsupported(&scene);
    positions(&mut scene);
    publication_gone(&mut scene);
    slot_gone(&mut scene);
    slot_lost(&mut scene);
}

fn refused(scene: &mut Scene<'_>) {
    scene.case.sql.each(&[
        &format!("CREATE ROLE locked LOGIN REPLICATION PASSWORD '{SECRET}x'"),
        "CREATE ROLE barred LOGIN REPLICATION",
        "CREATE ROLE plain LOGIN",
    ]);
    let conninfo = scene.case.conninfo();
    expect(&scene.try_start(&format!("{conninfo} user=locked"), &[]), Code::E_AUTH, "28P01", false);
    let host = scene.case.host_at(&format!("{conninfo} user=locked passfile=/nonexistent"), &[]);
    expect(&host.try_start(0).unwrap_err(), Code::E_AUTH, "", false);
    expect(&scene.try_start(&format!("{conninfo} user=barred"), &[]), Code::E_AUTH, "28000", false);
    expect(&scene.try_start(&format!("{conninfo} user=nobody_here"), &[]), Code::E_AUTH, "28000", false);
    expect(&scene.try_start(&format!("{conninfo} user=plain"), &[]), Code::E_AUTH, "42501", false);
    expect(&scene.try_start("host=no-such-host.invalid", &[]), Code::E_CONNECT, "", true);
    // Nobody listens on port 1.
    expect(&scene.try_start(&format!("{conninfo} port=1"), &[]), Code::E_CONNECT, "", true);
}

fn not_there(scene: &mut Scene<'_>) {
    let conninfo = scene.case.conninfo();
    let fault = scene.try_start(&format!("{conninfo} dbname=no_such_db"), &[]);
    expect(&fault, Code::E_SERVER, "3D000", false);
    assert!(fault.message.contains("no_such_db"), "{fault:?}");
    let fault = scene.with(&[("slot", "no_such_slot")]);
    expect(&fault, Code::E_SLOT_MISSING, "", false);
    assert!(fault.message.contains("no_such_slot"), "{fault:?}");
    let fault = scene.with(&[("publication", "pub, \"No such\"")]);
    expect(&fault, Code::E_PUBLICATION, "", false);
    assert!(fault.message.contains("No such"), "{fault:?}");
    let absent = [("slot", "made"), ("slot.create", "if-missing"), ("plugin", "no_such_plugin")];
    expect(&scene.with(&absent), Code::E_SERVER, "58P01", false);
}

fn not_fitting(scene: &mut Scene<'_>) {
    let name = scene.case.slot().to_owned();
    scene.case.sql.run(&format!("SELECT pg_create_physical_replication_slot('{name}_p')"));
    expect(&scene.with(&[("slot", &format!("{name}_p"))]), Code::E_ARGUMENT, "", false);
    expect(
        &scene.try_start(&scene.case.server.conninfo("postgres"), &[("publication", "")]),
        Code::E_ARGUMENT,
        "",
        false,
    );
    // Who has it is told; who waits for it may wait.
    let holder = scene.case.stream(&[]);
    let fault = scene.with(&[("slot.wait_ms", "0")]);
    expect(&fault, Code::E_SLOT_IN_USE, "55006", true);
    assert!(fault.message.contains(&scene.case.walsender().unwrap().to_string()), "{fault:?}");
    holder.stop(5000);
    let fault = scene.with(&[("plugin.no_such_option", "1")]);
    assert_eq!(fault.code, Code::E_SERVER as i32, "{fault:?}");
    assert!(fault.message.contains("no_such_option"), "{fault:?}");
}

fn unsupported(scene: &Scene<'_>) {
    for (option, value, since) in [
        ("two_phase", "on", 15),
        ("protocol_version", "3", 15),
        ("protocol_version", "4", 16),
        ("streaming", "parallel", 16),
        ("origin", "none", 16),
        ("slot.failover", "on", 17),
    ] {
        if scene.case.server.major() < since {
            let fault = scene.with(&[(option, value)]);
            expect(&fault, Code::E_UNSUPPORTED, "", false);
            assert!(fault.message.contains(&since.to_string()), "{fault:?}");
        }
    }
}

fn positions(scene: &mut Scene<'_>) {
    let host = scene.case.host(&[]);
    expect(&host.try_start(0x7FFF_FFFF_0000_0000).unwrap_err(), Code::E_GAP, "", false);
    host.start(0);
    let position = host.position();
    expect(&host.try_ack(u64::MAX).unwrap_err(), Code::E_ACK_AHEAD, "", false);
    host.stop(5000);
    let [system, timeline, lsn] = position.split(':').collect::<Vec<_>>()[..] else { panic!("{position}") };
    let other = system.parse::<u64>().unwrap() + 1;
    let wrong = format!("{other}:{timeline}:{lsn}");
    expect(&scene.with(&[("start.position", &wrong)]), Code::E_WRONG_SYSTEM, "", false);
    let strange = format!("{system}:9:{lsn}");
    expect(&scene.with(&[("start.position", &strange)]), Code::E_GAP, "", false);
    // The slot is ahead of what a careful host has.
    let host = scene.case.host(&[("start.strict", "on"), ("idle_advance", "off")]);
    expect(&host.try_start(0x10).unwrap_err(), Code::E_GAP, "", false);
}

/// Up to 17 the server ends the stream; 18 warns and leaves the changes out.
fn publication_gone(scene: &mut Scene<'_>) {
    scene.case.sql.run("CREATE PUBLICATION passing FOR ALL TABLES");
    let name = format!("{}_pub", scene.case.slot());
    scene.slot(&name, ", 'pgoutput'");
    let host =
        scene.case.stream(&[("slot", &name), ("publication", "passing"), ("publication.missing", "error")]);
    scene.case.sql.each(&["DROP PUBLICATION passing", "INSERT INTO t VALUES (1)"]);
    let fault = host.failure();
    let state = if scene.case.server.major() < 18 { "42704" } else { "" };
    expect(&fault, Code::E_PUBLICATION, state, false);
    assert_ne!(fault.flags & ErrorFlag::FATAL as u32, 0, "{fault:?}");
    assert!(fault.message.contains("passing"), "{fault:?}");
    drop(host);
    if scene.case.server.major() >= 18 {
        scene.case.sql.run("CREATE PUBLICATION passing FOR ALL TABLES");
        let host = scene.case.stream(&[("slot", &name), ("publication", "pub, passing")]);
        let rows = host.entries(1);
        assert!(!rows.is_empty());
        assert!(
            host.log().iter().any(|line| line.starts_with("1 ") && line.contains("passing")),
            "{:?}",
            host.log()
        );
    }
}

/// Somebody drops the slot that a stream reads.
fn slot_gone(scene: &mut Scene<'_>) {
    let name = format!("{}_gone", scene.case.slot());
    scene.slot(&name, ", 'pgoutput'");
    let host = scene.case.stream(&[("slot", &name)]);
    let drop = format!(
        "SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE slot_name = '{name}'; \
         SELECT pg_drop_replication_slot('{name}')"
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = scene.case.sql.try_run(&drop) {
        assert!(Instant::now() < deadline, "{error}");
    }
    let fault = host.failure();
    // The server's word for it, if the slot went between the look at it and the start.
    let state = if fault.sqlstate.is_empty() { "" } else { "42704" };
    expect(&fault, Code::E_SLOT_MISSING, state, false);
    assert_ne!(fault.flags & ErrorFlag::FATAL as u32, 0, "{fault:?}");
    assert_eq!(host.failure(), fault, "the same for ever");
}

/// max_slot_wal_keep_size is exceeded: for a stream that runs, and for a slot that nobody reads.
fn slot_lost(scene: &mut Scene<'_>) {
    let name = format!("{}_lost", scene.case.slot());
    scene.slot(&name, ", 'pgoutput'");
    let host = scene.case.stream(&[("slot", &name), ("idle_advance", "off")]);
    for _ in 0..4 {
        scene.case.sql.each(&["SELECT pg_logical_emit_message(false, '', '')", "SELECT pg_switch_wal()"]);
    }
    scene.case.sql.run("CHECKPOINT");
    expect(&host.failure(), Code::E_SLOT_LOST, "", false);
    let fault = scene.with(&[("slot", &name)]);
    expect(&fault, Code::E_SLOT_LOST, "", false);
    assert!(fault.message.contains(&name), "{fault:?}");
}

fn wal_level(major: u32) {
    let server = Server::own(major, &["--set", "wal_level=replica"]);
    let case = Case::new(&server);
    let mut sql = Sql::connect(&case.conninfo());
    sql.run("CREATE PUBLICATION pub FOR ALL TABLES");
    let fault = case.host(&[("slot.create", "if-missing")]).try_start(0).unwrap_err();
    expect(&fault, Code::E_SERVER, "55000", false);
    assert!(fault.hint.contains("wal_level"), "{fault:?}");
}

#[test]
fn on_the_oldest() {
    if let Some(major) = server::majors().into_iter().min() {
        all(&Server::own(major, &ARGUMENTS));
        wal_level(major);
    }
}

#[test]
fn on_the_newest() {
    let (oldest, newest) = (server::majors().into_iter().min(), server::majors().into_iter().max());
    if let Some(major) = newest.filter(|_| newest != oldest) {
        all(&Server::own(major, &ARGUMENTS));
        wal_level(major);
    }
}

/// On a server of the distribution's, which brings translations: downloaded ones are built without.
#[test]
fn in_another_language() {
    let translated = |major: &u32| {
        Path::new(&format!("/usr/lib/postgresql/{major}/bin/pg_ctl")).exists()
            && Path::new(&format!("/usr/share/locale/de/LC_MESSAGES/postgres-{major}.mo")).exists()
    };
    let Some(major) = server::majors().into_iter().rev().find(translated) else {
        eprintln!("skipped: no server with translations among {:?}", server::majors());
        return;
    };
    let dir = german(major);
    let mut arguments = ARGUMENTS.to_vec();
    // A language of its own, but no need for that language's locale.
    arguments.extend(["--set", "lc_messages=C.UTF-8"]);
    let variable = format!("WALSTREAM_PG_BINDIR_{major}");
    let server = Server::own_with(major, &arguments, &[(&variable, dir.path().to_str().unwrap())]);
    let error = Sql::connect(&server.conninfo("postgres")).try_run("SELECT 1 / 0").unwrap_err().to_string();
    if error.contains(ENGLISH) {
        eprintln!("skipped: PostgreSQL {major} speaks English though it was told otherwise");
        return;
    }
    all(&server);
}

/// The server's programs, with German as their first language.
fn german(major: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let real = format!("/usr/lib/postgresql/{major}/bin");
    for program in ["initdb", "postgres"] {
        symlink(format!("{real}/{program}"), dir.path().join(program)).unwrap();
    }
    let script = dir.path().join("pg_ctl");
    fs::write(&script, format!("#!/bin/sh\nLANGUAGE=de LC_ALL= exec {real}/pg_ctl \"$@\"\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// What is wrong with a connection string is said without what is secret in it.
#[test]
fn passwords_stay_out_of_complaints() {
    for conninfo in [
        format!("postgresql://me:{SECRET}@[::1/db"),
        format!("postgresql://me:{SECRET}@host:port:x/db?nonsense=1"),
        format!("postgresql://me:{SECRET}%zz@host/db"),
        format!("postgresql://me@host/db?password={SECRET}&x"),
        format!("host=x password={SECRET} nonsense=1"),
        format!("host=x password='{SECRET}"),
        format!("host=x password {SECRET}"),
        format!("host=x password=half {SECRET}"),
    ] {
        match Host::try_open(&conninfo, &[("slot", "s"), ("publication", "p")]) {
            Err(fault) => {
                assert!(fault.is(Code::E_ARGUMENT), "{fault:?}");
                no_secret(&fault);
            }
            Ok(_) => panic!("taken: {conninfo}"),
        }
    }
}
