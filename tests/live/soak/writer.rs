//! What is written, and what of it the table held in the end: between the two lie crashes.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use walstream::pg::PgError;

use super::Chance;
use super::ids::Ids;
use crate::support::Sql;

/// Rows after which the table is counted and emptied.
const FULL: u64 = 300_000;

pub struct Writer<'a> {
    pub conninfo: &'a str,
    pub chance: Chance,
    pub two_phase: bool,
    pub writes: u64,
    /// Every row that the table has held.
    pub truth: Ids,
    rows: u64,
}

impl<'a> Writer<'a> {
    pub fn new(conninfo: &'a str, chance: Chance, two_phase: bool) -> Writer<'a> {
        Writer { conninfo, chance, two_phase, writes: 0, truth: Ids::default(), rows: 0 }
    }

    pub fn run(mut self, over: &AtomicBool) -> Self {
        let mut sql = None;
        while !over.load(SeqCst) {
            self.writes += 1;
            let Ok(mut connected) = sql.take().map_or_else(|| self.connect(), Ok) else {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            let written = self.write(&mut connected);
            if written.and_then(|()| wait_for_readers(&mut connected, over)).is_ok() {
                sql = Some(connected);
            }
        }
        self
    }

    fn connect(&self) -> Result<Sql, PgError> {
        let mut sql = Sql::try_connect(self.conninfo)?;
        // What a crash left prepared holds the table's locks.
        let left = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";
        let sets = sql.try_run(left)?;
        let set = sets.last().expect("a result");
        let names: Vec<_> = (0..set.rows()).filter_map(|row| set.text(row, 0).map(str::to_owned)).collect();
        for name in names {
            sql.try_run(&format!("COMMIT PREPARED '{name}'"))?;
        }
        Ok(sql)
    }

    /// Fails when the server is away. What became of it then only the table knows.
    fn write(&mut self, sql: &mut Sql) -> Result<(), PgError> {
        if self.rows > FULL {
            return self.start_over(sql);
        }
        let number = self.writes;
        let mut count = 0;
        let mut rows = |rows: u64| {
            count += rows;
            format!(
                "INSERT INTO ledger (tx, v) SELECT {number}, repeat('v', 80) FROM generate_series(1, {rows})"
            )
        };
        let commands = match self.chance.below(12) {
            0 => vec![
                "BEGIN".into(),
                rows(10),
                "SAVEPOINT s".into(),
                rows(2000),
                "ROLLBACK TO s".into(),
                rows(5),
                "COMMIT".into(),
            ],
            1 => vec![rows(10_000)],
            2 => vec!["BEGIN".into(), rows(3000), "ROLLBACK".into()],
            3 if self.two_phase => {
                let end = if self.chance.below(3) == 0 { "ROLLBACK" } else { "COMMIT" };
                vec![
                    "BEGIN".into(),
                    rows(1 + self.chance.below(3000)),
                    format!("PREPARE TRANSACTION 'p{number}'"),
                    format!("{end} PREPARED 'p{number}'"),
                ]
            }
            // A column that is added and dropped counts against the table's 1600 for ever; a new name is as new.
            4 => vec![
                "BEGIN".into(),
                "ALTER TABLE ledger RENAME COLUMN v TO w".into(),
                rows(3).replace("v)", "w)"),
                "ALTER TABLE ledger RENAME COLUMN w TO v".into(),
                rows(3),
                "COMMIT".into(),
            ],
            _ => vec![rows(1 + self.chance.below(20))],
        };
        self.rows += count;
        commands.iter().try_for_each(|command| sql.try_run(command).map(drop))
    }

    fn start_over(&mut self, sql: &mut Sql) -> Result<(), PgError> {
        sql.try_run("BEGIN")?;
        sql.try_run("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")?;
        self.count(sql)?;
        sql.try_run("TRUNCATE ledger")?;
        sql.try_run("COMMIT")?;
        self.rows = 0;
        Ok(())
    }

    /// Reads the table as runs of numbers.
    pub fn count(&mut self, sql: &mut Sql) -> Result<(), PgError> {
        let runs = "SELECT min(id), max(id) FROM (SELECT id, id - row_number() OVER (ORDER BY id) AS run FROM ledger) t \
                    GROUP BY run";
        let sets = sql.try_run(runs)?;
        let set = sets.last().expect("a result");
        for row in 0..set.rows() {
            let number = |column| set.text(row, column).and_then(|text| text.parse().ok()).expect("a number");
            self.truth.add(number(0), number(1));
        }
        Ok(())
    }
}

/// A server that is told to stop sends all that it has first: no reader may fall behind by more than seconds.
fn wait_for_readers(sql: &mut Sql, over: &AtomicBool) -> Result<(), PgError> {
    let lag = "SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)), 0) < 8000000 \
               FROM pg_replication_slots WHERE database = current_database()";
    while sql.try_run(lag)?.last().and_then(|set| set.text(0, 0)) == Some("f") && !over.load(SeqCst) {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
