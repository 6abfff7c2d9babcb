using System;
using System.Collections.Generic;

namespace Walstream
{
    /// <summary>A user-made type of a column that follows. A domain carries its base type's name.</summary>
    public sealed class TypeDetail
    {
        internal TypeDetail(string schema, string name, uint oid)
        {
            Schema = schema;
            Name = name;
            Oid = oid;
        }

        /// <summary>The type's schema.</summary>
        public string Schema { get; private set; }

        /// <summary>The type's name.</summary>
        public string Name { get; private set; }

        /// <summary>As in <see cref="Column.TypeOid"/>.</summary>
        public uint Oid { get; private set; }
    }

    /// <summary>Which PREPARE a ROLLBACK_PREPARED ends: GIDs are not unique for ever.</summary>
    public sealed class RollbackDetail
    {
        internal RollbackDetail(Lsn prepareEndLsn, DateTime? prepareTime)
        {
            PrepareEndLsn = prepareEndLsn;
            PrepareTime = prepareTime;
        }

        /// <summary>The end of the PREPARE's record.</summary>
        public Lsn PrepareEndLsn { get; private set; }

        /// <summary>When it was prepared, in UTC.</summary>
        public DateTime? PrepareTime { get; private set; }
    }

    /// <summary>The switch to another timeline.</summary>
    public sealed class TimelineDetail
    {
        internal TimelineDetail(Lsn switchLsn, uint timeline, uint oldTimeline)
        {
            SwitchLsn = switchLsn;
            Timeline = timeline;
            OldTimeline = oldTimeline;
        }

        /// <summary>Where the old timeline ends.</summary>
        public Lsn SwitchLsn { get; private set; }

        /// <summary>The timeline that goes on from there.</summary>
        public uint Timeline { get; private set; }

        /// <summary>The timeline that ends.</summary>
        public uint OldTimeline { get; private set; }
    }

    /// <summary>What a base backup consists of.</summary>
    public sealed class BackupDetail
    {
        internal BackupDetail(uint timeline, IReadOnlyList<TablespaceDetail> tablespaces)
        {
            Timeline = timeline;
            Tablespaces = tablespaces;
        }

        /// <summary>Of the event's position.</summary>
        public uint Timeline { get; private set; }

        /// <summary>The data directory among them; of BACKUP_END none.</summary>
        public IReadOnlyList<TablespaceDetail> Tablespaces { get; private set; }
    }

    /// <summary>A tablespace of a base backup.</summary>
    public sealed class TablespaceDetail
    {
        internal TablespaceDetail(string location, long size, uint oid)
        {
            Location = location;
            Size = size;
            Oid = oid;
        }

        /// <summary>Where it lies on the server; "" for the data directory itself.</summary>
        public string Location { get; private set; }

        /// <summary>Bytes, as estimated by the server; -1 unknown.</summary>
        public long Size { get; private set; }

        /// <summary>pg_tablespace.oid; 0 for the data directory itself.</summary>
        public uint Oid { get; private set; }
    }

    /// <summary>How far a base backup is, in bytes of archives.</summary>
    public sealed class ProgressDetail
    {
        internal ProgressDetail(ulong done, ulong total)
        {
            Done = done;
            Total = total;
        }

        /// <summary>Sent up to now.</summary>
        public ulong Done { get; private set; }

        /// <summary>Estimate of all; 0 unknown.</summary>
        public ulong Total { get; private set; }
    }
}
