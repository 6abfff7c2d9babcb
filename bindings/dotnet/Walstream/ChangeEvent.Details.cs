using System;
using System.Collections.Generic;
using Walstream.Native;

namespace Walstream
{
    // What only some kinds carry. Each property is null for every other kind.
    public sealed unsafe partial class ChangeEvent
    {
        /// <summary>The tables of a TRUNCATE; of other kinds <see cref="Relation"/> or none.</summary>
        public IReadOnlyList<Relation> Relations
        {
            get
            {
                if (Native->Kind != EventKind.Truncate) return native->Relation == null ? new Relation[0] : new[] { Relation };
                var tables = new Relation[native->DetailCount];
                for (int i = 0; i < tables.Length; i++) tables[i] = relations.Find(((NativeRelation**)native->Detail)[i]);
                return Keep(tables);
            }
        }

        /// <summary>TYPE: which.</summary>
        public TypeDetail TypeDetail
        {
            get
            {
                var detail = (NativeTypeDetail*)Detail(EventKind.Type);
                return Keep(detail == null ? null : new TypeDetail(Utf8.Name(detail->Schema), Utf8.Name(detail->Name), detail->Oid));
            }
        }

        /// <summary>ORIGIN: the commit's position at the node that it first happened on.</summary>
        public Lsn? OriginLsn
        {
            get
            {
                var detail = (NativeOriginDetail*)Detail(EventKind.Origin);
                return Keep(detail == null ? (Lsn?)null : new Lsn(detail->OriginLsn));
            }
        }

        /// <summary>ROLLBACK_PREPARED: which PREPARE it ends.</summary>
        public RollbackDetail RollbackDetail
        {
            get
            {
                var detail = (NativeRollbackDetail*)Detail(EventKind.RollbackPrepared);
                return Keep(detail == null ? null : new RollbackDetail(new Lsn(detail->PrepareEndLsn), PgTime.FromUnixMicroseconds(detail->PrepareTimeUs)));
            }
        }

        /// <summary>TIMELINE: the switch. WAL: only Timeline is set.</summary>
        public TimelineDetail TimelineDetail
        {
            get
            {
                var detail = (NativeTimelineDetail*)(Native->Kind == EventKind.Wal ? native->Detail : Detail(EventKind.Timeline));
                return Keep(detail == null ? null : new TimelineDetail(new Lsn(detail->SwitchLsn), detail->Timeline, detail->OldTimeline));
            }
        }

        /// <summary>BACKUP_START, BACKUP_END: the log that the backup needs lies between their positions, on this timeline.</summary>
        public BackupDetail BackupDetail
        {
            get
            {
                var detail = (NativeBackupDetail*)(Native->Kind == EventKind.BackupEnd ? native->Detail : Detail(EventKind.BackupStart));
                if (detail == null) return null;
                var tablespaces = new TablespaceDetail[detail->TablespaceCount];
                for (int i = 0; i < tablespaces.Length; i++) tablespaces[i] = Tablespace(detail->Tablespaces + i);
                return Keep(new BackupDetail(detail->Timeline, tablespaces));
            }
        }

        /// <summary>ARCHIVE_BEGIN: whose archive it is.</summary>
        public TablespaceDetail TablespaceDetail
        {
            get
            {
                var detail = (NativeTablespaceDetail*)Detail(EventKind.ArchiveBegin);
                return Keep(detail == null ? null : Tablespace(detail));
            }
        }

        /// <summary>BACKUP_PROGRESS: how far it is.</summary>
        public ProgressDetail ProgressDetail
        {
            get
            {
                var detail = (NativeProgressDetail*)Detail(EventKind.BackupProgress);
                return Keep(detail == null ? null : new ProgressDetail(detail->Done, detail->Total));
            }
        }

        private static TablespaceDetail Tablespace(NativeTablespaceDetail* detail)
        {
            return new TablespaceDetail(Utf8.Name(detail->Location, detail->LocationLen), detail->Size, detail->Oid);
        }

        private void* Detail(EventKind kind)
        {
            return Native->Kind == kind ? native->Detail : null;
        }
    }
}
