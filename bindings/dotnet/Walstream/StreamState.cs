namespace Walstream
{
    /// <summary>What a stream is doing.</summary>
    public enum StreamState : uint
    {
        /// <summary>Not started.</summary>
        Open = 0,

        /// <summary>Connecting to the server.</summary>
        Connecting = 1,

        /// <summary>Receiving.</summary>
        Streaming = 2,

        /// <summary>The connection was lost; pausing before the next try.</summary>
        WaitingToRetry = 3,

        /// <summary>Came to its end.</summary>
        Ended = 4,

        /// <summary>Ended by an error.</summary>
        Failed = 5,
    }
}
