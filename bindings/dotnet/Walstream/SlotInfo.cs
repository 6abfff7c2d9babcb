using Walstream.Native;

namespace Walstream
{
    /// <summary>What the server says of a slot. What its version does not know is false, zero or "". A copy: nothing changes it.</summary>
    public sealed class SlotInfo
    {
        private readonly SlotFlags flags;

        internal unsafe SlotInfo(NativeSlotInfo slot)
        {
            flags = slot.Flags;
            RestartLsn = new Lsn(slot.RestartLsn);
            RestartTimeline = slot.RestartTimeline;
            ConfirmedFlushLsn = new Lsn(slot.ConfirmedFlushLsn);
            TwoPhaseAt = new Lsn(slot.TwoPhaseAt);
            SafeWalSize = slot.SafeWalSize;
            ActivePid = slot.ActivePid;
            Xmin = slot.Xmin;
            CatalogXmin = slot.CatalogXmin;
            Plugin = Utf8.Name(slot.Plugin);
            Database = Utf8.Name(slot.Database);
            WalStatus = Utf8.Name(slot.WalStatus);
            InvalidationReason = Utf8.Name(slot.InvalidationReason);
        }

        /// <summary>Physical; else logical.</summary>
        public bool IsPhysical { get { return Has(SlotFlags.Physical); } }

        /// <summary>Ends with the connection that made it.</summary>
        public bool IsTemporary { get { return Has(SlotFlags.Temporary); } }

        /// <summary>Sends prepared transactions at their PREPARE.</summary>
        public bool IsTwoPhase { get { return Has(SlotFlags.TwoPhase); } }

        /// <summary>Synchronised to standbys.</summary>
        public bool IsFailover { get { return Has(SlotFlags.Failover); } }

        /// <summary>Somebody reads it.</summary>
        public bool IsActive { get { return Has(SlotFlags.Active); } }

        /// <summary>A standby's copy of a slot of the primary.</summary>
        public bool IsSynced { get { return Has(SlotFlags.Synced); } }

        /// <summary>Invalidated by a conflict with recovery.</summary>
        public bool IsConflicting { get { return Has(SlotFlags.Conflicting); } }

        /// <summary>Oldest log that it holds back; zero: none.</summary>
        public Lsn RestartLsn { get; private set; }

        /// <summary>Timeline of RestartLsn, of a physical slot on PostgreSQL 15 and later; else 0.</summary>
        public uint RestartTimeline { get; private set; }

        /// <summary>How far it is acknowledged; zero for a physical one.</summary>
        public Lsn ConfirmedFlushLsn { get; private set; }

        /// <summary>From where on prepared transactions are sent at their PREPARE; zero unknown (before PostgreSQL 18).</summary>
        public Lsn TwoPhaseAt { get; private set; }

        /// <summary>Bytes that may still be written before it may be lost; -1: no limit, or lost already.</summary>
        public long SafeWalSize { get; private set; }

        /// <summary>Process that reads it; 0: none.</summary>
        public int ActivePid { get; private set; }

        /// <summary>Oldest transaction whose rows it keeps; 0: none.</summary>
        public uint Xmin { get; private set; }

        /// <summary>The same for catalogs.</summary>
        public uint CatalogXmin { get; private set; }

        /// <summary>"" for a physical one.</summary>
        public string Plugin { get; private set; }

        /// <summary>"" for a physical one.</summary>
        public string Database { get; private set; }

        /// <summary>"reserved", "extended", "unreserved", "lost"; "" while it holds back nothing.</summary>
        public string WalStatus { get; private set; }

        /// <summary>Why it was invalidated; "": it was not.</summary>
        public string InvalidationReason { get; private set; }

        private bool Has(SlotFlags flag)
        {
            return (flags & flag) != 0;
        }
    }
}
