//! The options of a stream: one table gives their names, defaults, allowed values, help and meaning.
//!
//! `walstream_config_set`, the defaults, `walstream_option_at` and docs/options.md all read this table.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::path::PathBuf;
use std::time::Duration;

use super::backup_command::{BackupOptions, Checkpoint, Compression, Manifest};
use super::error::Failure;
use super::option_values as parse;
use crate::lsn::Lsn;
use crate::model::code::Code;

/// Are transactions assembled, or handed on as the server sends them?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Whole, committed, in commit order.
    Committed,
    /// Message by message.
    AsSent,
}

/// pgoutput's `streaming`: may the server send a large transaction before its commit?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streaming {
    /// On where the server knows it.
    Auto,
    /// The server spills.
    Off,
    /// From 14 on.
    On,
    /// From 16 on: aborts carry their LSN and time.
    Parallel,
}

/// What becomes of keepalive positions while nothing is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleAdvance {
    /// Confirmed by themselves.
    Auto,
    /// Delivered as POSITION events.
    Host,
    /// Ignored.
    Off,
}

/// When to make the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotCreate {
    /// It must be there.
    Never,
    /// At the first start with start_lsn 0.
    IfMissing,
    /// At the first start; it ends with the connection.
    Temporary,
}

/// pgoutput's `origin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// All changes.
    Any,
    /// Only those that first happened here.
    None,
}

/// What to do about a publication that goes missing in the stream (PostgreSQL 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicationMissing {
    /// Log it.
    Warn,
    /// End the stream.
    Error,
}

/// What kind of replication?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Decoded changes of one database.
    Logical,
    /// The write-ahead log itself, of the whole cluster.
    Physical,
    /// A base backup: `walstream_basebackup_start` sets it.
    Backup,
}

/// The options of one stream, checked.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the table's help says what each one is")]
pub struct Options {
    pub mode: Mode,
    pub timeline: u32,
    pub slot: String,
    pub publication: Vec<String>,
    pub slot_create: SlotCreate,
    pub slot_two_phase: bool,
    pub slot_failover: bool,
    pub slot_wait: Option<Duration>,
    pub plugin: String,
    pub plugin_options: BTreeMap<String, String>,
    pub plugin_idle_advance: bool,
    pub delivery: Delivery,
    pub streaming: Streaming,
    pub protocol_version: Option<u32>,
    pub binary: bool,
    pub messages: bool,
    pub origin: Origin,
    pub two_phase: bool,
    pub publication_missing: PublicationMissing,
    pub start_position: String,
    pub start_strict: bool,
    pub stop_lsn: Lsn,
    pub idle_advance: IdleAdvance,
    pub status_interval: Duration,
    pub receive_timeout: Duration,
    pub connect_timeout: Duration,
    pub retry_first: bool,
    pub retry_initial: Duration,
    pub retry_max: Duration,
    pub retry_max_elapsed: Duration,
    pub retry_failover: Duration,
    pub queue_max_bytes: usize,
    pub batch_max_events: usize,
    pub pacing: bool,
    pub pacing_max: Duration,
    pub spill_dir: Option<PathBuf>,
    pub spill_memory_bytes: u64,
    pub spill_max_bytes: u64,
    pub backup: BackupOptions,
    texts: BTreeMap<&'static str, String>,
}

/// One row of the table.
pub struct OptionSpec {
    /// As `walstream_config_set` takes it.
    pub name: &'static CStr,
    /// In force when it is not set.
    pub default: &'static CStr,
    /// For a person.
    pub allowed: &'static CStr,
    /// One sentence or two.
    pub help: &'static CStr,
    /// False: the value is not one of those allowed.
    set: fn(&mut Options, &str) -> bool,
}

/// Takes every option whose name begins so; the rest of the name is the plugin's.
const PLUGIN_PREFIX: &str = "plugin.";

macro_rules! options {
    ($($name:literal = $default:literal, $allowed:literal, $help:literal, |$o:ident, $v:ident| $set:expr;)*) => {
        /// The table.
        pub static TABLE: &[OptionSpec] = &[$(OptionSpec {
            name: $name, default: $default, allowed: $allowed, help: $help,
            set: |$o, $v| $set,
        }),*];
    };
}

options! {
    c"mode" = c"logical", c"logical, physical",
    c"logical: decoded changes of the tables in publications. physical: WAL events with the write-ahead log of the whole cluster; publication, plugin, delivery and spill options have no meaning then.",
    |o, v| parse::choice(v, &mut o.mode, &[("logical", Mode::Logical), ("physical", Mode::Physical)]);

    c"timeline" = c"0", c"0 to 4294967295",
    c"mode=physical: the timeline to begin on. 0: the one that the start position lies on, as the server's history says.",
    |o, v| parse::number(v, &mut o.timeline);

    c"slot" = c"", c"1 to 63 of a-z, 0-9 and _",
    c"The replication slot to read. Must be set for mode=logical.",
    |o, v| parse::slot_name(v, &mut o.slot);

    c"publication" = c"", c"names, comma-separated, quoted like SQL identifiers",
    c"The publications whose tables are wanted. Must be set for pgoutput. Unquoted names fold to lower case.",
    |o, v| parse::identifiers(v, &mut o.publication);

    c"slot.create" = c"never", c"never, if-missing, temporary",
    c"Make the slot at the first start with start_lsn 0. A temporary slot ends with its connection: after a lost one the stream ends with E_SLOT_MISSING.",
    |o, v| parse::choice(v, &mut o.slot_create, &[
        ("never", SlotCreate::Never), ("if-missing", SlotCreate::IfMissing), ("temporary", SlotCreate::Temporary)]);

    c"slot.two_phase" = c"off", c"on, off",
    c"A slot that is made decodes prepared transactions at PREPARE. Set two_phase too for a slot that is there.",
    |o, v| parse::on_off(v, &mut o.slot_two_phase);

    c"slot.failover" = c"off", c"on, off",
    c"A slot that is made is synchronised to standbys (PostgreSQL 17 and later).",
    |o, v| parse::on_off(v, &mut o.slot_failover);

    c"slot.wait_ms" = c"auto", c"auto, 0 to 2147483647",
    c"How long to wait for a slot that another connection holds, in milliseconds. auto: one and a half times the server's wal_sender_timeout, 60000 when that is 0.",
    |o, v| parse::auto_ms(v, &mut o.slot_wait);

    c"delivery" = c"committed", c"committed, as-sent",
    c"committed: whole transactions, in commit order. as-sent: each message as it comes, stream blocks and aborts included.",
    |o, v| parse::choice(v, &mut o.delivery, &[
        ("committed", Delivery::Committed), ("as-sent", Delivery::AsSent)]);

    c"streaming" = c"auto", c"auto, off, on, parallel",
    c"May the server send large transactions before their commit? on from PostgreSQL 14, parallel from 16. auto: on where the server knows it. With messages=on and delivery=committed it does not: messages of a rolled-back savepoint could not be told apart.",
    |o, v| parse::choice(v, &mut o.streaming, &[
        ("auto", Streaming::Auto), ("off", Streaming::Off), ("on", Streaming::On), ("parallel", Streaming::Parallel)]);

    c"protocol_version" = c"auto", c"auto, 1, 2, 3, 4",
    c"pgoutput's proto_version. auto: 2 on PostgreSQL 14, 3 on 15, 4 from 16 on.",
    |o, v| parse::choice(v, &mut o.protocol_version, &[
        ("auto", None), ("1", Some(1)), ("2", Some(2)), ("3", Some(3)), ("4", Some(4))]);

    c"binary" = c"off", c"on, off",
    c"Values in their binary send form where the type has one. Check walstream_value.kind: both forms may be mixed in one row.",
    |o, v| parse::on_off(v, &mut o.binary);

    c"messages" = c"off", c"on, off",
    c"Deliver what pg_logical_emit_message writes.",
    |o, v| parse::on_off(v, &mut o.messages);

    c"origin" = c"any", c"any, none",
    c"none: only changes that first happened on this server, none that it replicated (PostgreSQL 16 and later).",
    |o, v| parse::choice(v, &mut o.origin, &[("any", Origin::Any), ("none", Origin::None)]);

    c"two_phase" = c"off", c"on, off",
    c"Deliver prepared transactions at PREPARE, before it is known whether they commit (PostgreSQL 15 and later). This switches the slot over for good.",
    |o, v| parse::on_off(v, &mut o.two_phase);

    c"publication.missing" = c"warn", c"warn, error",
    c"What to do when a publication goes missing while streaming from PostgreSQL 18, which then leaves its changes out. Earlier servers end the stream.",
    |o, v| parse::choice(v, &mut o.publication_missing, &[
        ("warn", PublicationMissing::Warn), ("error", PublicationMissing::Error)]);

    c"plugin" = c"pgoutput", c"an output plugin's name",
    c"The slot's output plugin. Others than pgoutput give RAW events.",
    |o, v| parse::word(v, &mut o.plugin);

    c"plugin.idle_advance" = c"off", c"on, off",
    c"Confirm keepalive positions for other plugins, too. Only safe when each transaction's last RAW event is recognised and acknowledged.",
    |o, v| parse::on_off(v, &mut o.plugin_idle_advance);

    c"start.position" = c"", c"what walstream_position gave",
    c"The position to go on from, with the identity of the server that it belongs to. start_lsn is then 0 or the same LSN.",
    |o, v| parse::position(v, &mut o.start_position);

    c"start.strict" = c"off", c"on, off",
    c"A slot that is ahead of start_lsn is E_GAP. Needs idle_advance=host or off, and a host that saves before it acknowledges.",
    |o, v| parse::on_off(v, &mut o.start_strict);

    c"stop_lsn" = c"0/0", c"an LSN such as 16/B374D848",
    c"END after the transaction that reaches or crosses this position, or as soon as the server is past it. 0/0: never.",
    |o, v| parse::lsn(v, &mut o.stop_lsn);

    c"idle_advance" = c"auto", c"auto, host, off",
    c"What becomes of the server's position while nothing is pending. auto: confirmed, so that an idle slot holds back no WAL. host: a POSITION event to acknowledge. off: nothing.",
    |o, v| parse::choice(v, &mut o.idle_advance, &[
        ("auto", IdleAdvance::Auto), ("host", IdleAdvance::Host), ("off", IdleAdvance::Off)]);

    c"status_interval_ms" = c"10000", c"50 to 2147483647",
    c"Longest time between two status updates, in milliseconds; at most a third of the server's wal_sender_timeout is used.",
    |o, v| parse::ms(v, 50, &mut o.status_interval);

    c"receive_timeout_ms" = c"60000", c"0 to 2147483647",
    c"After this long without a byte the server is asked for a sign of life; after as long again the connection counts as lost. In milliseconds; 0: never. During a base backup its kernel is asked, by TCP keepalives.",
    |o, v| parse::ms(v, 0, &mut o.receive_timeout);

    c"connect_timeout_ms" = c"30000", c"0 to 2147483647",
    c"Longest time for connecting and checking the slot, in milliseconds; 0: no limit.",
    |o, v| parse::ms(v, 0, &mut o.connect_timeout);

    c"retry.first" = c"off", c"on, off",
    c"Retry the first connection, too.",
    |o, v| parse::on_off(v, &mut o.retry_first);

    c"retry.initial_ms" = c"100", c"1 to 2147483647",
    c"Pause before the first retry, in milliseconds. Each one doubles it, and chance takes up to half off.",
    |o, v| parse::ms(v, 1, &mut o.retry_initial);

    c"retry.max_ms" = c"30000", c"1 to 2147483647",
    c"Longest pause between two retries, in milliseconds.",
    |o, v| parse::ms(v, 1, &mut o.retry_max);

    c"retry.max_elapsed_ms" = c"0", c"0 to 2147483647",
    c"Give up after this long without a connection, in milliseconds; 0: never.",
    |o, v| parse::ms(v, 0, &mut o.retry_max_elapsed);

    c"retry.failover_ms" = c"60000", c"0 to 2147483647",
    c"How long a standby may be behind us, without our slot or still synchronising it before that counts as an error, in milliseconds.",
    |o, v| parse::ms(v, 0, &mut o.retry_failover);

    c"queue.max_bytes" = c"16MB", c"64kB to 1TB, with or without unit",
    c"Memory of events that wait for the host. One event may exceed it alone.",
    |o, v| parse::size(v, 64 << 10, &mut o.queue_max_bytes);

    c"batch.max_events" = c"8192", c"1 to 65536",
    c"Most events of one batch. One that has grown to 1 MiB, or a quarter of a smaller queue, goes, too.",
    |o, v| parse::count(v, 1, 65_536, &mut o.batch_max_events);

    c"pacing" = c"auto", c"auto, off",
    c"auto: a stream that is behind reads in gulps, with short naps between them, which saves most of the processor time of a catch-up. Over TCP from a near server it keeps a small receive buffer for that. off: it reads whenever something comes.",
    |o, v| parse::choice(v, &mut o.pacing, &[("auto", true), ("off", false)]);

    c"pacing.max_us" = c"20000", c"50 to 100000",
    c"Longest nap, in microseconds. A nap is never longer than a 64th of the delay that the stream has already, nor than the system has room for what comes meanwhile.",
    |o, v| parse::us(v, 50, 100_000, &mut o.pacing_max);

    c"spill.dir" = c"", c"a directory",
    c"Where large transactions are kept until their commit. Empty: $TMPDIR, else /var/tmp.",
    |o, v| parse::path(v, &mut o.spill_dir);

    c"spill.memory_bytes" = c"64MB", c"0 to 1TB, with or without unit",
    c"Memory for transactions that the server sent before their commit; what exceeds it goes to spill.dir.",
    |o, v| parse::bytes(v, &mut o.spill_memory_bytes);

    c"spill.max_bytes" = c"0", c"0 to 1PB, with or without unit",
    c"Most bytes in spill.dir; 0: as many as it takes. When it is exhausted the stream reconnects with streaming=off.",
    |o, v| parse::bytes(v, &mut o.spill_max_bytes);

    c"backup.label" = c"walstream base backup", c"up to 1024 characters without control characters",
    c"Base backup: a name for it, in the server's log and in backup_label.",
    |o, v| parse::label(v, &mut o.backup.label);

    c"backup.checkpoint" = c"spread", c"fast, spread",
    c"Base backup: its checkpoint is written at once, or over checkpoint_timeout so as not to disturb. No data comes before it is done.",
    |o, v| parse::choice(v, &mut o.backup.checkpoint, &[("fast", Checkpoint::Fast), ("spread", Checkpoint::Spread)]);

    c"backup.wal" = c"off", c"on, off",
    c"Base backup: include the write-ahead log that makes it whole. off: it has to come from an archive or another stream.",
    |o, v| parse::on_off(v, &mut o.backup.wal);

    c"backup.wait" = c"on", c"on, off",
    c"Base backup: on a server with archive_mode wait at the end until the log that the backup needs is archived.",
    |o, v| parse::on_off(v, &mut o.backup.wait);

    c"backup.progress" = c"on", c"on, off",
    c"Base backup: let the server estimate the size, and deliver BACKUP_PROGRESS events.",
    |o, v| parse::on_off(v, &mut o.backup.progress);

    c"backup.manifest" = c"yes", c"yes, no, force-encode",
    c"Base backup: a manifest of all files, for pg_verifybackup and for incremental backups.",
    |o, v| parse::choice(v, &mut o.backup.manifest, &[
        ("yes", Manifest::Yes), ("no", Manifest::No), ("force-encode", Manifest::ForceEncode)]);

    c"backup.manifest_checksums" = c"crc32c", c"none, crc32c, sha224, sha256, sha384, sha512",
    c"Base backup: what the manifest has of each file.",
    |o, v| parse::choice(v, &mut o.backup.manifest_checksums, &[
        ("none", "NONE"), ("crc32c", "CRC32C"), ("sha224", "SHA224"), ("sha256", "SHA256"),
        ("sha384", "SHA384"), ("sha512", "SHA512")]);

    c"backup.compression" = c"none", c"none, gzip, lz4, zstd",
    c"Base backup: compress archives on the server (PostgreSQL 15 and later, where it was built with the method).",
    |o, v| parse::choice(v, &mut o.backup.compression, &[
        ("none", Compression::None), ("gzip", Compression::Gzip), ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd)]);

    c"backup.compression_detail" = c"", c"a level, or such as level=5,workers=2",
    c"Base backup: how to compress.",
    |o, v| parse::detail(v, &mut o.backup.compression_detail);

    c"backup.max_rate_kb" = c"0", c"0, 32 to 1048576",
    c"Base backup: most kilobytes per second; 0: no limit.",
    |o, v| parse::rate(v, &mut o.backup.max_rate_kb);

    c"backup.tablespace_map" = c"off", c"on, off",
    c"Base backup: add the file tablespace_map, from which a server makes the links to its tablespaces.",
    |o, v| parse::on_off(v, &mut o.backup.tablespace_map);

    c"backup.verify_checksums" = c"on", c"on, off",
    c"Base backup: let the server verify checksums of pages, where it has them.",
    |o, v| parse::on_off(v, &mut o.backup.verify_checksums);

    c"backup.incremental" = c"", c"the path of an earlier backup's manifest",
    c"Base backup: only what changed since then (PostgreSQL 17 and later, with summarize_wal=on).",
    |o, v| parse::path(v, &mut o.backup.incremental);
}

impl Options {
    /// Sets one option; None is its default. On failure nothing changes.
    pub fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), Failure> {
        let spec = TABLE.iter().find(|spec| spec.name.to_bytes() == key.as_bytes());
        match (spec, key.strip_prefix(PLUGIN_PREFIX)) {
            (Some(spec), _) => spec.set(self, value),
            (None, Some(name)) if !name.is_empty() => {
                match value {
                    Some(value) => self.plugin_options.insert(name.to_owned(), value.to_owned()),
                    None => self.plugin_options.remove(name),
                };
                Ok(())
            }
            _ => Err(unknown(key)),
        }
    }

    /// One option as it was set, or its default; None for an unknown one or a plugin's that is not set.
    pub fn get(&self, key: &str) -> Option<&str> {
        let set = self.texts.get(key).or_else(|| self.plugin_options.get(key.strip_prefix(PLUGIN_PREFIX)?));
        let default = || TABLE.iter().find(|spec| spec.name.to_bytes() == key.as_bytes());
        set.map(String::as_str).or_else(|| Some(text(default()?.default)))
    }
}

impl OptionSpec {
    fn set(&self, options: &mut Options, value: Option<&str>) -> Result<(), Failure> {
        let value = value.unwrap_or(text(self.default));
        let mut changed = options.clone();
        if !(self.set)(&mut changed, value) {
            let (name, allowed) = (text(self.name), text(self.allowed));
            return Err(Failure::new(
                Code::E_ARGUMENT,
                format!("option {name}: {value:?} is not allowed, only {allowed}"),
            )
            .hint(text(self.help)));
        }
        changed.texts.insert(text(self.name), value.to_owned());
        *options = changed;
        Ok(())
    }
}

fn unknown(key: &str) -> Failure {
    let names: Vec<_> = TABLE.iter().map(|spec| text(spec.name)).collect();
    let known = names.join(", ");
    Failure::new(Code::E_ARGUMENT, format!("unknown option {key:?}: known are {known}, and plugin.NAME"))
        .hint("walstream_option_at gives the whole table, docs/options.md shows it")
}

/// The table's texts are ASCII literals.
pub fn text(literal: &'static CStr) -> &'static str {
    literal.to_str().unwrap_or_default()
}

impl Options {
    /// `spill.dir`, or where such files go by default: not to /tmp, which may be memory.
    pub fn spill_dir(&self) -> PathBuf {
        let default = || std::env::var_os("TMPDIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        self.spill_dir.clone().or_else(default).unwrap_or_else(|| PathBuf::from("/var/tmp"))
    }

    fn blank() -> Options {
        Options {
            mode: Mode::Logical,
            timeline: 0,
            slot: String::new(),
            publication: Vec::new(),
            slot_create: SlotCreate::Never,
            slot_two_phase: false,
            slot_failover: false,
            slot_wait: None,
            plugin: String::new(),
            plugin_options: BTreeMap::new(),
            plugin_idle_advance: false,
            delivery: Delivery::Committed,
            streaming: Streaming::Auto,
            protocol_version: None,
            binary: false,
            messages: false,
            origin: Origin::Any,
            two_phase: false,
            publication_missing: PublicationMissing::Warn,
            start_position: String::new(),
            start_strict: false,
            stop_lsn: Lsn::ZERO,
            idle_advance: IdleAdvance::Auto,
            status_interval: Duration::ZERO,
            receive_timeout: Duration::ZERO,
            connect_timeout: Duration::ZERO,
            retry_first: false,
            retry_initial: Duration::ZERO,
            retry_max: Duration::ZERO,
            retry_max_elapsed: Duration::ZERO,
            retry_failover: Duration::ZERO,
            queue_max_bytes: 0,
            batch_max_events: 0,
            pacing: false,
            pacing_max: Duration::ZERO,
            spill_dir: None,
            spill_memory_bytes: 0,
            spill_max_bytes: 0,
            backup: BackupOptions::default(),
            texts: BTreeMap::new(),
        }
    }
}

/// Every option at the table's default.
impl Default for Options {
    fn default() -> Options {
        let mut options = Options::blank();
        for spec in TABLE {
            let taken = (spec.set)(&mut options, text(spec.default));
            debug_assert!(taken, "the table allows its own defaults");
        }
        options
    }
}
