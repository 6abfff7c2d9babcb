//! Connections: made, refused, shared, encrypted.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use walstream::pg::*;

use crate::server::*;

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
