//! Who may connect, and what a healthy setup looks like.

use walstream::model::Code;

use crate::on_each_major;
use crate::report::{ERROR, Report};
use crate::support::{Case, Server, Sql};

on_each_major! {
    fn a_healthy_setup_has_no_findings_and_stays_as_it_is(case, from 14) {
        // Alone, so that no other slot or transaction is there.
        let server = Server::own(case.server.major(), &[]);
        let mut case = Case::new(&server);
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.publish();
        let before = case.sql.rows("SELECT * FROM pg_replication_slots");
        assert_eq!(Report::case(&case, &[]).0, []);
        assert_eq!(case.sql.rows("SELECT * FROM pg_replication_slots"), before);
        // One to be made is not made.
        assert_eq!(Report::case(&case, &[("slot", "other"), ("slot.create", "if-missing")]).0, []);
        assert_eq!(case.sql.rows("SELECT * FROM pg_replication_slots"), before);
        assert_eq!(Report::of(&case.conninfo(), &[("mode", "physical")]).unwrap().0, []);
        case.sql.run("SELECT pg_create_physical_replication_slot('ph', true)");
        assert_eq!(Report::of(&case.conninfo(), &[("mode", "physical"), ("slot", "ph")]).unwrap().0, []);
        // And it streams.
        let host = case.stream(&[]);
        assert_eq!(host.stop(-1), 0);
    }

    fn options(case, from 14) {
        let report = Report::of(&case.conninfo(), &[]).unwrap();
        let objects: Vec<_> = report.all("option").iter().map(|found| found.object.clone()).collect();
        assert_eq!(objects, ["slot", "publication"]);
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.publish();
        assert!(Report::case(case, &[("streaming", "on"), ("protocol_version", "1")]).has("option"));
        let failover = Report::case(case, &[("slot.failover", "on")]);
        if case.server.major() < 17 {
            assert!(failover.one("option", ERROR, "").message.contains("PostgreSQL 17"), "{failover:?}");
        } else {
            assert!(!failover.has("option"), "{failover:?}");
        }
    }

    fn a_role_without_replication(case, from 14) {
        let role = format!("Role of {}", case.database);
        case.sql.run(&format!("CREATE ROLE \"{role}\" LOGIN"));
        case.publish();
        let conninfo = format!("{} user='{role}'", case.conninfo());
        let slot = case.slot().to_owned();
        let options = [("slot", slot.as_str()), ("publication", "nothing")];
        let report = Report::of(&conninfo, &options).unwrap();
        let found = report.one("role-replication", ERROR, &role);
        assert_eq!(found.remedy, format!("ALTER ROLE \"{role}\" REPLICATION"));
        // The rest was looked at all the same.
        report.one("publication-missing", ERROR, "nothing");
        let physical = Report::of(&conninfo, &[("mode", "physical")]).unwrap();
        physical.one("role-replication", ERROR, &role);
        case.sql.run(&format!("ALTER ROLE \"{role}\" REPLICATION"));
        assert!(!Report::of(&conninfo, &options).unwrap().has("role-replication"));
    }

    fn pg_hba_and_passwords(case, from 14) {
        let server = Server::own(case.server.major(), &[
            "--hba", "host all shut 127.0.0.1/32 reject",
            "--hba", "host replication half 127.0.0.1/32 reject",
            "--hba", "host all walsender 127.0.0.1/32 reject",
            "--hba", "host all pass 127.0.0.1/32 scram-sha-256",
            // So that no word of English is needed.
            "--set", "lc_messages=C",
        ]);
        let mut sql = Sql::connect(&server.conninfo("postgres"));
        for role in ["shut", "half", "walsender"] {
            sql.run(&format!("CREATE ROLE {role} LOGIN REPLICATION"));
        }
        sql.run("CREATE ROLE pass LOGIN REPLICATION PASSWORD 'sesame'");
        sql.run("CREATE PUBLICATION pub FOR ALL TABLES");
        let conninfo = |user: &str| format!("{} user={user}", server.conninfo("postgres"));
        let logical = [("slot", "s"), ("publication", "pub"), ("slot.create", "if-missing")];
        let physical = [("mode", "physical")];

        let report = Report::of(&conninfo("shut"), &logical).unwrap();
        report.one("hba-refused", ERROR, "pg_hba.conf");
        assert_eq!(report.0.len(), 1, "nothing else was seen: {report:?}");

        let report = Report::of(&conninfo("half"), &physical).unwrap();
        let found = report.one("hba-refused", ERROR, "pg_hba.conf");
        assert!(found.remedy.contains("\"replication\""), "{found:?}");
        assert!(!Report::of(&conninfo("half"), &logical).unwrap().has("hba-refused"));

        // Replication is let in, an ordinary connection is not.
        let report = Report::of(&conninfo("walsender"), &physical).unwrap();
        report.one("catalogs-unseen", crate::report::INFO, "");
        assert_eq!(report.0.len(), 1, "{report:?}");
        if server.major() >= 15 {
            let slot = [("mode", "physical"), ("slot", "none")];
            Report::of(&conninfo("walsender"), &slot).unwrap().one("slot-missing", ERROR, "none");
            sql.run("SELECT pg_create_logical_replication_slot('logical', 'pgoutput')");
            let slot = [("mode", "physical"), ("slot", "logical")];
            Report::of(&conninfo("walsender"), &slot).unwrap().one("slot-kind", ERROR, "logical");
        }

        let fault = Report::of(&format!("{} password=wrong", conninfo("pass")), &logical).unwrap_err();
        assert_eq!((fault.code, fault.sqlstate.as_str()), (Code::E_AUTH as i32, "28P01"), "{fault:?}");
        assert!(Report::of(&conninfo("pass"), &logical).unwrap_err().is(Code::E_AUTH), "no password at all");
        Report::of(&format!("{} password=sesame", conninfo("pass")), &logical).unwrap();
        let fault = Report::of(&conninfo("nobody_of_this_name"), &logical).unwrap_err();
        assert_eq!((fault.code, fault.sqlstate.as_str()), (Code::E_AUTH as i32, "28000"), "{fault:?}");
        let fault = Report::of(&server.conninfo("no_such_database"), &logical).unwrap_err();
        assert_eq!((fault.code, fault.sqlstate.as_str()), (Code::E_SERVER as i32, "3D000"), "{fault:?}");
        // Physical replication has no database: any will do to look through.
        assert_eq!(Report::of(&server.conninfo("no_such_database"), &physical).unwrap().0, []);
    }
}

#[test]
fn nobody_there() {
    let nobody = "host=127.0.0.1 port=1 user=postgres dbname=postgres";
    assert!(Report::of(nobody, &[]).unwrap_err().is(Code::E_CONNECT));
    assert!(Report::of("port=x y", &[]).unwrap_err().is(Code::E_ARGUMENT));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let conninfo = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable");
    let fault = Report::of(&conninfo, &[("connect_timeout_ms", "200")]).unwrap_err();
    assert!(fault.is(Code::E_CONNECT), "{fault:?}");
}
