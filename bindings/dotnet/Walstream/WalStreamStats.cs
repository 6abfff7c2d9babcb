using System;
using Walstream.Native;

namespace Walstream
{
    /// <summary>A snapshot of where a stream stands.</summary>
    public sealed class WalStreamStats
    {
        private readonly NativeStats stats;

        internal WalStreamStats(NativeStats stats)
        {
            this.stats = stats;
        }

        /// <summary>What the stream is doing.</summary>
        public StreamState State { get { return stats.State; } }

        /// <summary>Highest position received.</summary>
        public Lsn ReceivedLsn { get { return new Lsn(stats.ReceivedLsn); } }

        /// <summary>Highest AckLsn in what was handed out.</summary>
        public Lsn DeliveredLsn { get { return new Lsn(stats.DeliveredLsn); } }

        /// <summary>Highest position acknowledged.</summary>
        public Lsn AckedLsn { get { return new Lsn(stats.AckedLsn); } }

        /// <summary>Flush position last sent to the server; above AckedLsn when idle positions were confirmed.</summary>
        public Lsn ConfirmedLsn { get { return new Lsn(stats.ConfirmedLsn); } }

        /// <summary>How far the server said that it is.</summary>
        public Lsn ServerLsn { get { return new Lsn(stats.ServerLsn); } }

        /// <summary>From ConfirmedLsn to ServerLsn.</summary>
        public ulong LagBytes { get { return stats.LagBytes; } }

        /// <summary>From the last transaction's commit to its receipt, by both clocks.</summary>
        public TimeSpan CommitDelay { get { return Microseconds(stats.CommitDelayUs); } }

        /// <summary>Events made since the start, waiting ones included.</summary>
        public ulong Events { get { return stats.Events; } }

        /// <summary>Received in messages with WAL data.</summary>
        public ulong Bytes { get { return stats.Bytes; } }

        /// <summary>Events that wait to be read.</summary>
        public ulong QueueEvents { get { return stats.QueueEvents; } }

        /// <summary>Memory of those.</summary>
        public ulong QueueBytes { get { return stats.QueueBytes; } }

        /// <summary>Memory of what was read and is not disposed yet.</summary>
        public ulong HostBytes { get { return stats.HostBytes; } }

        /// <summary>On disk for transactions without a commit.</summary>
        public ulong SpilledBytes { get { return stats.SpilledBytes; } }

        /// <summary>Transactions that the server began to send before their commit.</summary>
        public ulong OpenTransactions { get { return stats.OpenTransactions; } }

        /// <summary>Connections made anew.</summary>
        public ulong Reconnects { get { return stats.Reconnects; } }

        /// <summary>Time that the queue was full.</summary>
        public TimeSpan Stalled { get { return Microseconds(stats.StalledUs); } }

        /// <summary>The last error, also one that was retried; Ok when there was none.</summary>
        public ErrorCode LastError { get { return (ErrorCode)stats.LastError; } }

        /// <summary>How often messages were let pile up, by the option pacing.</summary>
        public ulong Naps { get { return stats.Naps; } }

        /// <summary>How long the latest nap was to be.</summary>
        public TimeSpan Nap { get { return Microseconds(stats.NapUs); } }

        private static TimeSpan Microseconds(ulong count)
        {
            return TimeSpan.FromTicks((long)Math.Min(count, (ulong)long.MaxValue / 10) * 10);
        }
    }
}
