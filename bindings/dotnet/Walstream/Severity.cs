namespace Walstream
{
    /// <summary>How much a finding matters.</summary>
    public enum Severity : uint
    {
        /// <summary>Worth knowing; nothing has to be done.</summary>
        Info = 1,

        /// <summary>The stream runs, but something will be missing or go wrong later.</summary>
        Warning = 2,

        /// <summary>The stream does not start, or cannot go on.</summary>
        Error = 3,
    }
}
