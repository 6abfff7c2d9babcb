//! The options of a base backup, and the command that they come to in each version's grammar.

#![forbid(unsafe_code)]

use std::path::PathBuf;

use super::error::Failure;
use super::server_failure::unsupported;
use crate::pg::quote_command_literal;

/// Is the checkpoint to be quick?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checkpoint {
    /// At once.
    Fast,
    /// Over time.
    #[default]
    Spread,
}

/// Is there to be a manifest?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manifest {
    /// Yes.
    #[default]
    Yes,
    /// No.
    No,
    /// With all file names in hexadecimal: for tests of its readers.
    ForceEncode,
}

/// What the server compresses with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Nothing.
    #[default]
    None,
    /// `.gz`
    Gzip,
    /// `.lz4`
    Lz4,
    /// `.zst`
    Zstd,
}

/// The options of a base backup.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the table's help says what each one is")]
pub struct BackupOptions {
    pub label: String,
    pub checkpoint: Checkpoint,
    pub wal: bool,
    pub wait: bool,
    pub progress: bool,
    pub manifest: Manifest,
    pub manifest_checksums: &'static str,
    pub compression: Compression,
    pub compression_detail: String,
    pub max_rate_kb: u32,
    pub tablespace_map: bool,
    pub verify_checksums: bool,
    pub incremental: Option<PathBuf>,
}

impl BackupOptions {
    /// Can a server of this version do it?
    pub fn check(&self, version: i32) -> Result<(), Failure> {
        if self.compression != Compression::None && version < 150_000 {
            return Err(unsupported("backup.compression", 15));
        }
        if self.incremental.is_some() && version < 170_000 {
            return Err(unsupported("backup.incremental", 17));
        }
        Ok(())
    }

    /// BASE_BACKUP.
    pub fn command(&self, version: i32) -> String {
        if version < 150_000 { self.plain() } else { self.parenthesised() }
    }

    /// Up to PostgreSQL 14: keywords.
    fn plain(&self) -> String {
        let mut words = vec![format!("LABEL {}", quote_command_literal(&self.label))];
        let mut word = |wanted: bool, word: &str| words.extend(wanted.then(|| word.to_owned()));
        word(self.progress, "PROGRESS");
        word(self.checkpoint == Checkpoint::Fast, "FAST");
        word(self.wal, "WAL");
        word(!self.wait, "NOWAIT");
        word(self.max_rate_kb != 0, &format!("MAX_RATE {}", self.max_rate_kb));
        word(self.tablespace_map, "TABLESPACE_MAP");
        word(!self.verify_checksums, "NOVERIFY_CHECKSUMS");
        if let Some(manifest) = self.manifest() {
            word(true, &format!("MANIFEST {}", quote_command_literal(manifest)));
            word(true, &format!("MANIFEST_CHECKSUMS {}", quote_command_literal(self.manifest_checksums)));
        }
        format!("BASE_BACKUP {}", words.join(" "))
    }

    /// From PostgreSQL 15 on: a list.
    fn parenthesised(&self) -> String {
        let mut words = vec![format!("LABEL {}", quote_command_literal(&self.label))];
        let mut word = |wanted: bool, word: &str| words.extend(wanted.then(|| word.to_owned()));
        word(self.progress, "PROGRESS");
        word(self.checkpoint == Checkpoint::Fast, "CHECKPOINT 'fast'");
        word(self.wal, "WAL");
        word(!self.wait, "WAIT false");
        word(self.max_rate_kb != 0, &format!("MAX_RATE {}", self.max_rate_kb));
        word(self.tablespace_map, "TABLESPACE_MAP");
        word(!self.verify_checksums, "VERIFY_CHECKSUMS false");
        word(self.incremental.is_some(), "INCREMENTAL");
        if let Some(manifest) = self.manifest() {
            word(true, &format!("MANIFEST {}", quote_command_literal(manifest)));
            word(true, &format!("MANIFEST_CHECKSUMS {}", quote_command_literal(self.manifest_checksums)));
        }
        let method = match self.compression {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Lz4 => Some("lz4"),
            Compression::Zstd => Some("zstd"),
        };
        if let Some(method) = method {
            word(true, &format!("COMPRESSION {}", quote_command_literal(method)));
            let detail = quote_command_literal(&self.compression_detail);
            word(!self.compression_detail.is_empty(), &format!("COMPRESSION_DETAIL {detail}"));
        }
        format!("BASE_BACKUP ({})", words.join(", "))
    }

    fn manifest(&self) -> Option<&'static str> {
        match self.manifest {
            Manifest::Yes => Some("yes"),
            Manifest::ForceEncode => Some("force-encode"),
            Manifest::No => None,
        }
    }
}
