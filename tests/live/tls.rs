//! TLS and authentication against real servers: each sslmode with good, foreign, expired and self-signed certificates,
//! client certificates, channel binding, require_auth. What fails has a typed error that says what to look at.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use walstream::model::Code;

use crate::pacing;
use crate::support::host::Fault;
use crate::support::server::{self, Server};
use crate::support::{Case, Host, Sql, wait_until};

const PASSWORD: &str = "pencil and paper";

const HBA: [&str; 8] = [
    "hostssl all encrypted 127.0.0.1/32 trust",
    "hostnossl all encrypted 127.0.0.1/32 reject",
    "hostnossl all plain 127.0.0.1/32 trust",
    "hostssl all plain 127.0.0.1/32 reject",
    "hostssl all certified 127.0.0.1/32 cert",
    "hostssl all vetted 127.0.0.1/32 trust clientcert=verify-ca",
    "host all scram 127.0.0.1/32 scram-sha-256",
    "hostssl all encoded 127.0.0.1/32 password",
];

/// Two authorities and what they signed, made by openssl.
struct Pki(tempfile::TempDir);

impl Pki {
    fn new() -> Pki {
        let pki = Pki(tempfile::tempdir().unwrap());
        for authority in ["ca", "other"] {
            pki.self_signed(authority, "");
        }
        pki.self_signed("alone", "subjectAltName=DNS:localhost");
        pki.signed("server", "ca", "localhost", "30");
        pki.signed("expired", "ca", "localhost", "-1");
        pki.signed("certified", "ca", "certified", "30");
        pki.signed("stranger", "ca", "stranger", "30");
        pki.signed("foreign", "other", "certified", "30");
        fs::copy(pki.file("certified.key"), pki.file("open.key")).unwrap();
        fs::set_permissions(pki.file("open.key"), fs::Permissions::from_mode(0o644)).unwrap();
        pki
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.0.path())
            .output()
            .expect("openssl runs: scripts/setup test installs it");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn self_signed(&self, name: &str, extension: &str) {
        let more = if extension.is_empty() { String::new() } else { format!(" -addext {extension}") };
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key -out {name}.crt -days 30 \
             -subj /CN={name}{more}"
        ));
    }

    fn signed(&self, name: &str, authority: &str, subject: &str, days: &str) {
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key -out {name}.csr -subj /CN={subject}"
        ));
        fs::write(self.file("names"), format!("subjectAltName=DNS:{subject}\n")).unwrap();
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {authority}.crt -CAkey {authority}.key -CAcreateserial -days {days} \
             -extfile names -out {name}.crt"
        ));
    }

    /// Gives the server a certificate, in its data directory, where it is the owner of all.
    fn install(&self, server: &Server, name: &str) {
        let datadir = Path::new(server.fact("datadir"));
        let owner = fs::metadata(datadir).unwrap();
        for (from, to) in [
            (format!("{name}.crt"), "server.crt"),
            (format!("{name}.key"), "server.key"),
            ("ca.crt".to_owned(), "root.crt"),
        ] {
            let to = datadir.join(to);
            fs::copy(self.file(&from), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
    }
}

/// What a start is to come to.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Encrypted,
    Plain,
    /// A code, a SQLSTATE, and a word of the hint.
    Refused(Code, &'static str, &'static str),
}
use Outcome::*;

const CERTIFICATE: Outcome = Refused(Code::E_CONNECT, "", "certificate");
const NO_ENTRY: Outcome = Refused(Code::E_AUTH, "28000", "pg_hba.conf");
const DEMAND: Outcome = Refused(Code::E_AUTH, "", "channel_binding");

struct Scene<'a> {
    case: Case<'a>,
    pki: Pki,
}

impl Scene<'_> {
    /// `{}` stands for the directory of the certificates.
    fn conninfo(&self, more: &str) -> String {
        let dir = self.pki.0.path().to_str().unwrap();
        // The name is for the certificate, the address for the connection.
        format!("{} host=localhost hostaddr=127.0.0.1 {}", self.case.conninfo(), more.replace("{}", dir))
    }

    fn check(&mut self, more: &str, expected: Outcome) {
        let host =
            match Host::try_open(&self.conninfo(more), &[("slot", self.case.slot()), ("publication", "pub")])
            {
                Ok(host) => host,
                Err(fault) => return self.refused(more, expected, &fault),
            };
        match host.try_start(0) {
            Err(fault) => self.refused(more, expected, &fault),
            Ok(_) => {
                let encrypted = self.case.sql.value(&format!(
                    "SELECT ssl FROM pg_stat_ssl JOIN pg_replication_slots ON pid = active_pid WHERE slot_name = '{}'",
                    self.case.slot()
                ));
                match expected {
                    Encrypted => assert_eq!(encrypted, "t", "{more}"),
                    Plain => assert_eq!(encrypted, "f", "{more}"),
                    Refused(..) => panic!("{more}: connected, which was to be {expected:?}"),
                }
                assert_eq!(host.stop(10_000), 0);
            }
        }
        let log = host.log();
        assert!(!log.iter().any(|line| line.contains(PASSWORD)), "{more}: {log:#?}");
    }

    fn refused(&self, more: &str, expected: Outcome, fault: &Fault) {
        let Refused(code, sqlstate, hint) = expected else {
            panic!("{more}: was to be {expected:?}: {fault:?}")
        };
        assert!(
            fault.is(code) && fault.sqlstate == sqlstate && fault.hint.contains(hint),
            "{more}: {fault:?}"
        );
        assert!(!format!("{fault:?}").contains(PASSWORD), "{more}: {fault:?}");
    }

    fn all(&mut self, cases: &[(&str, Outcome)]) {
        cases.iter().for_each(|(more, expected)| self.check(more, *expected));
    }

    /// Another certificate; the server takes it over a moment after it was told.
    fn renew(&mut self, name: &str, serves: impl Fn(&mut Self) -> bool) {
        self.pki.install(self.case.server, name);
        self.case.server.command("reload");
        wait_until(Duration::from_secs(20), "the certificate is served", || serves(self));
    }

    fn connects(&self, more: &str) -> bool {
        Sql::try_connect(&self.conninfo(more)).is_ok()
    }
}

fn modes(scene: &mut Scene<'_>) {
    scene.all(&[
        ("sslmode=disable", Plain),
        ("sslmode=allow", Plain),
        ("sslmode=prefer", Encrypted),
        ("sslmode=require", Encrypted),
        ("sslmode=verify-ca sslrootcert={}/ca.crt", Encrypted),
        ("sslmode=verify-full sslrootcert={}/ca.crt", Encrypted),
        // Another host's.
        ("sslmode=verify-full sslrootcert={}/ca.crt host=elsewhere.invalid", CERTIFICATE),
        ("sslmode=verify-ca sslrootcert={}/ca.crt host=elsewhere.invalid", Encrypted),
        // Somebody else's.
        ("sslmode=verify-ca sslrootcert={}/other.crt", CERTIFICATE),
        ("sslmode=verify-full sslrootcert={}/other.crt", CERTIFICATE),
        ("sslmode=require sslrootcert={}/other.crt", CERTIFICATE),
        ("sslmode=verify-full sslrootcert={}/none.crt", CERTIFICATE),
        // What the server's rules want.
        ("user=encrypted sslmode=disable", NO_ENTRY),
        ("user=encrypted sslmode=allow", Encrypted),
        ("user=plain sslmode=require", NO_ENTRY),
        ("user=plain sslmode=prefer", Plain),
    ]);
}

fn client_certificates(scene: &mut Scene<'_>) {
    let full = "sslmode=verify-full sslrootcert={}/ca.crt";
    scene.all(&[
        (&format!("user=certified {full} sslcert={{}}/certified.crt sslkey={{}}/certified.key"), Encrypted),
        (&format!("user=vetted {full} sslcert={{}}/stranger.crt sslkey={{}}/stranger.key"), Encrypted),
        // None, another user's, another authority's, somebody else's key, a key that anybody may read.
        (&format!("user=certified {full} sslcert={{}}/none.crt"), NO_ENTRY),
        (&format!("user=certified {full} sslcert={{}}/stranger.crt sslkey={{}}/stranger.key"), NO_ENTRY),
        (&format!("user=certified {full} sslcert={{}}/foreign.crt sslkey={{}}/foreign.key"), CERTIFICATE),
        (&format!("user=certified {full} sslcert={{}}/certified.crt sslkey={{}}/stranger.key"), CERTIFICATE),
        (&format!("user=certified {full} sslcert={{}}/certified.crt sslkey={{}}/open.key"), CERTIFICATE),
    ]);
}

fn passwords(scene: &mut Scene<'_>) {
    let right = format!("user=scram password='{PASSWORD}'");
    let wrong = format!("user=scram password='{PASSWORD}, too'");
    scene.all(&[
        (&format!("{right} sslmode=disable"), Plain),
        (&format!("{right} sslmode=require channel_binding=require"), Encrypted),
        (&format!("{right} sslmode=disable channel_binding=require"), DEMAND),
        ("sslmode=require channel_binding=require", DEMAND),
        (&format!("user=encoded password='{PASSWORD}' sslmode=require channel_binding=require"), DEMAND),
        (&format!("user=encoded password='{PASSWORD}' sslmode=require"), Encrypted),
        (
            &format!("{wrong} sslmode=require channel_binding=require"),
            Refused(Code::E_AUTH, "28P01", "password"),
        ),
        (&format!("{wrong} sslmode=disable"), Refused(Code::E_AUTH, "28P01", "password")),
        ("user=scram passfile=/nonexistent sslmode=require", Refused(Code::E_AUTH, "", "PGPASSWORD")),
    ]);
    // SAFETY: it reads a constant.
    let libpq = unsafe { libpq_sys::PQlibVersion() };
    assert!(libpq >= 180_000 || !cfg!(feature = "bundled"), "the system's libpq {libpq}");
    let knows_require_auth = libpq >= 160_000;
    let unless_old =
        |outcome| if knows_require_auth { outcome } else { Refused(Code::E_UNSUPPORTED, "", "libpq") };
    scene.all(&[
        ("sslmode=require require_auth=scram-sha-256", unless_old(DEMAND)),
        (&format!("{right} require_auth=scram-sha-256"), unless_old(Encrypted)),
        (&format!("user=encoded password='{PASSWORD}' require_auth=scram-sha-256"), unless_old(DEMAND)),
    ]);
}

fn other_certificates(scene: &mut Scene<'_>) {
    scene.renew("expired", |scene| !scene.connects("sslmode=verify-full sslrootcert={}/ca.crt"));
    scene.all(&[
        ("sslmode=verify-full sslrootcert={}/ca.crt", CERTIFICATE),
        ("sslmode=verify-ca sslrootcert={}/ca.crt", CERTIFICATE),
        ("sslmode=require", Encrypted),
    ]);
    scene.renew("alone", |scene| scene.connects("sslmode=verify-full sslrootcert={}/alone.crt"));
    scene.all(&[
        ("sslmode=verify-full sslrootcert={}/ca.crt", CERTIFICATE),
        ("sslmode=verify-ca sslrootcert={}/ca.crt", CERTIFICATE),
        ("sslmode=require", Encrypted),
        ("sslmode=verify-full sslrootcert={}/alone.crt", Encrypted),
    ]);
}

/// A certificate that is renewed too late costs a delay, not the stream.
fn expired_meanwhile(scene: &mut Scene<'_>) {
    let conninfo = scene.conninfo("sslmode=verify-full sslrootcert={}/ca.crt");
    let good = |scene: &mut Scene<'_>| {
        scene.renew("server", |scene| scene.connects("sslmode=verify-full sslrootcert={}/ca.crt"));
    };
    good(scene);
    let host = scene.case.host_at(&conninfo, &[("retry.initial_ms", "10"), ("retry.max_ms", "50")]);
    host.start(0);
    scene.renew("expired", |scene| !scene.connects("sslmode=verify-full sslrootcert={}/ca.crt"));
    let pid = scene.case.walsender().expect("streaming");
    scene.case.sql.run(&format!("SELECT pg_terminate_backend({pid})"));
    wait_until(Duration::from_secs(20), "it fails", || {
        host.log().iter().any(|line| line.contains("certificate"))
    });
    good(scene);
    scene.case.sql.run("INSERT INTO t VALUES (1)");
    assert!(host.entries(1).iter().any(|event| !event.new.is_empty()));
    assert_eq!(host.stop(10_000), 0);
}

/// Each message is a TLS record of its own, and a read gives one: a nap, or a wait, between two of them would show.
fn gulps(scene: &mut Scene<'_>) {
    pacing::pile_up(&mut scene.case);
    let conninfo = scene.conninfo("sslmode=require");
    let naps = pacing::naps(&scene.case.host_at(&conninfo, &[("streaming", "off")]));
    assert!(naps < pacing::ROWS as u64 / 8, "{naps} naps");
}

fn on(major: u32) {
    if !server::majors().contains(&major) {
        return;
    }
    let arguments: Vec<_> = HBA.iter().flat_map(|line| ["--hba", line]).collect();
    let server = Server::own(major, &arguments);
    let mut case = Case::new(&server);
    if case.sql.rows("SHOW ssl_library")[0][0].as_deref().is_none_or(str::is_empty) {
        eprintln!("skipped: PostgreSQL {major} here is built without TLS");
        return;
    }
    case.sql.run("CREATE TABLE t (id int)");
    for role in ["encrypted", "plain", "certified", "vetted", "scram", "encoded"] {
        case.sql.run(&format!("SET password_encryption = 'scram-sha-256'; CREATE ROLE {role} LOGIN REPLICATION PASSWORD '{PASSWORD}'"));
    }
    case.publish();
    let mut scene = Scene { case, pki: Pki::new() };
    scene.all(&[("sslmode=require", CERTIFICATE), ("sslmode=prefer", Plain)]);
    scene.pki.install(&server, "server");
    server.command("set ssl_ca_file=root.crt");
    server.command("set ssl=on");
    wait_until(Duration::from_secs(20), "TLS is on", || scene.connects("sslmode=require"));
    gulps(&mut scene);
    modes(&mut scene);
    client_certificates(&mut scene);
    passwords(&mut scene);
    other_certificates(&mut scene);
    expired_meanwhile(&mut scene);
}

#[test]
fn pg14() {
    on(14);
}

#[test]
fn pg15() {
    on(15);
}

#[test]
fn pg16() {
    on(16);
}

#[test]
fn pg17() {
    on(17);
}

#[test]
fn pg18() {
    on(18);
}
