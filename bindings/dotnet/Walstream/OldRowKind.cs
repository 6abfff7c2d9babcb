namespace Walstream
{
    /// <summary>What the server sent of the row before the change.</summary>
    public enum OldRowKind : uint
    {
        /// <summary>No old row: of an update it means that its key did not change.</summary>
        None = 0,

        /// <summary>The replica identity only; the other columns were not sent.</summary>
        Key = 1,

        /// <summary>The whole old row (REPLICA IDENTITY FULL).</summary>
        Full = 2,
    }
}
