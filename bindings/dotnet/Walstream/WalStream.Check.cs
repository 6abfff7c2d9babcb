using System;
using System.Collections.Generic;
using Walstream.Native;

namespace Walstream
{
    // The preflight: what would become of a stream that is not opened yet.
    public sealed partial class WalStream
    {
        /// <summary>
        /// Would a stream with these options run, and run well? Connects as one would, looks, and changes nothing: no slot is made, moved or
        /// taken. Any thread may call it. It may wait: for the option connect_timeout_ms on each of up to three connections, and for as long on
        /// their answers. The position to start from is not looked at.
        /// </summary>
        /// <param name="conninfo">As libpq takes it: keywords or URI.</param>
        /// <param name="options">As for <see cref="Open(string, WalStreamOptions)"/>.</param>
        /// <returns>What was found, the worst first; empty when all is well.</returns>
        /// <exception cref="WalStreamException">There was nothing to look through: nobody answers, or not to this user and password.</exception>
        /// <exception cref="ArgumentException">A text has a NUL character.</exception>
        public static unsafe IReadOnlyList<Finding> Check(string conninfo, WalStreamOptions options)
        {
            if (conninfo == null) throw new ArgumentNullException("conninfo");
            if (options == null) throw new ArgumentNullException("options");
            ReportHandle report;
            using (var config = options.ToNative())
            {
                ErrorHandle error;
                Call.Check(NativeMethods.walstream_check(Utf8.ToNative(conninfo, "conninfo"), config, out report, out error), error);
            }
            using (report)
            {
                var findings = new Finding[checked((int)NativeMethods.walstream_report_count(report))];
                for (int i = 0; i < findings.Length; i++) findings[i] = new Finding(NativeMethods.walstream_report_finding(report, (UIntPtr)i));
                return findings;
            }
        }
    }
}
