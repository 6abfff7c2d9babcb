//! Transactions that are open for long.

use std::time::Duration;

use crate::on_each_major;
use crate::report::{INFO, Report, WARNING};
use crate::support::{Case, Server, Sql, wait_until};

/// A transaction is long when it lasts longer than this.
const LONG: (&str, &str) = ("connect_timeout_ms", "15000");

on_each_major! {
    fn long_transactions(case, from 14) {
        // Its own, for what is open holds back every slot that others want to make.
        let server = Server::own(case.server.major(), &[]);
        let case = &mut Case::new(&server);
        case.publish();
        // Their database does not matter.
        let mut writer = Sql::connect(&case.server.conninfo("postgres"));
        writer.run("SET application_name = 'sleeper'; BEGIN; CREATE TEMP TABLE t ()");
        writer.run("SAVEPOINT s; CREATE TEMP TABLE t2 ()");
        let pid = writer.backend_pid().to_string();
        let gid = format!("gid of {}", case.database);
        case.sql.each(&["BEGIN", "CREATE TABLE t ()", &format!("PREPARE TRANSACTION '{gid}'")]);
        let made = [("slot", "to_be_made"), ("slot.create", "if-missing"), LONG];

        let role = case.database.clone();
        case.sql.run(&format!("CREATE ROLE {role} LOGIN REPLICATION"));
        let conninfo = format!("{} user={role}", case.conninfo());
        let options = [("slot", case.slot()), ("publication", "pub"), LONG];
        let unseen = Report::of(&conninfo, &options).unwrap();
        let found = unseen.one("activity-hidden", INFO, "");
        assert!(found.message.contains(&pid), "{found:?}");

        wait_until(Duration::from_secs(30), "both are old", || {
            case.sql.value(&format!(
                "SELECT count(*) FROM pg_prepared_xacts WHERE gid = '{gid}' AND clock_timestamp() - prepared > '15.1 s'")) == "1"
        });
        for options in [[("slot", case.slot()), ("slot.create", "never"), LONG], made] {
            let report = Report::case(case, &options);
            assert!(!report.has("activity-hidden"), "{report:?}");
            for object in [&pid, &gid] {
                let found: Vec<_> =
                    report.all("long-transaction").into_iter().filter(|f| f.object == **object).cloned().collect();
                let [found] = &found[..] else { panic!("{report:?}") };
                assert_eq!(found.severity, WARNING);
                let waits = found.message.contains("begins only after its end");
                assert_eq!(waits, options[1].1 == "if-missing", "{found:?}");
            }
        }
        let patient = Report::case(case, &[("connect_timeout_ms", "600000")]);
        assert!(!patient.has("long-transaction"), "{patient:?}");
        case.sql.run(&format!("ROLLBACK PREPARED '{gid}'"));
    }
}
