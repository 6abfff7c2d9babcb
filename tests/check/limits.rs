//! The server's settings and limits.

use std::path::Path;
use std::time::{Duration, Instant};

use walstream::pg::{Connection, Conninfo, EventFd, Patience};

use crate::on_each_major;
use crate::report::{ERROR, INFO, Report, WARNING};
use crate::support::{Server, Sql, wait_until};

const LOGICAL: [(&str, &str); 3] = [("slot", "s"), ("publication", "pub"), ("slot.create", "if-missing")];
const PHYSICAL: [(&str, &str); 1] = [("mode", "physical")];

fn walsender(conninfo: &str) -> Connection {
    let wake = EventFd::new().unwrap();
    let deadline = Some(Instant::now() + Duration::from_secs(60));
    let patience = Patience { wake: &wake, cancelled: &|| false, deadline };
    let conninfo = Conninfo::parse(conninfo).unwrap();
    Connection::connect(&conninfo, &[], &[("replication", "true")], &patience).unwrap()
}

/// A walsender keeps its place among max_wal_senders until its process has ended, which is after the client has closed,
/// and after pg_stat_activity has forgotten it.
fn wait_for_walsenders_to_end(server: &Server) {
    let parent = format!("PPid:\t{}\n", server.fact("pid"));
    let is_one = |process: &Path| {
        let read = |name| std::fs::read_to_string(process.join(name)).unwrap_or_default();
        read("status").contains(&parent) && read("cmdline").contains("walsender")
    };
    let any = || std::fs::read_dir("/proc").unwrap().flatten().any(|entry| is_one(&entry.path()));
    wait_until(Duration::from_secs(20), "walsenders end", || !any());
}

/// The report that a server gives when nobody else is connected for replication.
fn alone(server: &Server, conninfo: &str, options: &[(&str, &str)]) -> Report {
    wait_for_walsenders_to_end(server);
    Report::of(conninfo, options).unwrap()
}

on_each_major! {
    fn a_server_that_is_set_up_badly(case, from 14) {
        let server = Server::own(case.server.major(), &[
            "--set", "wal_level=replica",
            "--set", "max_replication_slots=1",
            "--set", "max_wal_senders=1",
            "--set", "wal_sender_timeout=500ms",
            "--set", "synchronous_standby_names=FIRST 1 (other, \"Walstream\")",
            "--set", "synchronous_commit=local",
        ]);
        let conninfo = server.conninfo("postgres");
        let mut sql = Sql::connect(&conninfo);
        sql.run("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION pub FOR ALL TABLES");

        let report = alone(&server, &conninfo, &LOGICAL);
        report.one("wal-level", ERROR, "wal_level");
        report.one("wal-sender-timeout", WARNING, "wal_sender_timeout");
        report.one("wal-senders-exhausted", WARNING, "max_wal_senders");
        assert!(!report.has("replication-slots-exhausted"));
        let found = report.one("synchronous-standby", WARNING, "synchronous_standby_names");
        assert!(found.message.contains("(walstream)"), "{found:?}");
        let renamed = format!("{conninfo} application_name=reader");
        assert!(!alone(&server, &renamed, &LOGICAL).has("synchronous-standby"));
        assert!(!alone(&server, &conninfo, &PHYSICAL).has("wal-level"));

        sql.run("SELECT pg_create_physical_replication_slot('full', true)");
        let full = "max_replication_slots";
        alone(&server, &conninfo, &LOGICAL).one("replication-slots-exhausted", ERROR, full);
        let theirs = [("mode", "physical"), ("slot", "full")];
        alone(&server, &conninfo, &theirs).one("replication-slots-exhausted", INFO, full);

        wait_for_walsenders_to_end(&server);
        let held = walsender(&conninfo);
        for options in [LOGICAL.as_slice(), &PHYSICAL] {
            Report::of(&conninfo, options).unwrap().one("wal-senders-exhausted", ERROR, "max_wal_senders");
        }
        drop(held);
    }

    fn a_server_without_replication(case, from 14) {
        let server = Server::own(case.server.major(), &["--set", "wal_level=minimal", "--set", "max_wal_senders=0"]);
        let report = Report::of(&server.conninfo("postgres"), &PHYSICAL).unwrap();
        report.one("wal-level", ERROR, "wal_level");
        report.one("wal-senders-exhausted", ERROR, "max_wal_senders");
    }

    fn a_timeout_that_shortens_the_interval(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.publish();
        let role = case.database.clone();
        case.sql.run(&format!("CREATE ROLE {role} LOGIN REPLICATION; ALTER ROLE {role} SET wal_sender_timeout = '20s'"));
        let conninfo = format!("{} user={role}", case.conninfo());
        let options = |interval| [("slot", case.slot()), ("publication", "pub"), ("status_interval_ms", interval)];
        let report = Report::of(&conninfo, &options("10000")).unwrap();
        report.one("wal-sender-timeout", INFO, "wal_sender_timeout");
        assert!(!Report::of(&conninfo, &options("6666")).unwrap().has("wal-sender-timeout"));
    }
}
