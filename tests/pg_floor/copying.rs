//! COPY: streams, their ends, and base backups.

use std::fs;
use std::time::{Duration, Instant};

use walstream::lsn::Lsn;
use walstream::pg::*;

use crate::server::*;

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
