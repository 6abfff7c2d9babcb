using System;
using Walstream.Native;

namespace Walstream
{
    /// <summary>
    /// The data as of a slot's start. Keeps a connection of its own, and outlives the administrator that made it. Keep a
    /// reference until the import is done (<c>using</c>): one that is forgotten is closed by the collector. Any thread may use it.
    /// </summary>
    public sealed class SlotSnapshot : IDisposable
    {
        private readonly SnapshotHandle handle;

        internal SlotSnapshot(SnapshotHandle handle)
        {
            this.handle = handle;
            Name = Utf8.Name(NativeMethods.walstream_snapshot_name(handle));
            Lsn = new Lsn(NativeMethods.walstream_snapshot_lsn(handle));
        }

        /// <summary>For SET TRANSACTION SNAPSHOT in a transaction that is REPEATABLE READ. Of no use once this is disposed.</summary>
        public string Name { get; private set; }

        /// <summary>What was committed before this position is in the snapshot, everything else comes through the slot.</summary>
        public Lsn Lsn { get; private set; }

        /// <summary>Closes the connection: transactions that imported the snapshot keep it, others no longer can.</summary>
        public void Dispose()
        {
            handle.Dispose();
        }
    }
}
