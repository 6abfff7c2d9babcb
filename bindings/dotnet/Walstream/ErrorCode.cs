namespace Walstream
{
    /// <summary>What a call came to.</summary>
    public enum ErrorCode : int
    {
        /// <summary>No error.</summary>
        Ok = 0,

        /// <summary>The time to wait passed; nothing was lost.</summary>
        Timeout = 1,

        /// <summary>The wait was ended.</summary>
        Woken = 2,

        /// <summary>The stream came to its end.</summary>
        End = 3,

        /// <summary>A null, an unknown option, a value that is not allowed.</summary>
        Argument = -1,

        /// <summary>This call does not fit the stream's state.</summary>
        State = -2,

        /// <summary>Another thread is reading from or stopping this stream, or inside a call of this administrator.</summary>
        Busy = -3,

        /// <summary>The stream was disposed while this call was in progress.</summary>
        Closed = -4,

        /// <summary>The server was not reached, or the connection was lost for longer than the options allow.</summary>
        Connect = -5,

        /// <summary>The server refused user, password, certificate or host.</summary>
        Auth = -6,

        /// <summary>The server reported an error that no other code names.</summary>
        Server = -7,

        /// <summary>The slot does not exist.</summary>
        SlotMissing = -8,

        /// <summary>Another connection reads the slot, longer than the option slot.wait_ms.</summary>
        SlotInUse = -9,

        /// <summary>The server invalidated the slot: what it had not sent is gone.</summary>
        SlotLost = -10,

        /// <summary>A publication does not exist.</summary>
        Publication = -11,

        /// <summary>Changes were skipped, or lie on another timeline.</summary>
        Gap = -12,

        /// <summary>Another database cluster answers at this address.</summary>
        WrongSystem = -13,

        /// <summary>Bytes that are not what PostgreSQL's protocol allows.</summary>
        Protocol = -14,

        /// <summary>An acknowledgement beyond what was read.</summary>
        AckAhead = -15,

        /// <summary>A file or descriptor failed.</summary>
        Io = -16,

        /// <summary>Out of memory.</summary>
        Memory = -17,

        /// <summary>This server's version cannot do what an option asks for.</summary>
        Unsupported = -18,

        /// <summary>A bug of the library, caught at its boundary.</summary>
        Panic = -19,

        /// <summary>A resent transaction differs from the part already handed out.</summary>
        Diverged = -20,
    }
}
