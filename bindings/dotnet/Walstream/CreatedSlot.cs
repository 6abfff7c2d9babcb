namespace Walstream
{
    /// <summary>A slot that was made.</summary>
    public sealed class CreatedSlot
    {
        internal CreatedSlot(Lsn consistentLsn, SlotSnapshot snapshot)
        {
            ConsistentLsn = consistentLsn;
            Snapshot = snapshot;
        }

        /// <summary>Where a logical slot begins; zero for a physical one.</summary>
        public Lsn ConsistentLsn { get; private set; }

        /// <summary>If it was asked for, the data as of there, for the caller to dispose; else null.</summary>
        public SlotSnapshot Snapshot { get; private set; }
    }
}
