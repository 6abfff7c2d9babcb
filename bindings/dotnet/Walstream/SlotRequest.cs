using Walstream.Native;

namespace Walstream
{
    /// <summary>
    /// What <see cref="WalStreamAdmin.CreateSlot"/> is to make. As it is: a logical slot for pgoutput, without a snapshot. What does not go
    /// together is refused there, as <see cref="ErrorCode.Argument"/>.
    /// </summary>
    public sealed class SlotRequest
    {
        /// <summary>A physical slot instead of a logical one.</summary>
        public bool Physical { get; set; }

        /// <summary>It ends with the connection that made it: the snapshot's if there is one, else the administrator's.</summary>
        public bool Temporary { get; set; }

        /// <summary>Logical: prepared transactions are sent at their PREPARE.</summary>
        public bool TwoPhase { get; set; }

        /// <summary>Logical: synchronised to standbys. Needs PostgreSQL 17.</summary>
        public bool Failover { get; set; }

        /// <summary>Physical: holds log back from now on, not only from its first use.</summary>
        public bool ReserveWal { get; set; }

        /// <summary>Logical: whether <see cref="CreatedSlot.Snapshot"/> is to be there.</summary>
        public SnapshotWish Snapshot { get; set; }

        /// <summary>Logical: the output plugin; null is pgoutput.</summary>
        public string Plugin { get; set; }

        // The plugin's name must stay where it is for the call.
        internal unsafe NativeSlotRequest ToNative(byte* plugin)
        {
            return new NativeSlotRequest
            {
                StructSize = (uint)sizeof(NativeSlotRequest),
                Flags = (Physical ? SlotFlags.Physical : 0) | (Temporary ? SlotFlags.Temporary : 0) | (TwoPhase ? SlotFlags.TwoPhase : 0)
                    | (Failover ? SlotFlags.Failover : 0) | (ReserveWal ? SlotFlags.ReserveWal : 0),
                Snapshot = Snapshot,
                Plugin = plugin,
            };
        }
    }
}
