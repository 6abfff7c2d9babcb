//! Replication commands that ask the server about itself, and what their answers mean.

#![forbid(unsafe_code)]

use super::connection::Connection;
use super::error::PgError;
use super::quote::quote_command_identifier;
use super::result::ResultSet;
use super::wait::Patience;
use crate::lsn::Lsn;

/// The answer to IDENTIFY_SYSTEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemIdentity {
    /// Names the cluster; a copy made by pg_basebackup has the same, one made by initdb or pg_upgrade another.
    pub system_id: String,
    /// The timeline that the server is on.
    pub timeline: u32,
    /// How far its log is flushed.
    pub flush_lsn: Lsn,
    /// `None` on a connection without a database (physical replication).
    pub database: Option<String>,
    /// As in server_version_num.
    pub server_version: i32,
}

/// A timeline's history as the server keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineFile {
    /// `0000000A.history`
    pub name: String,
    /// Text, but bytes: a reason may quote the name of a restore point in any encoding.
    pub content: Vec<u8>,
}

impl SystemIdentity {
    /// Of the answer to IDENTIFY_SYSTEM.
    pub fn read(set: &ResultSet, server_version: i32) -> Result<SystemIdentity, PgError> {
        Ok(SystemIdentity {
            system_id: set.parse(0, 0)?,
            timeline: set.parse(0, 1)?,
            flush_lsn: set.parse(0, 2)?,
            database: set.text(0, 3).map(str::to_owned),
            server_version,
        })
    }
}

impl TimelineFile {
    /// Of the answer to TIMELINE_HISTORY.
    pub fn read(set: &ResultSet) -> Result<TimelineFile, PgError> {
        let content = set.bytes(0, 1).ok_or(PgError::Protocol("a timeline history without content"))?;
        Ok(TimelineFile { name: set.parse(0, 0)?, content: content.to_vec() })
    }

    /// The ancestors, the oldest first.
    pub fn switches(&self) -> Result<Vec<TimelineSwitch>, PgError> {
        parse_history(&String::from_utf8_lossy(&self.content))
    }
}

/// One run of a server, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerRun {
    /// A standby, or still recovering.
    pub in_recovery: bool,
    /// Microseconds since 1970-01-01 UTC.
    pub started_us: i64,
}

impl ServerRun {
    /// Of a row of its two values.
    pub fn read(set: &ResultSet) -> Result<ServerRun, PgError> {
        Ok(ServerRun { in_recovery: set.parse::<String>(0, 0)? == "t", started_us: set.parse(0, 1)? })
    }
}

/// One line of a timeline's history: `timeline` was left at `lsn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelineSwitch {
    /// The older timeline.
    pub timeline: u32,
    /// Its end.
    pub lsn: Lsn,
}

impl Connection {
    /// Which cluster, timeline and database this is. Replication connections only.
    pub fn identify_system(&mut self, patience: &Patience<'_>) -> Result<SystemIdentity, PgError> {
        let set = self.query_rows("IDENTIFY_SYSTEM", patience)?;
        SystemIdentity::read(&set, self.server_version())
    }

    /// A setting's value in this session.
    pub fn show(&mut self, name: &str, patience: &Patience<'_>) -> Result<String, PgError> {
        self.query_rows(&format!("SHOW {}", quote_command_identifier(name)?), patience)?.parse(0, 0)
    }

    /// The ancestors of `timeline`, the oldest first. Replication connections only.
    pub fn timeline_history(
        &mut self,
        timeline: u32,
        patience: &Patience<'_>,
    ) -> Result<Vec<TimelineSwitch>, PgError> {
        // The first one has no ancestors and no history file.
        if timeline <= 1 {
            return Ok(Vec::new());
        }
        self.timeline_file(timeline, patience)?.switches()
    }

    /// The history file of `timeline`, which the first one has not. Replication connections only.
    pub fn timeline_file(&mut self, timeline: u32, patience: &Patience<'_>) -> Result<TimelineFile, PgError> {
        let set = self.query_rows(&format!("TIMELINE_HISTORY {timeline}"), patience)?;
        let file = TimelineFile::read(&set)?;
        // Hosts write a file of this name.
        match file.name == format!("{timeline:08X}.history") {
            true => Ok(file),
            false => Err(PgError::Protocol("a history file of another name than its timeline's")),
        }
    }
}

/// Those of `names` that are not in the first column.
pub fn missing_of(names: &[impl AsRef<str>], found: &ResultSet) -> Vec<String> {
    let exists = |name: &str| (0..found.rows()).any(|row| found.text(row, 0) == Some(name));
    names.iter().map(AsRef::as_ref).filter(|name| !exists(name)).map(str::to_owned).collect()
}

/// A history file: a line for each ancestor, "timeline, end, reason" with white space between; # begins a comment.
fn parse_history(content: &str) -> Result<Vec<TimelineSwitch>, PgError> {
    let malformed = PgError::Protocol("a malformed timeline history");
    let mut switches = Vec::new();
    for line in content.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut fields = line.split_ascii_whitespace();
        let timeline = fields.next().and_then(|text| text.parse().ok());
        let lsn = fields.next().and_then(|text| text.parse().ok());
        let (Some(timeline), Some(lsn)) = (timeline, lsn) else { return Err(malformed) };
        switches.push(TimelineSwitch { timeline, lsn });
    }
    Ok(switches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_are_parsed_strictly() {
        let file =
            "# a comment\n1\t0/3000060\tno recovery target specified\n\n 2\t16/B374D848\tbefore 2020-01-01\n";
        assert_eq!(
            parse_history(file).unwrap(),
            [
                TimelineSwitch { timeline: 1, lsn: Lsn(0x300_0060) },
                TimelineSwitch { timeline: 2, lsn: Lsn(0x16_B374_D848) }
            ]
        );
        assert!(parse_history("").unwrap().is_empty());
        for file in ["1", "1 0", "x 0/1", "1 0/x reason"] {
            assert!(parse_history(file).is_err(), "{file:?}");
        }
    }
}
