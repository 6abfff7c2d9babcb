//! Poolers in between: the real PgBouncer, and one that passes replication on.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::on_each_major;
use crate::report::{ERROR, Report, WARNING};
use crate::support::{Sql, wait_until};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/pgbouncer");

/// What something in between does to a connection.
#[derive(Clone, Copy, PartialEq)]
enum Meddling {
    /// Tells the client another process number than the server does.
    Renumbers,
    /// Asks the server for an ordinary connection instead of one for replication.
    Withholds,
    /// Hangs up on connections for replication.
    HangsUp,
}

/// Passes everything else on.
fn between(server: u16, meddling: Meddling) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let upstream = TcpStream::connect(("127.0.0.1", server)).unwrap();
            std::thread::spawn(move || relay(client, upstream, meddling));
        }
    });
    port
}

fn relay(mut client: TcpStream, mut server: TcpStream, meddling: Meddling) -> std::io::Result<()> {
    let startup = message(&mut client, 0)?;
    let key = b"replication\0";
    match (meddling, startup.windows(key.len()).position(|window| window == key)) {
        (Meddling::HangsUp, Some(_)) => return Ok(()),
        (Meddling::Withholds, Some(at)) => {
            let value = startup[at + key.len()..].iter().position(|byte| *byte == 0).unwrap();
            let mut rest = [&startup[..at], &startup[at + key.len() + value + 1..]].concat();
            let length = rest.len() as u32;
            rest[..4].copy_from_slice(&length.to_be_bytes());
            server.write_all(&rest)?;
        }
        _ => server.write_all(&startup)?,
    }
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    loop {
        let mut answer = message(&mut server, 1)?;
        if answer[0] == b'K' && meddling == Meddling::Renumbers {
            answer[8] ^= 1;
        }
        client.write_all(&answer)?;
    }
}

/// One message, with `tag` bytes before its length.
fn message(from: &mut TcpStream, tag: usize) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; tag + 4];
    from.read_exact(&mut message)?;
    let length = u32::from_be_bytes(message[tag..].try_into().unwrap()) as usize;
    message.resize(tag + length, 0);
    from.read_exact(&mut message[tag + 4..])?;
    Ok(message)
}

/// Below those that the system gives to whoever asks for any.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed) + (std::process::id() % 5000) as u16;
        let port = 10_000 + number % 5000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

struct Bouncer {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Bouncer {
    fn start(server: u16, settings: &str) -> Bouncer {
        let port = free_port();
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let config = dir.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = any\nunix_socket_dir =\n{settings}\n"
        );
        fs::write(&config, text).unwrap();
        let child = Command::new(SCRIPT).arg(&config).stderr(Stdio::null()).spawn().unwrap();
        let bouncer = Bouncer { child, port, _dir: dir };
        wait_until(Duration::from_secs(20), "PgBouncer listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        bouncer
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// 1.18 is (1, 18).
fn version() -> Option<(u32, u32)> {
    let output =
        Command::new(SCRIPT).arg("--version").output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split_whitespace().nth(1)?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

on_each_major! {
    fn one_that_passes_replication_on(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.publish();
        let port = between(case.server.port(), Meddling::Renumbers);
        let conninfo = format!("{} port={port} sslmode=disable gssencmode=disable", case.conninfo());
        let options = [("slot", case.slot()), ("publication", "pub")];
        Report::of(&conninfo, &options).unwrap().one("pooler", WARNING, "");
        Report::of(&conninfo, &[("mode", "physical")]).unwrap().one("pooler", WARNING, "");
        assert!(!Report::case(case, &[]).has("pooler"));
    }

    fn something_that_does_not_know_replication(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.publish();
        for meddling in [Meddling::Withholds, Meddling::HangsUp] {
            let port = between(case.server.port(), meddling);
            let conninfo = format!("{} port={port} sslmode=disable gssencmode=disable", case.conninfo());
            for options in [&[("slot", case.slot()), ("publication", "pub")][..], &[("mode", "physical")]] {
                let report = Report::of(&conninfo, options).unwrap();
                report.one("replication-refused", ERROR, "");
                assert!(!report.has("pooler"), "{report:?}");
            }
        }
    }

    fn pgbouncer(case, from 14) {
        let Some(version) = version() else {
            eprintln!("skipped: no PgBouncer (see scripts/pgbouncer)");
            return;
        };
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.publish();
        let options = [("slot", case.slot()), ("publication", "pub")];
        let severity = if version < (1, 23) { ERROR } else { WARNING };
        let bouncer = Bouncer::start(case.server.port(), "pool_mode = session");
        let conninfo = format!("{} port={}", case.conninfo(), bouncer.port);
        for options in [&options[..], &[("mode", "physical")]] {
            let report = Report::of(&conninfo, options).unwrap();
            report.one("pooler", severity, "");
            assert!(!report.has("replication-refused"), "{report:?}");
        }
        // The rest is looked at through it.
        let other = [("slot", "no_such_slot"), ("publication", "pub")];
        Report::of(&conninfo, &other).unwrap().one("slot-missing", ERROR, "no_such_slot");
        drop(bouncer);

        // As if the connection were one: told to pass over what it does not know.
        let settings = "pool_mode = transaction\nignore_startup_parameters = replication\ndefault_pool_size = 1";
        let bouncer = Bouncer::start(case.server.port(), settings);
        let conninfo = format!("{} port={}", case.conninfo(), bouncer.port);
        assert!(Report::of(&conninfo, &options).unwrap().has("pooler"));
        // Nothing of the check stays with the session that others use next.
        let mut next = Sql::connect(&conninfo);
        assert_eq!(next.value("SELECT count(*) FROM pg_settings WHERE source = 'session' AND name <> 'client_min_messages' \
            AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')"), "0");
    }
}
