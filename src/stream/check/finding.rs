//! What a check can find: one table gives each rule's code and meaning.
//!
//! `walstream_check` and docs/check.md both read this table.

#![forbid(unsafe_code)]

use crate::stream::error::one_line;

/// How bad it is. The order is that of the badness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Info,
    /// The stream runs, but something will be missing or go wrong later.
    Warning,
    /// The stream does not start, or cannot go on.
    Error,
}

macro_rules! rules {
    ($($name:ident = $code:literal, $severities:literal, $meaning:literal;)*) => {
        /// What was looked at.
        #[allow(missing_docs, reason = "the table's meaning says what each one is")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Rule { $($name),* }

        impl Rule {
            /// All, in the order of the documentation.
            pub const ALL: &[Rule] = &[$(Rule::$name),*];

            /// Its name for programs, the same for ever.
            pub const fn code(self) -> &'static str {
                match self { $(Rule::$name => $code),* }
            }

            /// The severities that it comes with, for a person.
            pub const fn severities(self) -> &'static str {
                match self { $(Rule::$name => $severities),* }
            }

            /// What it means, for a person.
            pub const fn meaning(self) -> &'static str {
                match self { $(Rule::$name => $meaning),* }
            }
        }
    };
}

rules! {
    Option = "option", "error",
        "An option that must be set is not, two do not go together, or this server's version does not know one.";
    HbaRefused = "hba-refused", "error",
        "No entry of pg_hba.conf allows the replication connection (or one forbids it).";
    RoleReplication = "role-replication", "error",
        "The role has not the REPLICATION attribute.";
    ReplicationRefused = "replication-refused", "error",
        "The server, or something in between, refuses the replication connection for another reason, though it takes an ordinary one.";
    CatalogsUnseen = "catalogs-unseen", "info",
        "mode=physical: there is no ordinary connection beside the replication one, so that only what the latter tells was looked at.";
    ActivityHidden = "activity-hidden", "info",
        "Open transactions of other roles are there, whose age this role may not see.";
    Pooler = "pooler", "warning, error",
        "A pooler such as PgBouncer stands in between: the connection is not with the server process that it names. A warning when it passes replication on.";
    WalLevel = "wal-level", "error",
        "wal_level is too low: decoding needs logical, mode=physical at least replica.";
    WalSendersExhausted = "wal-senders-exhausted", "warning, error",
        "All max_wal_senders are in use. A warning when the check itself had the last one: a stream that reconnects may not find its own free at once.";
    ReplicationSlotsExhausted = "replication-slots-exhausted", "info, error",
        "All max_replication_slots are in use. An error when the stream has to make its slot.";
    SenderTimeout = "wal-sender-timeout", "info, warning",
        "wal_sender_timeout is so short that a hiccup of the network ends the stream; info: it shortens status_interval_ms.";
    SynchronousStandby = "synchronous-standby", "warning",
        "synchronous_standby_names matches this application_name: commits on the server wait for this host's acknowledgements.";
    StandbyLogical = "standby-logical", "error",
        "The server is a standby, from which only PostgreSQL 16 and later decode.";
    StandbyFeedback = "standby-feedback", "warning",
        "The server is a standby without hot_standby_feedback: the primary may remove rows that the slot needs, which invalidates it.";
    SlotMissing = "slot-missing", "error",
        "There is no such slot, and slot.create does not make one.";
    SlotKind = "slot-kind", "error",
        "The slot is a physical one where a logical one is needed, or the other way round.";
    SlotDatabase = "slot-database", "error",
        "The slot belongs to another database.";
    SlotPlugin = "slot-plugin", "error",
        "The slot uses another output plugin.";
    SlotActive = "slot-active", "warning",
        "Somebody reads the slot just now.";
    SlotSynced = "slot-synced", "error",
        "The slot is a standby's copy, which can be read after a promotion only.";
    SlotLost = "slot-lost", "error",
        "The server invalidated the slot: what it had not sent is gone.";
    SlotEndangered = "slot-endangered", "warning",
        "The slot may soon be lost: little is left of max_slot_wal_keep_size, or it is used up.";
    SlotHoldsWal = "slot-holds-wal", "warning",
        "Nobody reads the slot, and it holds back more log than max_wal_size.";
    SlotTwoPhase = "slot-two-phase", "warning",
        "The slot and the options two_phase and slot.two_phase say different things.";
    SlotFailover = "slot-failover", "warning",
        "slot.failover is on, but the slot is not synchronised to standbys.";
    PublicationMissing = "publication-missing", "error",
        "There is no such publication in this database.";
    PublicationEmpty = "publication-empty", "warning",
        "The publication has no tables, or publishes no operations.";
    PublicationYounger = "publication-younger", "info, warning",
        "The publication was possibly made, or changed, after the slot's position: up to PostgreSQL 17 the stream then ends with an error, 18 leaves changes out. No catalog holds the position; the publication's xmin is compared with the slot's catalog_xmin, and where that may be another slot's it is only info.";
    ReplicaIdentity = "replica-identity", "warning",
        "A published table has no replica identity, but its UPDATE or DELETE is published: the server refuses these to whoever writes.";
    PartitionRoot = "partition-root", "warning",
        "A partitioned table is published, but not via its root: rows come under the partitions' names.";
    GeneratedColumns = "generated-columns", "info",
        "Generated columns that are not published.";
    UnloggedTable = "unlogged-table", "info",
        "An unlogged table that a publication seems to include: nothing of it is in the log.";
    LongTransaction = "long-transaction", "warning",
        "A transaction has been open for longer than connect_timeout_ms: a new slot waits for its end, and an old one holds log back for it.";
}

/// One of them, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// About what: a setting, slot, publication, table, role, process; "" where there is none.
    pub object: String,
    /// What is the case, on one line.
    pub message: String,
    /// What to do, on one line.
    pub remedy: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// One more.
    pub fn add(
        &mut self,
        severity: Severity,
        rule: Rule,
        object: &str,
        message: impl AsRef<str>,
        remedy: impl AsRef<str>,
    ) {
        self.0.push(Finding {
            rule,
            severity,
            object: one_line(object),
            message: one_line(message.as_ref()),
            remedy: one_line(remedy.as_ref()),
        });
    }

    /// Was it found?
    pub fn has(&self, rule: Rule) -> bool {
        self.0.iter().any(|finding| finding.rule == rule)
    }

    /// The worst ones first, otherwise as they were found.
    pub fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.0
    }
}
