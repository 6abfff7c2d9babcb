//! Servers in recovery.

use std::time::Duration;

use crate::report::{ERROR, Report, WARNING};
use crate::support::server::majors;
use crate::support::{Server, Sql, wait_until};

const OPTIONS: [(&str, &str); 2] = [("slot", "ours"), ("publication", "pub")];
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn decoding_on_a_standby() {
    for major in majors() {
        // A standby of nobody is one, too.
        let server = Server::own(major, &[]);
        let mut sql = Sql::connect(&server.conninfo("postgres"));
        sql.run("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION pub FOR ALL TABLES");
        server.command("stop fast");
        std::fs::File::create(format!("{}/standby.signal", server.fact("datadir"))).unwrap();
        server.command("start");
        let report = Report::of(&server.conninfo("postgres"), &OPTIONS).unwrap();
        report.one("slot-missing", ERROR, "ours");
        if major < 16 {
            report.one("standby-logical", ERROR, "");
            continue;
        }
        report.one("standby-feedback", WARNING, "hot_standby_feedback");
        server.command("set hot_standby_feedback=on");
        let mut sql = Sql::connect(&server.conninfo("postgres"));
        wait_until(LIMIT, "the setting is in force", || sql.value("SHOW hot_standby_feedback") == "on");
        let report = Report::of(&server.conninfo("postgres"), &OPTIONS).unwrap();
        assert!(!report.has("standby-feedback") && !report.has("standby-logical"), "{report:?}");
        let physical = Report::of(&server.conninfo("postgres"), &[("mode", "physical")]).unwrap();
        assert_eq!(physical.0, []);
    }
}

#[test]
fn a_synchronised_slot() {
    for major in majors().into_iter().filter(|major| *major >= 17) {
        let feedback = ["--set", "hot_standby_feedback=on", "--set", "wal_receiver_status_interval=1s"];
        let primary = Server::own(major, &feedback);
        let mut sql = Sql::connect(&primary.conninfo("postgres"));
        sql.each(&[
            "CREATE TABLE t (id int PRIMARY KEY)",
            "CREATE PUBLICATION pub FOR ALL TABLES",
            "SELECT pg_create_physical_replication_slot('standby')",
        ]);
        drop(sql);
        primary.command("stop fast");
        let source =
            format!("primary_conninfo=host=127.0.0.1 port={} user=postgres dbname=postgres", primary.port());
        let copy = ["--clone", primary.fact("datadir"), "--standby", "--set", "primary_slot_name=standby"];
        let arguments = [&feedback[..], &copy, &["--set", &source]].concat();
        let standby = Server::own(major, &arguments);
        primary.command("start");
        let mut on_primary = Sql::connect(&primary.conninfo("postgres"));
        on_primary.run("SELECT pg_create_logical_replication_slot('ours', 'pgoutput', false, false, true)");
        let mut on_standby = Sql::connect(&standby.conninfo("postgres"));
        wait_until(LIMIT, "the slot is synchronised", || {
            on_primary.run("SELECT pg_log_standby_snapshot()");
            let _ = on_primary.try_run(
                "SELECT pg_replication_slot_advance('ours', pg_current_wal_lsn()) \
                 FROM pg_replication_slots WHERE slot_name = 'ours'",
            );
            let synced = on_standby.try_run("SELECT pg_sync_replication_slots()").is_ok();
            synced
                && on_standby.value(
                    "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'ours' AND synced AND NOT temporary",
                ) == "1"
        });
        let report = Report::of(&standby.conninfo("postgres"), &OPTIONS).unwrap();
        report.one("slot-synced", ERROR, "ours");
        assert!(!Report::of(&primary.conninfo("postgres"), &OPTIONS).unwrap().has("slot-synced"));
    }
}
