//! Publications.

use crate::on_each_major;
use crate::report::{ERROR, Report, WARNING};
use crate::support::{Case, Server};

on_each_major! {
    fn publications_that_are_missing(case, from 14) {
        case.publish();
        let report = Report::case(case, &[("publication", "pub,\"It's\",other")]);
        let missing: Vec<_> = report.all("publication-missing").iter().map(|f| (f.severity, f.object.clone())).collect();
        assert_eq!(missing, [(ERROR, "It's".to_owned()), (ERROR, "other".to_owned())]);
        assert!(!Report::case(case, &[]).has("publication-missing"));
    }

    fn publications_of_nothing(case, from 14) {
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION none");
        case.sql.run("CREATE PUBLICATION silent FOR TABLE t WITH (publish = '')");
        let report = Report::case(case, &[("publication", "none,silent")]);
        let empty: Vec<_> = report.all("publication-empty").iter().map(|f| (f.severity, f.object.clone())).collect();
        assert_eq!(empty, [(WARNING, "none".to_owned()), (WARNING, "silent".to_owned())]);
        case.sql.run("CREATE PUBLICATION pub FOR TABLE t");
        assert!(!Report::case(case, &[]).has("publication-empty"));
    }

    fn a_publication_younger_than_the_slot(case, from 14) {
        let server = Server::own(case.server.major(), &[]);
        let mut case = Case::new(&server);
        let name = case.slot().to_owned();
        case.sql.run("CREATE TABLE t (id int PRIMARY KEY)");
        case.sql.run("CREATE PUBLICATION older FOR TABLE t");
        case.sql.run(&format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"));
        case.sql.run("CREATE PUBLICATION pub FOR TABLE t");
        let report = Report::case(&case, &[("publication", "older,pub")]);
        report.one("publication-younger", WARNING, "pub");
        // A second slot takes over the first one's xmin, and may well be younger than the publication.
        case.sql.run("SELECT pg_create_logical_replication_slot('second', 'pgoutput')");
        Report::case(&case, &[("slot", "second")]).one("publication-younger", crate::report::INFO, "pub");
        case.sql.run("SELECT pg_drop_replication_slot('second')");
    }
}
