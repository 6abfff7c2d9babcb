using System;

namespace Walstream
{
    /// <summary>Flags of an event.</summary>
    [Flags]
    public enum EventFlags : uint
    {
        /// <summary>None of them.</summary>
        None = 0,

        /// <summary>Sent before its commit (delivery=as-sent).</summary>
        Streamed = 1,

        /// <summary>Message: belongs to the transaction. Not set: it stands for itself and survives a rollback.</summary>
        Transactional = 2,

        /// <summary>Truncate: with CASCADE.</summary>
        TruncateCascade = 4,

        /// <summary>Truncate: with RESTART IDENTITY.</summary>
        RestartIdentity = 8,

        /// <summary>CommitLsn and Seq identify nothing.</summary>
        NoIdentity = 16,
    }
}
