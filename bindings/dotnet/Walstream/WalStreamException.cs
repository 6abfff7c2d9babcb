using System;
using System.Text;
using Walstream.Native;

namespace Walstream
{
    /// <summary>What went wrong, and what to do about it.</summary>
    public sealed class WalStreamException : Exception
    {
        internal WalStreamException(ErrorCode code, string message, string sqlState, string detail, string hint, ErrorFlags flags, int osError)
            : base(message)
        {
            Code = code;
            SqlState = sqlState;
            Detail = detail;
            Hint = hint;
            IsFatal = (flags & ErrorFlags.Fatal) != 0;
            IsRetriable = (flags & ErrorFlags.Retriable) != 0;
            OsError = osError;
        }

        /// <summary>Why it failed.</summary>
        public ErrorCode Code { get; private set; }

        /// <summary>The server's code of five characters, or "".</summary>
        public string SqlState { get; private set; }

        /// <summary>The server's DETAIL, or "".</summary>
        public string Detail { get; private set; }

        /// <summary>What to do, or "".</summary>
        public string Hint { get; private set; }

        /// <summary>The stream is over: every later read fails with the same code.</summary>
        public bool IsFatal { get; private set; }

        /// <summary>The same call may succeed later without any change.</summary>
        public bool IsRetriable { get; private set; }

        /// <summary>errno of a failed system call, else 0.</summary>
        public int OsError { get; private set; }

        /// <summary>All of it, on several lines.</summary>
        public override string ToString()
        {
            var text = new StringBuilder();
            text.Append(GetType().FullName).Append(": ").Append(Code).Append(": ").Append(Message);
            if (SqlState.Length > 0) text.Append(" (SQLSTATE ").Append(SqlState).Append(')');
            if (Detail.Length > 0) text.AppendLine().Append("DETAIL: ").Append(Detail);
            if (Hint.Length > 0) text.AppendLine().Append("HINT: ").Append(Hint);
            if (StackTrace != null) text.AppendLine().Append(StackTrace);
            return text.ToString();
        }
    }
}
