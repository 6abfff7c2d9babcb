// What is not decoded: write-ahead log as it is, and base backups.
using System.Collections.Generic;

namespace Walstream.Tests
{
    internal static class PhysicalTests
    {
        public static void ABackupComesWhole()
        {
            using (var live = new Live())
            using (var stream = WalStream.OpenBackup(live.Conninfo, new WalStreamOptions { ["backup.checkpoint"] = "fast" }))
            {
                var archives = new List<string>();
                var kinds = new HashSet<EventKind>();
                long bytes = 0;
                foreach (var change in stream.ReadEvents())
                {
                    kinds.Add(change.Kind);
                    var copy = change.Clone();
                    // Many megabytes of base64 would only take time.
                    if (copy.Kind != EventKind.BackupData) Check.Equal(change.ToJson(), copy.ToJson());
                    if (copy.Kind == EventKind.BackupStart)
                    {
                        Check.Equal(1, copy.BackupDetail.Tablespaces.Count);
                        Check.Equal("", copy.BackupDetail.Tablespaces[0].Location);
                        Check.Equal(1u, copy.BackupDetail.Timeline);
                    }
                    if (copy.Kind == EventKind.BackupEnd) Check.Equal(0, copy.BackupDetail.Tablespaces.Count);
                    if (copy.Kind == EventKind.ArchiveBegin)
                    {
                        archives.Add(copy.Name);
                        Check.Equal(0u, copy.TablespaceDetail.Oid);
                    }
                    if (copy.Kind == EventKind.BackupData) bytes += copy.GetPayload().Length;
                }
                Check.Equal(new List<string> { "base.tar" }, archives);
                Check.That(bytes > 1000000, "the data came");
                foreach (var kind in new[] { EventKind.BackupStart, EventKind.BackupData, EventKind.ManifestBegin, EventKind.BackupEnd })
                    Check.That(kinds.Contains(kind), "there was a " + kind);
            }
        }

        public static void LogComesAsItIs()
        {
            using (var live = new Live())
            {
                string slot = live.Slot + "_physical";
                live.Sql.Run("SELECT pg_create_physical_replication_slot('" + slot + "', true)");
                try
                {
                    var start = Lsn.Parse(live.Sql.Run("SELECT pg_current_wal_flush_lsn()"));
                    live.Sql.Run("CREATE TABLE a (id int)");
                    var end = Lsn.Parse(live.Sql.Run("SELECT pg_current_wal_flush_lsn()"));
                    using (var stream = WalStream.Open(live.Conninfo, new WalStreamOptions { ["mode"] = "physical", Slot = slot, StartLsn = start }))
                    {
                        Lsn read = start;
                        while (read < end)
                        {
                            var change = stream.ReadEvent();
                            if (change.Kind != EventKind.Wal) continue;
                            Check.Equal(read, change.Lsn, "chunks join at");
                            Check.Equal(1u, change.TimelineDetail.Timeline);
                            read = new Lsn(change.Lsn.Value + (ulong)change.GetPayload().Length);
                        }
                        stream.Stop();
                    }
                }
                finally
                {
                    live.Sql.Run("SELECT pg_drop_replication_slot('" + slot + "')");
                }
            }
        }
    }
}
