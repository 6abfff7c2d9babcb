namespace Walstream
{
    /// <summary>Whether a new slot comes with a snapshot of the data as of its start.</summary>
    public enum SnapshotWish : uint
    {
        /// <summary>None.</summary>
        Nothing = 0,

        /// <summary>Exported by the server's own means.</summary>
        Export = 1,

        /// <summary>Taken by a transaction of the connection, and exported from there.</summary>
        Use = 2,
    }
}
