// Carries the library's log lines to a handler of the host. The one delegate that native code ever sees is
// rooted here for the life of the process; the handler itself by a GCHandle that lives until the stream is freed.
using System;
using System.Runtime.InteropServices;

namespace Walstream.Native
{
    internal static class LogBridge
    {
        private static readonly NativeMethods.LogCallback Callback = OnLog;

        [ThreadStatic]
        private static bool inside;

        // True in a handler, where a stream must not be freed.
        internal static bool IsInside
        {
            get { return inside; }
        }

        internal static GCHandle Attach(ConfigHandle config, Action<LogLevel, string> handler)
        {
            var rooted = GCHandle.Alloc(handler);
            Call.Check(NativeMethods.walstream_config_set_log(config, Callback, GCHandle.ToIntPtr(rooted)), null);
            return rooted;
        }

        private static void OnLog(IntPtr user, int level, IntPtr message)
        {
            bool before = inside;
            inside = true;
            try
            {
                RuntimeSignals.LetThrough();
                ((Action<LogLevel, string>)GCHandle.FromIntPtr(user).Target)((LogLevel)level, Utf8.Name(message));
            }
            catch (Exception)
            {
                // Above us is native code that no exception may cross, and a log handler's failure must not end the stream.
            }
            finally
            {
                inside = before;
            }
        }
    }
}
