//! BASE_BACKUP: what frames its data. The data itself is COPY OUT, for `receive`.

#![forbid(unsafe_code)]

use std::io::Read;

use super::connection::Connection;
use super::copy::CopyState;
use super::error::PgError;
use super::result::{ResultSet, Status};
use super::wait::Patience;
use crate::lsn::Lsn;

/// What the server says before the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupStart {
    /// Where the log that the backup needs begins.
    pub lsn: Lsn,
    /// The timeline there.
    pub timeline: u32,
    /// In the order of the archives up to PostgreSQL 14.
    pub tablespaces: Vec<Tablespace>,
}

/// One tablespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tablespace {
    /// 0: the data directory itself.
    pub oid: u32,
    /// Where it lies on the server, in whatever encoding its file system has; "" for the data directory.
    pub location: Vec<u8>,
    /// Estimated; `None`: progress was not asked for.
    pub kilobytes: Option<u64>,
}

/// Where the log that the backup needs ends.
pub fn backup_end(results: &[ResultSet]) -> Result<(Lsn, u32), PgError> {
    match results.iter().find(|set| set.status() == Status::Rows) {
        Some(set) => Ok((set.parse(0, 0)?, set.parse(0, 1)?)),
        None => Err(PgError::Protocol("a base backup without its end")),
    }
}

impl BackupStart {
    /// Of the two sets of rows before the data.
    pub fn read(results: &[ResultSet]) -> Result<BackupStart, PgError> {
        let mut rows = results.iter().filter(|set| set.status() == Status::Rows);
        let (Some(start), Some(list)) = (rows.next(), rows.next()) else {
            return Err(PgError::Protocol("a base backup without its start"));
        };
        let tablespace = |row| {
            Ok(Tablespace {
                oid: list.bytes(row, 0).map_or(Ok(0), |_| list.parse(row, 0))?,
                location: list.bytes(row, 1).unwrap_or_default().to_vec(),
                kilobytes: list.bytes(row, 2).map(|_| list.parse(row, 2)).transpose()?,
            })
        };
        Ok(BackupStart {
            lsn: start.parse(0, 0)?,
            timeline: start.parse(0, 1)?,
            tablespaces: (0..list.rows()).map(tablespace).collect::<Result<_, PgError>>()?,
        })
    }
}

impl Connection {
    /// Sends BASE_BACKUP. Afterwards `receive`. Waits for the server's checkpoint.
    pub fn start_backup(&mut self, command: &str, patience: &Patience<'_>) -> Result<BackupStart, PgError> {
        BackupStart::read(&self.start_copy_out(command, patience)?)
    }

    /// Hands the server the manifest of an earlier backup, for an incremental one (PostgreSQL 17). The outer error is the
    /// reader's.
    pub fn upload_manifest(
        &mut self,
        manifest: &mut dyn Read,
        patience: &Patience<'_>,
    ) -> std::io::Result<Result<(), PgError>> {
        let mut buffer = vec![0; 64 << 10];
        let begun = self.start_copy("UPLOAD_MANIFEST", Status::CopyIn, patience);
        match begun {
            Ok((_, true)) => {}
            Ok((_, false)) => return Ok(Err(PgError::Protocol("UPLOAD_MANIFEST ended without COPY"))),
            Err(error) => return Ok(Err(error)),
        }
        loop {
            let read = manifest.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            if let Err(error) = self.put_copy_data(&buffer[..read]).and_then(|()| self.flush_all(patience)) {
                return Ok(Err(error));
            }
        }
        Ok(self.end_upload(patience))
    }

    fn end_upload(&mut self, patience: &Patience<'_>) -> Result<(), PgError> {
        self.put_copy_end()?;
        self.flush_all(patience)?;
        let mut outcome = Ok(());
        while let Some(set) = self.next_result(patience)? {
            if set.status() == Status::Error && outcome.is_ok() {
                outcome = Err(self.error_of(&set));
            }
        }
        self.copy = CopyState::None;
        outcome
    }
}
