//! The pg floor against live servers, which the tests start themselves and remove.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use walstream::lsn::Lsn;
use walstream::pg::*;

// ---------------------------------------------------------------------------------------------- helper

/// Debian's, which speak other languages, too; else those that `make test` has fetched.
fn programs() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut all: Vec<PathBuf> = installed
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    all.sort();
    all.pop().unwrap_or_else(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/pg-binaries");
        let out = Command::new(script).arg("any").output().unwrap().stdout;
        PathBuf::from(String::from_utf8(out).unwrap().trim())
    })
}

struct Server {
    dir: tempfile::TempDir,
    bin: PathBuf,
    owner: Option<(u32, u32)>,
    locale_path: Option<PathBuf>,
}

impl Server {
    fn start(settings: &str, hba: &str) -> Server {
        let server = Server::init(settings, hba);
        server.pg_ctl(&["-w", "start"]);
        server
    }

    fn init(settings: &str, hba: &str) -> Server {
        let bin = std::env::var_os("WALSTREAM_PG_BINDIR").map_or_else(programs, PathBuf::from);
        let dir = tempfile::Builder::new().prefix("wst").tempdir_in("/tmp").unwrap();
        let id = |flag: &str| {
            // As scripts/lib/common.sh: server_user.
            let of = |user| String::from_utf8(Command::new("id").args([flag, user]).output().unwrap().stdout);
            let parse = |user| of(user).unwrap().trim().parse::<u32>().ok();
            parse("postgres").or_else(|| parse("nobody")).expect("a user named postgres or nobody")
        };
        // SAFETY: no preconditions.
        let owner = (unsafe { libc::geteuid() } == 0).then(|| (id("-u"), id("-g")));
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(dir.path(), Some(uid), Some(gid)).unwrap();
        }
        let server = Server { dir, bin, owner, locale_path: None };
        server.run(
            server
                .command("initdb")
                .args(["-A", "trust", "-U", "boss", "-N", "--locale=C", "-E", "UTF8", "-D"])
                .arg(server.data()),
        );
        let append = |file: &str, text: &str| {
            let path = server.data().join(file);
            let old = fs::read_to_string(&path).unwrap();
            // Rules of pg_hba.conf hold from the first match on.
            fs::write(
                path,
                if file == "pg_hba.conf" { format!("{text}\n{old}") } else { format!("{old}\n{text}\n") },
            )
            .unwrap();
        };
        append("pg_hba.conf", hba);
        let base =
            "wal_level=logical\nfsync=off\nlisten_addresses=''\nshared_buffers=16MB\nmax_wal_senders=8\n";
        let socket = format!("unix_socket_directories='{}'\n", server.dir.path().display());
        append("postgresql.conf", &format!("{base}{socket}{settings}"));
        server
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.current_dir("/tmp");
        if let Some((uid, gid)) = self.owner {
            command.uid(uid).gid(gid);
        }
        if let Some(path) = &self.locale_path {
            command.env("LOCPATH", path);
        }
        command
    }

    fn run(&self, command: &mut Command) {
        let out = command.output().unwrap();
        assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    }

    fn pg_ctl(&self, args: &[&str]) {
        let log = self.dir.path().join("log");
        self.run(self.command("pg_ctl").arg("-D").arg(self.data()).arg("-l").arg(log).args(args));
    }

    fn conninfo(&self, more: &str) -> Conninfo {
        Conninfo::parse(&format!("host={} user=boss dbname=postgres {more}", self.dir.path().display()))
            .unwrap()
    }

    fn connect(&self, more: &str) -> Connection {
        connect(&self.conninfo(more)).unwrap()
    }

    fn replication(&self) -> Connection {
        self.connect("replication=database")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self
            .command("pg_ctl")
            .arg("-D")
            .arg(self.data())
            .args(["-m", "immediate", "-w", "stop"])
            .output();
    }
}

/// A patience of a minute that nobody cancels.
macro_rules! patience {
    () => {
        &Patience {
            wake: &EventFd::new().unwrap(),
            cancelled: &|| false,
            deadline: Some(Instant::now() + Duration::from_secs(60)),
        }
    };
}

fn connect(conninfo: &Conninfo) -> Result<Connection, PgError> {
    Connection::connect(conninfo, &[], &[], patience!())
}

fn run(connection: &mut Connection, sql: &str) -> Vec<ResultSet> {
    connection.query(sql, patience!()).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

fn one(connection: &mut Connection, sql: &str) -> String {
    run(connection, sql)[0].text(0, 0).unwrap().to_owned()
}

fn server_error<T: std::fmt::Debug>(result: Result<T, PgError>) -> ServerError {
    match result {
        Err(PgError::Server(error)) => *error,
        other => panic!("expected an error of the server's: {other:?}"),
    }
}

fn connect_error(conninfo: &Conninfo) -> ConnectError {
    match connect(conninfo) {
        Err(PgError::Connect(error)) => {
            println!("{error}");
            assert!(!error.message.as_str().contains("plugh"), "{error}");
            assert!(!error.message.as_str().contains(".c:"), "{error}");
            *error
        }
        other => panic!("expected a refused connection: {other:?}"),
    }
}

fn sqlstate(error: &ConnectError) -> Option<&str> {
    error.sqlstate.as_ref().map(SqlState::as_str)
}

/// The next frame of a running COPY; `None` at its end.
fn frame(connection: &mut Connection) -> Result<Option<CopyData>, PgError> {
    loop {
        match connection.receive()? {
            Received::Frame(frame) => return Ok(Some(frame)),
            Received::Ended => return Ok(None),
            Received::Nothing => {
                let deadline = Some(Instant::now() + Duration::from_secs(60));
                let socket = (connection.socket()?, Interest::Read);
                assert!(!wait(Some(socket), &EventFd::new()?, deadline)?.timed_out, "no frame");
                connection.consume_input()?;
            }
        }
    }
}

/// Waits until `sql` gives "t".
fn until(connection: &mut Connection, sql: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while one(connection, sql) != "t" {
        assert!(Instant::now() < deadline, "{sql}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

// ----------------------------------------------------------------------------------------------- tests

#[test]
fn refusals_carry_their_sqlstate_and_no_password() {
    let server = Server::start(
        "max_connections=20\nsuperuser_reserved_connections=1\nmax_wal_senders=1",
        "local all locked scram-sha-256\nlocal all nobody reject",
    );
    let mut boss = server.connect("");
    assert!(!boss.is_encrypted());
    assert!(boss.describe().contains("database \"postgres\""), "{}", boss.describe());
    run(&mut boss, "SET password_encryption = 'scram-sha-256'");
    run(
        &mut boss,
        "CREATE ROLE locked LOGIN PASSWORD 'xyzzy'; CREATE ROLE nobody LOGIN; CREATE ROLE guest LOGIN",
    );

    let wrong = connect_error(&server.conninfo("user=locked password=plugh"));
    assert_eq!((sqlstate(&wrong), wrong.needs_password), (Some("28P01"), false));
    let none = connect_error(&server.conninfo("user=locked passfile=/nonexistent"));
    assert_eq!((sqlstate(&none), none.needs_password), (None, true));
    assert!(connect(&server.conninfo("user=locked password=xyzzy")).is_ok());
    assert_eq!(sqlstate(&connect_error(&server.conninfo("dbname=nowhere"))), Some("3D000"));
    assert_eq!(sqlstate(&connect_error(&server.conninfo("user=stranger"))), Some("28000"));
    assert_eq!(sqlstate(&connect_error(&server.conninfo("user=nobody"))), Some("28000"));
    let tricky = "dbname='x\n:  42P01: y'";
    assert_eq!(sqlstate(&connect_error(&server.conninfo(tricky))), Some("3D000"));
    assert_eq!(sqlstate(&connect_error(&server.conninfo("options='-c no_such=1'"))), Some("42704"));

    let _first = server.replication();
    let second = server.conninfo("replication=database");
    assert_eq!(sqlstate(&connect_error(&second)), Some("53300"));
    let mut guests = Vec::new();
    let refused = loop {
        assert!(guests.len() < 20);
        match connect(&server.conninfo("user=guest")) {
            Ok(guest) => guests.push(guest),
            Err(PgError::Connect(error)) => break error,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(sqlstate(&refused), Some("53300"));

    let elsewhere = Conninfo::parse("host=/nonexistent user=x password=plugh").unwrap();
    assert_eq!(sqlstate(&connect_error(&elsewhere)), None);
    let closed = Conninfo::parse("postgresql://x:plugh@127.0.0.1:1/y").unwrap();
    assert_eq!(sqlstate(&connect_error(&closed)), None);
    // No name may be so long: nobody is asked for it.
    let unknown = Conninfo::parse(&format!("host={}.invalid user=x password=plugh", "x".repeat(64))).unwrap();
    assert_eq!(sqlstate(&connect_error(&unknown)), None);
}

#[test]
fn a_translating_server_changes_nothing() {
    let locales = tempfile::Builder::new().prefix("wsl").tempdir_in("/tmp").unwrap();
    fs::set_permissions(locales.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let made = Command::new("localedef")
        .args(["-i", "de_DE", "-f", "UTF-8"])
        .arg(locales.path().join("de_DE.UTF-8"))
        .output();
    if !made.is_ok_and(|out| out.status.success()) {
        eprintln!("skipped: localedef cannot make de_DE.UTF-8 here");
        return;
    }
    let mut server = Server::init("", "local all nobody reject");
    server.locale_path = Some(locales.path().to_owned());
    fs::write(server.data().join("postgresql.auto.conf"), "lc_messages = 'de_DE.UTF-8'\n").unwrap();
    server.pg_ctl(&["-w", "start"]);
    let mut boss = server.connect("");
    let error = server_error(boss.query("SELECT * FROM missing", patience!()));
    if error.message.as_str().contains("does not exist") {
        eprintln!("skipped: this server was built without translations");
        return;
    }
    println!("{error:?}");
    assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("ERROR", "42P01"));
    assert_eq!(error.source_function.as_str(), "parserOpenTable");
    assert_eq!(sqlstate(&connect_error(&server.conninfo("dbname=nowhere"))), Some("3D000"));
    assert_eq!(sqlstate(&connect_error(&server.conninfo("user=stranger"))), Some("28000"));
    assert_eq!(sqlstate(&connect_error(&server.conninfo("user=nobody"))), Some("28000"));
    // A notice, too.
    run(&mut boss, "DROP TABLE IF EXISTS missing");
    let notice = boss.take_notices().pop().unwrap();
    assert_eq!((notice.severity.as_str(), notice.sqlstate.as_str()), ("NOTICE", "00000"));
}

#[test]
fn a_standby_that_takes_nobody_and_its_promotion() {
    let server = Server::start("", "");
    assert_eq!(
        server.replication().timeline_history(1, patience!()).unwrap(),
        [],
        "the first timeline has no ancestors"
    );
    server.pg_ctl(&["-m", "fast", "-w", "stop"]);
    fs::write(server.data().join("standby.signal"), "").unwrap();
    server.pg_ctl(&["-o", "-c hot_standby=off", "-w", "start"]);
    assert_eq!(sqlstate(&connect_error(&server.conninfo(""))), Some("57P03"));
    server.pg_ctl(&["-w", "promote"]);

    // Promoted is not open yet.
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut connection = loop {
        match connect(&server.conninfo("replication=database")) {
            Err(PgError::Connect(error)) if sqlstate(&error) == Some("57P03") => {
                assert!(Instant::now() < deadline, "{error}");
                std::thread::sleep(Duration::from_millis(5));
            }
            other => break other.unwrap(),
        }
    };
    assert!(!connection.survey("s", &["p"], patience!()).unwrap().run.in_recovery);
    let system = connection.identify_system(patience!()).unwrap();
    assert_eq!((system.timeline, system.database.as_deref()), (2, Some("postgres")));
    assert!(system.system_id.parse::<u64>().unwrap() > 0);
    let history = connection.timeline_history(2, patience!()).unwrap();
    assert_eq!((history.len(), history[0].timeline), (1, 1));
    assert!(history[0].lsn > Lsn(0) && history[0].lsn <= system.flush_lsn);
    let unknown = connection.timeline_history(77, patience!());
    assert_eq!(server_error(unknown).sqlstate.as_str(), "58P01");

    // Streaming the old timeline from its end: no COPY, but the row that names the next one.
    let command = format!("START_REPLICATION PHYSICAL {} TIMELINE 1", history[0].lsn);
    match connection.start_replication(&command, patience!()).unwrap() {
        Started::AtEnd(results) => assert_eq!(results[0].text(0, 0), Some("2")),
        Started::Copying => panic!("nothing is left to copy"),
    }
    assert_eq!(connection.identify_system(patience!()).unwrap().timeline, 2);
    // From before its end: COPY, which the server ends.
    let command = format!("START_REPLICATION PHYSICAL {} TIMELINE 1", Lsn(history[0].lsn.0 & !0xFF_FFFF));
    assert!(matches!(connection.start_replication(&command, patience!()), Ok(Started::Copying)));
    let mut bytes = 0;
    while let Some(frame) = frame(&mut connection).unwrap() {
        bytes += frame.len();
    }
    assert!(bytes > 0);
    let end = connection.finish_copy(patience!()).unwrap();
    assert!(end.error.is_none() && !end.another, "{end:?}");
    let rows: Vec<_> = end.results.iter().filter(|set| set.rows() == 1).collect();
    assert_eq!(rows[0].text(0, 0), Some("2"));
    assert_eq!(rows[0].text(0, 1).unwrap().parse(), Ok(history[0].lsn));
    assert_eq!(connection.identify_system(patience!()).unwrap().timeline, 2);
}

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

/// A listener that takes no connection: its queue is full, so the kernel leaves further ones unanswered.
fn deaf() -> (TcpListener, Vec<std::net::TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: a valid socket of ours; listen may be called again to make the queue shorter.
    unsafe { libc::listen(std::os::fd::AsRawFd::as_raw_fd(&listener), 0) };
    let address = listener.local_addr().unwrap();
    let mut fillers = Vec::new();
    while let Ok(filler) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        fillers.push(filler);
        assert!(fillers.len() < 100);
    }
    (listener, fillers)
}

#[test]
fn a_dead_host_delays_but_does_not_hide_the_living_one() {
    let server = Server::start("", "");
    let (listener, _fillers) = deaf();
    let port = listener.local_addr().unwrap().port();
    let hosts = format!("host=127.0.0.1,{} port={port},5432 connect_timeout=2", server.dir.path().display());
    let started = Instant::now();
    let mut connection = server.connect(&hosts);
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!(one(&mut connection, "SELECT 1"), "1");

    let alone = Conninfo::parse(&format!("host=127.0.0.1 port={port} user=x connect_timeout=2")).unwrap();
    let error = connect_error(&alone);
    assert!(error.message.as_str().contains("connect_timeout"), "{error}");
    // A server that takes the connection and then says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let silent = Conninfo::parse(&format!("host=127.0.0.1 port={port} user=x connect_timeout=2")).unwrap();
    assert_eq!(sqlstate(&connect_error(&silent)), None);
    // Without connect_timeout the deadline of the whole holds, and cancelling does.
    let silent = Conninfo::parse(&format!("host=127.0.0.1 port={port} user=x")).unwrap();
    let wake = EventFd::new().unwrap();
    let deadline = Some(Instant::now() + Duration::from_millis(100));
    let late =
        Connection::connect(&silent, &[], &[], &Patience { wake: &wake, cancelled: &|| false, deadline });
    assert!(matches!(late, Err(PgError::TimedOut)), "{late:?}");
    let given_up = Connection::connect(
        &silent,
        &[],
        &[],
        &Patience { wake: &wake, cancelled: &|| true, deadline: None },
    );
    assert!(matches!(given_up, Err(PgError::Cancelled)), "{given_up:?}");
}

#[test]
fn parameters_come_in_the_right_order() {
    let server = Server::start("", "");
    let mut connection = Connection::connect(
        &server.conninfo("replication=false dbname=template1"),
        &[],
        &[("replication", "database"), ("dbname", "postgres")],
        patience!(),
    )
    .unwrap();
    let system = connection.identify_system(patience!()).unwrap();
    assert_eq!(system.database.as_deref(), Some("postgres"));
    assert_eq!(connection.show("application_name", patience!()).unwrap(), "walstream");
    let mut named = server.connect("application_name=mine");
    assert_eq!(named.show("application_name", patience!()).unwrap(), "mine");
    assert_eq!(connection.parameter_status("server_encoding").as_deref(), Some("UTF8"));
    assert_eq!(connection.parameter_status("no_such"), None);
    assert_eq!(connection.server_version().to_string(), one(&mut named, "SHOW server_version_num"));
    assert_eq!(connection.backend_pid().to_string(), one(&mut connection, "SELECT pg_backend_pid()"));
}

#[test]
fn sessions_are_pinned_unless_the_host_says_otherwise() {
    let server = Server::start("", "");
    let odd = "ALTER ROLE boss SET DateStyle = 'German'; ALTER ROLE boss SET extra_float_digits = -5; \
               ALTER ROLE boss SET TimeZone = 'Asia/Tokyo'; ALTER ROLE boss SET bytea_output = 'escape'; \
               ALTER ROLE boss SET IntervalStyle = 'iso_8601'; ALTER ROLE boss SET search_path = 'public'; \
               ALTER ROLE boss SET quote_all_identifiers = on; ALTER ROLE boss SET client_encoding = 'LATIN1'; \
               ALTER ROLE boss SET client_min_messages = 'error'; CREATE TABLE t ()";
    run(&mut server.connect(""), odd);
    let shown = "SELECT concat_ws(' ', '2001-02-03'::date, 0.1::float8 + 0.2, '2001-02-03 00:00Z'::timestamptz, \
                 '\\x00ff'::bytea, '26 hours'::interval, 'public.t'::regclass)";
    let mut pinned = server.replication();
    pinned.pin_session(patience!()).unwrap();
    assert_eq!(
        one(&mut pinned, shown),
        r"2001-02-03 0.30000000000000004 2001-02-03 00:00:00+00 \x00ff 26:00:00 public.t"
    );
    assert_eq!(pinned.show("client_encoding", patience!()).unwrap(), "UTF8");
    assert_eq!(pinned.show("client_min_messages", patience!()).unwrap(), "warning");
    assert_eq!(pinned.show("lc_monetary", patience!()).unwrap(), "C");

    let options = "options='-c DateStyle=German --timezone=Asia/Tokyo -cclient_encoding=LATIN1'";
    let mut knowing = server.connect(options);
    knowing.pin_session(patience!()).unwrap();
    assert_eq!(
        one(&mut knowing, shown),
        r"03.02.2001 0.30000000000000004 03.02.2001 09:00:00 JST \x00ff 26:00:00 public.t"
    );
    assert_eq!(knowing.show("client_encoding", patience!()).unwrap(), "UTF8");
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

/// A slot and a publication with odd names, and the command to stream them.
fn prepare_stream(server: &Server) -> (Connection, Connection, String) {
    let mut boss = server.connect("");
    let publication = r#"a,"B's \"#;
    let name = quote_identifier(publication);
    run(&mut boss, &format!("CREATE TABLE t (x text); CREATE PUBLICATION {name} FOR TABLE t"));
    let mut stream = server.replication();
    let request = SlotRequest {
        name: "s",
        plugin: "pgoutput",
        temporary: false,
        two_phase: false,
        failover: false,
        snapshot: Snapshot::Nothing,
    };
    stream.create_logical_slot(&request, patience!()).unwrap();
    let names = quote_command_literal(&name);
    (
        boss,
        stream,
        format!("START_REPLICATION SLOT \"s\" LOGICAL 0/0 (proto_version '1', publication_names {names})"),
    )
}

fn begin_stream(stream: &mut Connection, command: &str) {
    assert!(matches!(stream.start_replication(command, patience!()), Ok(Started::Copying)));
}

/// Reads frames up to one of the given pgoutput kind, and gives its 'w' frame.
fn message(stream: &mut Connection, kind: u8) -> CopyData {
    loop {
        let Some(frame) = frame(stream).unwrap() else {
            panic!("the stream ended: {:?}", stream.finish_copy(patience!()));
        };
        if frame[0] == b'w' && frame[25] == kind {
            return frame;
        }
    }
}

#[test]
fn a_stream_is_read_acknowledged_and_ended() {
    let server = Server::start("", "");
    let (mut boss, mut stream, command) = prepare_stream(&server);
    begin_stream(&mut stream, &command);
    run(&mut boss, "INSERT INTO t VALUES ('hello')");
    let insert = message(&mut stream, b'I');
    assert_eq!(insert.with_nul().len(), insert.len() + 1);
    assert!(insert.with_nul().ends_with(b"hello\0") && insert.ends_with(b"hello"));
    let commit = message(&mut stream, b'C');
    let end = Lsn(u64::from_be_bytes(commit[25 + 10..25 + 18].try_into().unwrap()));
    // libpq's buffer needs neither the connection nor its thread.
    std::thread::spawn(move || assert!(insert.ends_with(b"hello"))).join().unwrap();

    let mut update = vec![b'r'];
    for position in [end, end, end] {
        update.extend(position.0.to_be_bytes());
    }
    update.extend([0; 9]);
    stream.put_copy_data(&update).unwrap();
    assert!(stream.flush().unwrap());
    until(&mut boss, &format!("SELECT confirmed_flush_lsn = '{end}' FROM pg_replication_slots"));

    // Ended from our side in the middle of things; the connection takes commands again.
    run(&mut boss, "INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 5000)");
    message(&mut stream, b'I');
    let ended = stream.end_copy(patience!()).unwrap();
    assert!(ended.error.is_none() && !ended.another, "{ended:?}");
    assert_eq!(ended.results.last().unwrap().command_tag(), "START_REPLICATION");
    assert_eq!(one(&mut stream, "SELECT 7"), "7");
    assert!(matches!(stream.receive(), Err(PgError::Protocol(_))));
    // What was not acknowledged comes again.
    let mut stream = server.replication();
    begin_stream(&mut stream, &command);
    message(&mut stream, b'C');
    let missing = stream_error(&server, &command.replace("SLOT \"s\"", "SLOT \"none\""));
    assert_eq!(missing.sqlstate.as_str(), "42704");
    let in_use = stream_error(&server, &command);
    assert_eq!(in_use.sqlstate.as_str(), "55006");
    let option = stream_error(&server, &command.replace("proto_version", "no_such"));
    assert_eq!(option.severity.as_str(), "ERROR");
}

fn stream_error(server: &Server, command: &str) -> ServerError {
    server_error(server.replication().start_replication(command, patience!()))
}

#[test]
fn a_killed_stream_says_so() {
    let server = Server::start("", "");
    let (mut boss, mut stream, command) = prepare_stream(&server);
    begin_stream(&mut stream, &command);
    run(&mut boss, &format!("SELECT pg_terminate_backend({})", stream.backend_pid()));
    while frame(&mut stream).unwrap().is_some() {}
    let end = stream.finish_copy(patience!()).unwrap();
    assert_eq!(server_error::<()>(Err(end.error.unwrap())).sqlstate.as_str(), "57P01");

    // The same between two commands, and in the middle of one.
    let mut idle = server.connect("");
    run(&mut boss, &format!("SELECT pg_terminate_backend({})", idle.backend_pid()));
    let gone = idle.query("SELECT 1", patience!());
    assert!(matches!(gone, Err(PgError::Lost(_) | PgError::Server(_))), "{gone:?}");
    println!("{gone:?} {:?}", idle.take_notices());
    assert!(matches!(idle.query("SELECT 1", patience!()), Err(PgError::Lost(_))));
    let itself = server.connect("").query("SELECT pg_terminate_backend(pg_backend_pid())", patience!());
    assert_eq!(server_error(itself).sqlstate.as_str(), "57P01");
}

#[test]
fn a_crashed_server_is_a_lost_connection() {
    let server = Server::start("", "");
    let (mut boss, mut stream, command) = prepare_stream(&server);
    begin_stream(&mut stream, &command);
    run(&mut boss, "INSERT INTO t VALUES ('last')");
    // Received by libpq, but not yet by us.
    let socket = (stream.socket().unwrap(), Interest::Read);
    assert!(wait(Some(socket), &EventFd::new().unwrap(), None).unwrap().readable);
    // SAFETY: the process is our server's.
    assert_eq!(unsafe { libc::kill(stream.backend_pid(), libc::SIGKILL) }, 0);
    let mut frames = 0;
    let error = loop {
        match frame(&mut stream) {
            Ok(Some(_)) => frames += 1,
            Ok(None) => panic!("no end of COPY was sent"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PgError::Lost(_)), "{error:?}");
    assert!(frames > 0, "what came before the crash is given out");
    assert!(stream.is_lost() && stream.socket().is_err());
    println!("{error}");
}

#[test]
fn base_backups_are_copied_out() {
    let server = Server::start("", "");
    let mut connection = server.connect("replication=true");
    let command = if connection.server_version() >= 150_000 {
        "BASE_BACKUP (CHECKPOINT 'fast', MANIFEST 'yes')"
    } else {
        "BASE_BACKUP FAST MANIFEST 'yes'"
    };
    let before = connection.start_copy_out(command, patience!()).unwrap();
    assert_eq!(before.len(), 2);
    assert!(before[0].text(0, 0).unwrap().parse::<Lsn>().is_ok());
    let (mut bytes, mut copies) = (0, 0);
    let end = loop {
        copies += 1;
        while let Some(frame) = frame(&mut connection).unwrap() {
            bytes += frame.len();
        }
        let end = connection.finish_copy(patience!()).unwrap();
        if !end.another {
            break end;
        }
    };
    assert!(end.error.is_none(), "{end:?}");
    assert!(bytes > 10_000_000, "{bytes}");
    assert_eq!(copies, if connection.server_version() >= 150_000 { 1 } else { 2 });
    let stop = end.results.iter().find(|set| set.rows() > 0).unwrap();
    assert!(stop.text(0, 0).unwrap().parse::<Lsn>().is_ok());
    assert_eq!(connection.identify_system(patience!()).unwrap().database, None);
}

#[test]
fn tls_carries_all_of_it() {
    // Below those that the system gives to whoever asks for any.
    let mut ports = (15_000..20_000).cycle().skip((std::process::id() % 5000) as usize);
    let port = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
    let server = Server::init(
        &format!("listen_addresses='127.0.0.1'\nport={port}\nssl=on\nssl_key_file='server.crt'"),
        "",
    );
    let certificate = server.data().join("server.crt");
    let made = server
        .command("/usr/bin/openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x", "-keyout"])
        .arg(&certificate)
        .arg("-out")
        .arg(server.data().join("only.crt"))
        .output();
    if !made.is_ok_and(|out| out.status.success()) {
        eprintln!("skipped: no openssl to make a certificate with");
        return;
    }
    // Key and certificate in one file, which the command above has made for its owner only.
    let both = fs::read_to_string(server.data().join("only.crt")).unwrap()
        + &fs::read_to_string(&certificate).unwrap();
    fs::write(&certificate, both).unwrap();
    server.pg_ctl(&["-w", "start"]);
    let tls = format!("postgresql://boss:plugh@127.0.0.1:{port}/postgres?sslmode=require");
    let mut connection = connect(&Conninfo::parse(&tls).unwrap()).unwrap();
    assert!(connection.is_encrypted());
    let long = "x".repeat(4_000_000);
    assert_eq!(one(&mut connection, &format!("SELECT '{long}'")), long);
    // Frames of all sizes around that of a TLS record and of libpq's buffer, each awaited before the next is sent.
    for size in [1, 8_000, 8_190, 16_380, 16_400, 24_570, 33_000, 100_000] {
        let copy = format!("COPY (SELECT repeat('y', {size})) TO STDOUT");
        assert!(connection.start_copy_out(&copy, patience!()).unwrap().is_empty());
        assert_eq!(frame(&mut connection).unwrap().unwrap().len(), size + 1);
        assert!(frame(&mut connection).unwrap().is_none());
        assert!(connection.finish_copy(patience!()).unwrap().error.is_none());
    }
    let refused = tls.replace("/postgres?", "/nowhere?");
    assert_eq!(sqlstate(&connect_error(&Conninfo::parse(&refused).unwrap())), Some("3D000"));
}

#[test]
fn a_forked_child_leaves_the_session_alone() {
    let server = Server::start("", "");
    let mut connection = server.connect("");
    // SAFETY: the child only drops the connection and exits.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(connection);
        // SAFETY: no preconditions.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: our child, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    assert_eq!(one(&mut connection, "SELECT 1"), "1");
    assert!(Path::new(&server.data()).exists());
}
