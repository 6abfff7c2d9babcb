//! One test: its own database and slots on a server, gone when it is over, whatever way it ends.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{Host, Server, Sql, server};

pub struct Case<'a> {
    pub server: &'a Server,
    pub database: String,
    /// To that database.
    pub sql: Sql,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl<'a> Case<'a> {
    pub fn new(server: &'a Server) -> Case<'a> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = format!("case_{}_{number}", std::process::id());
        Sql::connect(&server.conninfo("postgres")).run(&format!("CREATE DATABASE {database}"));
        let sql = Sql::connect(&server.conninfo(&database));
        Case { server, database, sql }
    }

    pub fn conninfo(&self) -> String {
        self.server.conninfo(&self.database)
    }

    /// The name of the case's slot.
    pub fn slot(&self) -> &str {
        &self.database
    }

    /// A publication of all tables, and the slot.
    pub fn publish(&mut self) {
        self.sql.run("CREATE PUBLICATION pub FOR ALL TABLES");
        let sql = format!("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", self.database);
        self.sql.run(&sql);
    }

    /// A host on the slot, not started.
    pub fn host(&self, options: &[(&str, &str)]) -> Host {
        self.host_at(&self.conninfo(), options)
    }

    pub fn host_at(&self, conninfo: &str, options: &[(&str, &str)]) -> Host {
        let mut all = vec![("slot", self.slot()), ("publication", "pub")];
        all.extend_from_slice(options);
        Host::open(conninfo, &all)
    }

    /// A host that streams.
    pub fn stream(&self, options: &[(&str, &str)]) -> Host {
        let host = self.host(options);
        host.start(0);
        host
    }

    /// A column of the slot's row in pg_replication_slots.
    pub fn slot_value(&mut self, column: &str) -> String {
        let sql = format!("SELECT {column} FROM pg_replication_slots WHERE slot_name = '{}'", self.database);
        self.sql.value(&sql)
    }

    /// Has the server write its log out, up to here: it streams nothing else, and waits for a commit.
    pub fn flush(&self) {
        // In another database, so that no slot tells of it.
        Sql::connect(&self.server.conninfo("postgres")).run("CREATE TEMP TABLE flushed ()");
    }

    /// Waits until the slot is confirmed up to `lsn`.
    pub fn wait_confirmed(&mut self, lsn: u64) {
        wait_until(Duration::from_secs(20), "the slot is confirmed", || {
            super::host::lsn(&self.slot_value("confirmed_flush_lsn")) >= lsn
        });
    }

    /// The walsender of the slot.
    pub fn walsender(&mut self) -> Option<i32> {
        self.slot_value("active_pid").parse().ok()
    }
}

impl Drop for Case<'_> {
    fn drop(&mut self) {
        // A test that failed may leave prepared transactions, which hold the database, and every new slot, back.
        for row in self.sql.try_rows("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")
        {
            let gid = row[0].clone().unwrap_or_default();
            let _ = self.sql.try_run(&format!("ROLLBACK PREPARED '{gid}'"));
        }
        let Ok(mut sql) = Sql::try_connect(&self.server.conninfo("postgres")) else { return };
        let slots = format!(
            "SELECT slot_name FROM pg_replication_slots WHERE database = '{0}' OR slot_name ~ '^{0}(\\D|$)'",
            self.database
        );
        for row in sql.rows(&slots) {
            let name = row[0].clone().unwrap_or_default();
            let kill = format!(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{name}'"
            );
            let deadline = Instant::now() + Duration::from_secs(10);
            while sql.try_run(&format!("{kill}; SELECT pg_drop_replication_slot('{name}')")).is_err() {
                if Instant::now() > deadline {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = sql.try_run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database));
    }
}

/// Runs a test on one major, if that is asked for and has the feature.
pub fn on_major(major: u32, first: u32, body: fn(&mut Case<'_>)) {
    if major < first || !server::majors().contains(&major) {
        return;
    }
    body(&mut Case::new(Server::shared(major)));
}

/// Waits for a condition, with a deadline that leaves room for a machine that is busy with other things.
pub fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + 3 * limit;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A test on every major from `from` on.
#[macro_export]
macro_rules! on_each_major {
    ($($(#[$doc:meta])* fn $name:ident($case:ident, from $first:literal) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            fn body($case: &mut $crate::support::Case<'_>) $body
            #[test] fn pg14() { $crate::support::on_major(14, $first, body) }
            #[test] fn pg15() { $crate::support::on_major(15, $first, body) }
            #[test] fn pg16() { $crate::support::on_major(16, $first, body) }
            #[test] fn pg17() { $crate::support::on_major(17, $first, body) }
            #[test] fn pg18() { $crate::support::on_major(18, $first, body) }
        }
    )*};
}
