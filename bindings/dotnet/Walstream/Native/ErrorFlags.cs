using System;

namespace Walstream.Native
{
    /// <summary>Flags of an error.</summary>
    [Flags]
    internal enum ErrorFlags : uint
    {
        /// <summary>None of them.</summary>
        None = 0,

        /// <summary>The stream is over: every later read returns the same code again, only free is left.</summary>
        Fatal = 1,

        /// <summary>The same call may succeed later without any change.</summary>
        Retriable = 2,
    }
}
