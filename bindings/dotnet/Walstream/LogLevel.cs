namespace Walstream
{
    /// <summary>How much a log line matters.</summary>
    public enum LogLevel : int
    {
        /// <summary>Something failed.</summary>
        Error = 0,

        /// <summary>Something to look into.</summary>
        Warning = 1,

        /// <summary>What happens now and then.</summary>
        Info = 2,

        /// <summary>For whoever looks for a fault.</summary>
        Debug = 3,
    }
}
