//! Plain SQL over our own libpq floor.

use std::time::{Duration, Instant};

use walstream::pg::{Connection, Conninfo, EventFd, Patience, PgError, ResultSet};

pub struct Sql {
    connection: Connection,
    wake: EventFd,
}

impl Sql {
    pub fn connect(conninfo: &str) -> Sql {
        Sql::try_connect(conninfo).unwrap_or_else(|error| panic!("{conninfo}: {error}"))
    }

    pub fn try_connect(conninfo: &str) -> Result<Sql, PgError> {
        let wake = EventFd::new()?;
        let conninfo = Conninfo::parse(conninfo)?;
        let connection = Connection::connect(&conninfo, &[], &[], &patience(&wake))?;
        let mut sql = Sql { connection, wake };
        sql.run("SET client_min_messages = error");
        Ok(sql)
    }

    pub fn try_run(&mut self, sql: &str) -> Result<Vec<ResultSet>, PgError> {
        self.connection.query(sql, &patience(&self.wake))
    }

    /// One or several commands. Several in one string are one transaction.
    pub fn run(&mut self, sql: &str) {
        self.try_run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Each command on its own.
    pub fn each(&mut self, commands: &[&str]) {
        for command in commands {
            self.run(command);
        }
    }

    pub fn rows(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        let sets = self.try_run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows_of(sets.last().expect("a result"))
    }

    /// None where the server does not answer.
    pub fn try_rows(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.try_run(sql).ok().and_then(|sets| sets.last().map(rows_of)).unwrap_or_default()
    }

    /// The one value of the one row; "" for NULL.
    pub fn value(&mut self, sql: &str) -> String {
        let mut rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}");
        rows.remove(0).remove(0).unwrap_or_default()
    }

    pub fn backend_pid(&self) -> i32 {
        self.connection.backend_pid()
    }
}

fn rows_of(set: &ResultSet) -> Vec<Vec<Option<String>>> {
    let row = |row| (0..set.columns()).map(|column| set.text(row, column).map(str::to_owned)).collect();
    (0..set.rows()).map(row).collect()
}

fn patience(wake: &EventFd) -> Patience<'_> {
    Patience { wake, cancelled: &|| false, deadline: Some(Instant::now() + Duration::from_secs(120)) }
}
