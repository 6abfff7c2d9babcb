using System;

namespace Walstream.Native
{
    internal static class PgTime
    {
        private static readonly DateTime UnixEpoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);

        // 0 stands for unknown.
        internal static DateTime? FromUnixMicroseconds(long microseconds)
        {
            if (microseconds == 0) return null;
            return UnixEpoch.AddTicks(checked(microseconds * 10));
        }
    }
}
