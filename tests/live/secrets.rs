//! Passwords, wherever they come from: in nothing that the library says, at whatever level, in success or in failure.
//!
//! The host is a process of its own: environment and service files are a process's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use walstream::model::{Code, Kind};

use crate::support::host::lsn;
use crate::support::server::{self, Server};
use crate::support::{Case, Host, wait_until};

const HOST: &str = "WALSTREAM_SECRETS_HOST";
const SECRET: &str = "Xyzzy-plugh";
/// As a URI and a mistake would show it.
const PIECES: [&str; 3] = ["Xyzzy", "plugh", "zzy-pl"];

/// Not a test of its own: prints all that it can learn.
#[test]
fn host_process() {
    let Ok(arguments) = std::env::var(HOST) else { return };
    let (conninfo, slot) = arguments.split_once('\n').unwrap();
    let options =
        [("slot", slot), ("publication", "pub"), ("retry.initial_ms", "1"), ("connect_timeout_ms", "5000")];
    match Host::try_open(conninfo, &options) {
        Err(fault) => println!("open: {fault:?} {fault:#?}"),
        Ok(host) => {
            match host.try_start(0) {
                Err(fault) => println!("start: {fault:?}"),
                Ok(_) => {
                    let first = host.until(Kind::COMMIT);
                    host.ack(first.last().unwrap().ack_lsn);
                    println!("{first:?} {}", host.position());
                    // The parent ends the connection once.
                    wait_until(Duration::from_secs(20), "it reconnects", || host.stats().reconnects > 0);
                    let second = host.until(Kind::COMMIT);
                    host.ack(second.last().unwrap().ack_lsn);
                    println!("reconnected {second:?} {:?} {}", host.try_ack(u64::MAX), host.stop(10_000));
                }
            }
            println!("{:?} {:#?}", host.stats(), host.log());
        }
    }
    println!("the end");
}

struct Scene<'a> {
    case: Case<'a>,
}

impl Scene<'_> {
    /// What a host with this connection string and environment says.
    fn output(&mut self, conninfo: &str, environment: &[(&str, &str)], streams: bool) -> String {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "secrets::host_process", "--nocapture", "--test-threads=1"])
            .env(HOST, format!("{conninfo}\n{}", self.case.slot()))
            .envs(environment.iter().copied())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        if streams {
            for round in 0..2 {
                let mut pid = None;
                wait_until(Duration::from_secs(20), "it streams", || {
                    pid = self.case.walsender();
                    pid.is_some()
                });
                let before = lsn(&self.case.sql.value("SELECT pg_current_wal_insert_lsn()"));
                self.case.sql.run("INSERT INTO t VALUES (1)");
                if round == 0 {
                    // A slot is held before the start is over, and what breaks then is not tried again.
                    self.case.wait_confirmed(before + 1);
                    let kill = format!("SELECT pg_terminate_backend({})", pid.unwrap());
                    self.case.sql.run(&kill);
                    wait_until(Duration::from_secs(20), "it is gone", || self.case.walsender() != pid);
                }
            }
        }
        let output = child.wait_with_output().unwrap();
        let text =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success() && text.contains("the end"), "{text}");
        assert_eq!(text.contains("reconnected"), streams, "{text}");
        text
    }

    fn silent(&mut self, conninfo: &str, environment: &[(&str, &str)], streams: bool) {
        let text = self.output(conninfo, environment, streams);
        for piece in PIECES {
            assert!(!text.contains(piece), "{conninfo} {environment:?}: {text}");
        }
    }
}

#[test]
fn nobody_learns_a_password() {
    let Some(major) = server::majors().into_iter().max() else { return };
    if std::env::var(HOST).is_ok() {
        return;
    }
    let server = Server::own(major, &["--hba", "host all locked 127.0.0.1/32 scram-sha-256"]);
    let mut scene = Scene { case: Case::new(&server) };
    scene.case.sql.each(&[
        "CREATE TABLE t (id int)",
        &format!("CREATE ROLE locked LOGIN REPLICATION PASSWORD '{SECRET}'"),
    ]);
    scene.case.publish();
    let (port, database) = (server.port(), scene.case.database.clone());
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // Right, wrong, and to nobody who listens.
    for (port, secret, streams) in
        [(port, SECRET, true), (port, "Xyzzy-plugh-wrong", false), (1, SECRET, false)]
    {
        let base = format!("host=127.0.0.1 port={port} dbname={database} user=locked");
        let service = write(
            "service",
            &format!("[s]\nhost=127.0.0.1\nport={port}\ndbname={database}\nuser=locked\npassword={secret}\n"),
        );
        let passfile = write("pass", &format!("127.0.0.1:*:*:locked:{secret}\n"));
        scene.silent(&format!("{base} password={secret}"), &[], streams);
        scene.silent(&format!("postgresql://locked:{secret}@127.0.0.1:{port}/{database}"), &[], streams);
        scene.silent(
            &format!("postgresql://locked@127.0.0.1:{port}/{database}?password={secret}"),
            &[],
            streams,
        );
        scene.silent(&base, &[("PGPASSWORD", secret)], streams);
        scene.silent(&format!("{base} passfile={passfile}"), &[], streams);
        scene.silent("service=s", &[("PGSERVICEFILE", &service)], streams);
    }
    // Files that are wrong, with the password where the mistake is.
    let broken = write("broken", &format!("[s]\nhost=127.0.0.1\npassword={SECRET}\nnonsense\n"));
    scene.silent("service=s", &[("PGSERVICEFILE", &broken)], false);
    let open = write("open", &format!("127.0.0.1:*:*:locked:{SECRET}\n"));
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    scene.silent(&format!("host=127.0.0.1 port={port} user=locked passfile={open}"), &[], false);
    // A demand that an older libpq would not even read.
    let demanded =
        scene.output(&format!("host=127.0.0.1 port={port}"), &[("PGREQUIREAUTH", "scram-sha-256")], false);
    // SAFETY: it reads a constant.
    let code =
        if unsafe { libpq_sys::PQlibVersion() } < 160_000 { Code::E_UNSUPPORTED } else { Code::E_AUTH };
    assert!(demanded.contains(&format!("code: {}", code as i32)), "{demanded}");
    // The check can fail: what is no secret is told.
    let told = scene.output(&format!("host={SECRET}.invalid password=x"), &[], false);
    assert!(told.contains(PIECES[0]), "{told}");
}
