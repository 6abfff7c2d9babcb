//! A base backup's protocol: the server's archives in, BACKUP events out.
//!
//! Owns which archive is being sent, and makes PostgreSQL 14 (one COPY for each tablespace, plain data) look like its
//! successors (one COPY, each message with a tag). Nothing goes to the server meanwhile, and a backup that broke off
//! does not go on: another one is another backup.

#![forbid(unsafe_code)]

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::Failure;
use super::handshake::{Handshake, Ready};
use super::options::Options;
use super::outbox::{Outbox, without_identity};
use super::protocol::{Progress, Protocol};
use super::session::{Connected, Now};
use super::shared::Shared;
use crate::lsn::Lsn;
use crate::model::arena::Pool;
use crate::model::backup::Tablespace;
use crate::model::event::ProgressDetail;
use crate::model::{Event, Kind};
use crate::pg::{self, BackupStart, Connection, CopyEnd, Patience, backup_end};
use crate::time::PgTime;
use crate::wire::{BackupMessage, Span, StatusUpdate};

/// Longer than any backup: nothing is ever due.
const NEVER: Duration = Duration::from_secs(10 * 365 * 86_400);
/// PostgreSQL 14 reports no progress: it is told whenever this much has come.
const PROGRESS_STEP: u64 = 1 << 20;

/// See the file's head.
pub struct Backup {
    options: Arc<Options>,
    outbox: Outbox,
    never: Instant,
    tagged: bool,
    tablespaces: Vec<pg::Tablespace>,
    timeline: u32,
    start: Lsn,
    /// Untagged: archives that have begun, then the manifest.
    begun: usize,
    in_manifest: bool,
    done: u64,
    told: u64,
    bytes: u64,
    ended: bool,
}

impl Protocol for Backup {
    const REPLICATION: &'static str = "true";
    const RESUMES: bool = false;

    fn new(options: &Arc<Options>, now: Now, pool: Arc<Pool>) -> Backup {
        Backup {
            options: Arc::clone(options),
            outbox: Outbox::new(pool, options.batch_max_events),
            never: now.instant + NEVER,
            tagged: true,
            tablespaces: Vec::new(),
            timeline: 0,
            start: Lsn::ZERO,
            begun: 0,
            in_manifest: false,
            done: 0,
            told: 0,
            bytes: 0,
            ended: false,
        }
    }

    fn handshake(&mut self, mut handshake: Handshake<'_>) -> Result<Ready, Failure> {
        let version = handshake.connection.server_version();
        self.options.backup.check(version)?;
        self.tagged = version >= 150_000;
        let system = handshake.connection.identify_system(handshake.patience)?;
        let server = handshake.check_system(&system)?;
        let wal_sender_timeout = handshake.wal_sender_timeout()?;
        let connected = Connected {
            slot: Lsn::ZERO,
            start: Lsn::ZERO,
            wal_sender_timeout,
            streaming: false,
            left_at: None,
        };
        Ok(Ready { connected, server, started_us: 0 })
    }

    fn connected(&mut self, _now: Now, _connected: &Connected) -> Result<(), Failure> {
        Ok(())
    }

    /// The server makes a checkpoint first, which may take minutes: not a part of connecting.
    fn begin(&mut self, connection: &mut Connection, patience: &Patience<'_>) -> Result<(), Failure> {
        if let Some(path) = &self.options.backup.incremental {
            let unreadable = |error| {
                Failure::io("cannot read the manifest", path, &error)
                    .hint("backup.incremental is the path of an earlier backup's manifest, which this process can read")
            };
            let mut file = File::open(path).map_err(unreadable)?;
            connection.upload_manifest(&mut file, patience).map_err(unreadable)??;
        }
        let command = self.options.backup.command(connection.server_version());
        let BackupStart { lsn, timeline, tablespaces } = connection.start_backup(&command, patience)?;
        (self.start, self.timeline, self.tablespaces) = (lsn, timeline, tablespaces);
        let list: Vec<_> = self.tablespaces.iter().map(for_host).collect();
        self.outbox.backup(self.event(Kind::BACKUP_START, lsn), timeline, &list)?;
        self.copy_begins()
    }

    fn take_in(&mut self, _shared: &Shared) -> Result<(), Failure> {
        Ok(())
    }

    fn handle_frame(&mut self, _now: Now, frame: &[u8]) -> Result<(), Failure> {
        self.bytes += frame.len() as u64;
        if !self.tagged {
            let len = u32::try_from(frame.len()).map_err(|_| Failure::protocol("a message of 4 GiB"))?;
            self.data(frame, Span { start: 0, len })?;
            return self.count(frame.len() as u64);
        }
        match BackupMessage::decode(frame)? {
            BackupMessage::Archive { name, location } => {
                let location = location.of(frame);
                let known = self.tablespaces.iter().find(|tablespace| tablespace.location == location);
                let unknown = pg::Tablespace { location: location.to_vec(), ..pg::Tablespace::default() };
                let tablespace = for_host(known.unwrap_or(&unknown));
                self.outbox.archive(self.event(Kind::ARCHIVE_BEGIN, Lsn::ZERO), name.of(frame), &tablespace)
            }
            BackupMessage::Manifest => self.manifest_begins(),
            BackupMessage::Data(span) => self.data(frame, span),
            BackupMessage::Progress(done) => {
                self.done = done;
                self.progress_event()
            }
        }
    }

    fn copy_ended(
        &mut self,
        _now: Now,
        _connection: &mut Connection,
        end: CopyEnd,
        _patience: &Patience<'_>,
    ) -> Result<u32, Failure> {
        if let Some(error) = end.error {
            return Err(error.into());
        }
        if end.another {
            self.copy_begins()?;
            return Ok(self.timeline);
        }
        let (lsn, timeline) = backup_end(&end.results)?;
        if self.told < self.done {
            self.progress_event()?;
        }
        self.outbox.backup(self.event(Kind::BACKUP_END, lsn), timeline, &[])?;
        self.ended = true;
        Ok(timeline)
    }

    fn resume_at(&self) -> Lsn {
        self.start
    }

    fn confirmed(&self) -> Lsn {
        Lsn::ZERO
    }

    fn ended(&self) -> bool {
        self.ended
    }

    fn pending(&self) -> bool {
        false
    }

    fn unsent(&self) -> bool {
        false
    }

    fn storm(&self) -> bool {
        false
    }

    fn progress(&self) -> Progress {
        Progress { received: self.start, bytes: self.bytes, ..Progress::default() }
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    fn is_full(&self, bytes: usize) -> bool {
        // After the end nothing more is to be read.
        self.ended || self.outbox.is_full(bytes)
    }

    fn heard(&mut self, _now: Instant) {}

    fn deadline(&self, _reading: bool) -> Instant {
        self.never
    }

    fn poll_feedback(&mut self, _now: Now, _reading: bool) -> (Option<StatusUpdate>, bool) {
        (None, false)
    }

    fn status_update(&mut self, now: Now, reply_requested: bool) -> StatusUpdate {
        StatusUpdate { at: PgTime::from_unix_us(now.unix_us), reply_requested, ..StatusUpdate::default() }
    }
}

impl Backup {
    fn event(&self, kind: Kind, lsn: Lsn) -> Event {
        without_identity(Event { lsn: lsn.0, ..Event::new(kind) }, kind)
    }

    /// Untagged, each COPY is one archive, in the order of the tablespaces, and the last one the manifest.
    fn copy_begins(&mut self) -> Result<(), Failure> {
        if self.tagged {
            return Ok(());
        }
        let event = self.event(Kind::ARCHIVE_BEGIN, Lsn::ZERO);
        match self.tablespaces.get(self.begun) {
            Some(tablespace) => {
                self.begun += 1;
                let name = match tablespace.oid {
                    0 => "base.tar".to_owned(),
                    oid => format!("{oid}.tar"),
                };
                self.outbox.archive(event, name.as_bytes(), &for_host(tablespace))
            }
            None if self.in_manifest => {
                Err(Failure::protocol("a base backup with more archives than tablespaces"))
            }
            None => self.manifest_begins(),
        }
    }

    fn manifest_begins(&mut self) -> Result<(), Failure> {
        self.in_manifest = true;
        let name = b"backup_manifest";
        let span = Span { start: 0, len: name.len() as u32 };
        self.outbox.named(self.event(Kind::MANIFEST_BEGIN, Lsn::ZERO), name, Some(span), None)
    }

    fn data(&mut self, frame: &[u8], span: Span) -> Result<(), Failure> {
        self.outbox.named(self.event(Kind::BACKUP_DATA, Lsn::ZERO), frame, None, Some(span))
    }

    fn count(&mut self, bytes: u64) -> Result<(), Failure> {
        if self.in_manifest {
            return Ok(());
        }
        self.done += bytes;
        if self.options.backup.progress && self.done >= self.told + PROGRESS_STEP {
            self.progress_event()?;
        }
        Ok(())
    }

    fn progress_event(&mut self) -> Result<(), Failure> {
        if !self.options.backup.progress {
            return Ok(());
        }
        self.told = self.done;
        // The server's numbers: whatever they are, there is no overflow.
        let sizes = self.tablespaces.iter().filter_map(|tablespace| tablespace.kilobytes);
        let kilobytes = sizes.fold(0, u64::saturating_add);
        let detail = ProgressDetail { done: self.done, total: kilobytes.saturating_mul(1024) };
        self.outbox.progress(self.event(Kind::BACKUP_PROGRESS, Lsn::ZERO), detail)
    }
}

fn for_host(tablespace: &pg::Tablespace) -> Tablespace<'_> {
    let bytes = tablespace.kilobytes.and_then(|kilobytes| kilobytes.checked_mul(1024));
    let size = bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(-1);
    Tablespace { oid: tablespace.oid, location: &tablespace.location, size }
}
