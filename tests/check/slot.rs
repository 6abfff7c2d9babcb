//! The slot.

use crate::on_each_major;
use crate::report::{ERROR, Report, WARNING};
use crate::support::{Case, Server, Sql};

on_each_major! {
    fn a_slot_that_is_missing(case, from 14) {
        let name = case.slot().to_owned();
        Report::case(case, &[]).one("slot-missing", ERROR, &name);
        assert!(!Report::case(case, &[("slot.create", "if-missing")]).has("slot-missing"));
        assert!(!Report::case(case, &[("slot.create", "temporary")]).has("slot-missing"));
        Report::case(case, &[("mode", "physical")]).one("slot-missing", ERROR, &name);
    }

    fn a_slot_of_another_kind(case, from 14) {
        let name = case.slot().to_owned();
        case.sql.run(&format!("SELECT pg_create_physical_replication_slot('{name}')"));
        Report::case(case, &[]).one("slot-kind", ERROR, &name);
        assert!(!Report::case(case, &[("mode", "physical")]).has("slot-kind"));
        case.sql.run(&format!("SELECT pg_drop_replication_slot('{name}')"));
        case.publish();
        Report::case(case, &[("mode", "physical")]).one("slot-kind", ERROR, &name);
    }

    fn a_slot_of_another_database(case, from 14) {
        case.publish();
        let options = [("slot", case.slot()), ("publication", "pub")];
        let report = Report::of(&case.server.conninfo("postgres"), &options).unwrap();
        let found = report.one("slot-database", ERROR, case.slot());
        assert!(found.message.contains(&case.database), "{found:?}");
    }

    fn a_slot_of_another_plugin(case, from 14) {
        let name = case.slot().to_owned();
        case.sql.run(&format!("SELECT pg_create_logical_replication_slot('{name}', 'test_decoding')"));
        Report::case(case, &[]).one("slot-plugin", ERROR, &name);
        let right = Report::case(case, &[("plugin", "test_decoding")]);
        assert!(!right.has("slot-plugin"));
        assert!(!right.has("publication-missing"), "other plugins know none: {right:?}");
        let plain = Report::of(&case.conninfo(), &[("slot", &name), ("plugin", "test_decoding")]).unwrap();
        assert!(!plain.has("option"), "{plain:?}");
    }

    fn a_slot_that_somebody_reads(case, from 14) {
        case.publish();
        let host = case.stream(&[]);
        let pid = case.slot_value("active_pid");
        let report = Report::case(case, &[]);
        let found = report.one("slot-active", WARNING, case.slot());
        assert!(found.message.contains(&pid), "{found:?}");
        host.stop(-1);
        assert!(!Report::case(case, &[]).has("slot-active"));
    }

    fn two_phase_that_differs(case, from 15) {
        let name = case.slot().to_owned();
        case.sql.run("CREATE PUBLICATION pub FOR ALL TABLES");
        case.sql.run(&format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput', false, true)"));
        Report::case(case, &[]).one("slot-two-phase", WARNING, &name);
        for option in ["two_phase", "slot.two_phase"] {
            assert!(!Report::case(case, &[(option, "on")]).has("slot-two-phase"), "{option}");
        }
        case.sql.run(&format!("SELECT pg_drop_replication_slot('{name}')"));
        case.sql.run(&format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"));
        assert!(!Report::case(case, &[]).has("slot-two-phase"));
        for option in ["two_phase", "slot.two_phase"] {
            Report::case(case, &[(option, "on")]).one("slot-two-phase", WARNING, &name);
        }
        assert_eq!(case.slot_value("two_phase"), "f", "the check switched nothing");
    }

    fn failover_that_differs(case, from 17) {
        case.publish();
        let name = case.slot().to_owned();
        Report::case(case, &[("slot.failover", "on")]).one("slot-failover", WARNING, &name);
        case.sql.run(&format!("SELECT pg_drop_replication_slot('{name}')"));
        case.sql.run(&format!(
            "SELECT pg_create_logical_replication_slot('{name}', 'pgoutput', false, false, true)"));
        assert!(!Report::case(case, &[("slot.failover", "on")]).has("slot-failover"));
    }

    /// A slot that nobody reads, until it is lost.
    fn log_that_piles_up(case, from 14) {
        let server = Server::own(case.server.major(), &[
            "--set", "max_wal_size=32MB",
            "--set", "min_wal_size=32MB",
            "--set", "max_slot_wal_keep_size=64MB",
        ]);
        let mut case = Case::new(&server);
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.publish();
        case.sql.run("SELECT pg_create_physical_replication_slot('ph', true)");
        let physical = [("mode", "physical"), ("slot", "ph")];
        assert_eq!(Report::case(&case, &[]).troubles(), Vec::<&str>::new());
        let (mut held, mut endangered) = (0, 0);
        let mut sql = Sql::connect(&server.conninfo("postgres"));
        for megabytes in 1..200 {
            sql.run("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1 << 20))");
            let report = Report::case(&case, &[]);
            if held == 0 && report.has("slot-holds-wal") {
                held = megabytes;
                report.one("slot-holds-wal", WARNING, case.slot());
                Report::of(&case.conninfo(), &physical).unwrap().one("slot-holds-wal", WARNING, "ph");
            }
            if report.has("slot-endangered") {
                endangered = megabytes;
                report.one("slot-endangered", WARNING, case.slot());
                Report::of(&case.conninfo(), &physical).unwrap().one("slot-endangered", WARNING, "ph");
                break;
            }
        }
        assert!(0 < held && held < endangered, "{held} {endangered}");
        sql.run("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 33 << 20))");
        sql.run("CHECKPOINT");
        let report = Report::case(&case, &[]);
        report.one("slot-lost", ERROR, case.slot());
        assert!(!report.has("slot-endangered") && !report.has("slot-holds-wal"), "{report:?}");
        Report::of(&case.conninfo(), &physical).unwrap().one("slot-lost", ERROR, "ph");
    }
}
