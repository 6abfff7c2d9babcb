namespace Walstream
{
    /// <summary>What an event is. Skip kinds that you do not know: later versions may add some.</summary>
    public enum EventKind : uint
    {
        /// <summary>A transaction begins.</summary>
        Begin = 1,

        /// <summary>A transaction is complete.</summary>
        Commit = 2,

        /// <summary>The transaction came from another node.</summary>
        Origin = 3,

        /// <summary>A table's first row follows, or its definition changed.</summary>
        Relation = 4,

        /// <summary>A user-made type of a column that follows.</summary>
        Type = 5,

        /// <summary>A new row.</summary>
        Insert = 6,

        /// <summary>A changed row.</summary>
        Update = 7,

        /// <summary>A deleted row.</summary>
        Delete = 8,

        /// <summary>Tables were emptied.</summary>
        Truncate = 9,

        /// <summary>From pg_logical_emit_message.</summary>
        Message = 10,

        /// <summary>A prepared transaction begins.</summary>
        BeginPrepare = 11,

        /// <summary>A prepared transaction is complete, and not committed yet.</summary>
        Prepare = 12,

        /// <summary>A prepared transaction was committed.</summary>
        CommitPrepared = 13,

        /// <summary>A prepared transaction was rolled back.</summary>
        RollbackPrepared = 14,

        /// <summary>delivery=as-sent only: a block of an unfinished transaction.</summary>
        StreamStart = 15,

        /// <summary>delivery=as-sent only: the block ends.</summary>
        StreamStop = 16,

        /// <summary>delivery=as-sent only: an unfinished transaction committed.</summary>
        StreamCommit = 17,

        /// <summary>delivery=as-sent only: an unfinished (sub)transaction was rolled back.</summary>
        StreamAbort = 18,

        /// <summary>delivery=as-sent only: an unfinished transaction was prepared.</summary>
        StreamPrepare = 19,

        /// <summary>delivery=as-sent only: forget the unfinished transactions, they come again.</summary>
        Interrupted = 20,

        /// <summary>idle_advance=host only: nothing is pending; storing and acknowledging AckLsn loses nothing.</summary>
        Position = 21,

        /// <summary>Output of another plugin, unparsed.</summary>
        Raw = 22,

        /// <summary>Physical mode: write-ahead log, the payload from Lsn on.</summary>
        Wal = 23,

        /// <summary>Physical mode: the server went over to a new timeline.</summary>
        Timeline = 24,

        /// <summary>Base backup: its start position and tablespaces.</summary>
        BackupStart = 25,

        /// <summary>Base backup: an archive begins; Name is its file name.</summary>
        ArchiveBegin = 26,

        /// <summary>Base backup: the next piece of the archive or manifest.</summary>
        BackupData = 27,

        /// <summary>Base backup: how far it is.</summary>
        BackupProgress = 28,

        /// <summary>Base backup: the manifest begins.</summary>
        ManifestBegin = 29,

        /// <summary>Base backup: all was sent; Lsn is the position up to which WAL is needed.</summary>
        BackupEnd = 30,
    }
}
